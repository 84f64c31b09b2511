"""A receiver of notifications, written from docs/notifications.md alone: checks signature and timestamp before it believes anything."""
import hashlib
import hmac
import json
import time

from stub_server import StubServer


class Webhook(StubServer):
    """`taken` holds what was answered with 2xx, `tried` every id that arrived, in order; `violations` what the document does not allow."""

    def __init__(self, secret, certificate, key, **options):
        self.secret = secret.encode()
        self.taken, self.tried, self.violations = [], [], []
        self.mode = "take"      # or a status, "lose" (takes it and says nothing), "slow", "lie", "flood"
        self.delay = 0
        super().__init__(certificate, key, **options)

    def answer(self, method, path, headers, body):
        with self.lock:
            mode = self.mode
            event = self.verified(method, headers, body)
            if event is None:
                return 400, {}, b""
            self.tried.append(event["id"])
            if mode in ("take", "lose", "slow", "flood"):
                self.taken.append(event)
        if mode == "slow":
            time.sleep(self.delay)
        if mode == "lose":
            return None
        if mode == "lie":
            return 200, {"Content-Length": "1000"}, b"half of it"
        if mode == "flood":
            return 200, {}, b"x" * (6 * 1024 * 1024)
        return (204 if mode in ("take", "slow") else mode), {}, b""

    def verified(self, method, headers, body):
        material = headers.get("countersign-timestamp", "").encode() + b"." + body
        expected = "v1=" + hmac.new(self.secret, material, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, headers.get("countersign-signature", "")):
            self.violations.append("signature")
            return None
        if abs(time.time() - int(headers["countersign-timestamp"])) > 300:
            self.violations.append("timestamp")
            return None
        event = json.loads(body)
        if method != "POST" or headers["countersign-id"] != event["id"] or headers["countersign-event"] != event["event"] or \
                headers["content-type"] != "application/json":
            self.violations.append(f"headers {headers}")
        return event

    def events(self, kind=None):
        """What was taken, each id once."""
        with self.lock:
            seen = {event["id"]: event for event in self.taken}
        return [event for event in seen.values() if kind in (None, event["event"])]
