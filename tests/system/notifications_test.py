"""What happened is told: at least once, under one id, whatever becomes of the receiver or of us."""
import datetime
import unittest

from client_certificates import Certificates
from instance import InstanceTest, run_ok
from scep_client import FAILURE, PENDING, SUCCESS, Client
from webhook import Webhook

SECRET = "6f1d7c0b9a2e4d5f8c3b7a6e5d4c3b2a"


class NotificationsTest(InstanceTest):
    def setUp(self):
        super().setUp()
        self.server = self.instance()
        self.tls = Certificates(self.server.path("tls"))
        self.tls.self_signed("hook", "/CN=localhost", "subjectAltName=DNS:localhost")
        (self.server.home / "hook.secret").write_text(SECRET + "\n")
        (self.server.home / "hook.secret").chmod(0o600)
        self.hook = self.webhook()

    def webhook(self, **options):
        hook = Webhook(SECRET, self.tls.pem("hook"), self.tls.key("hook"), **options)
        self.addCleanup(hook.stop)
        return hook

    def receiver(self, name="mdm", hook=None, extra=""):
        self.server.append(f"""[notification.{name}]
url = "{(hook or self.hook).url}/countersign"
secret = "hook.secret"
trust = "{self.tls.pem("hook")}"
connect_seconds = 2
answer_seconds = 2
{extra}
""")

    def start(self):
        self.server.start()
        self.bundle = self.server.ca_bundle()

    def enroll(self, name="laptop"):
        client = Client(self.server, self.bundle, name)
        reply = client.send(client.request(self.server.challenge()))
        self.assertEqual(reply.status, SUCCESS)
        return client

    def told(self, kind, count=1, hook=None):
        hook = hook or self.hook
        self.wait_until(lambda: len(hook.events(kind)) >= count, 60, f"{count} {kind}")
        self.assertEqual(len(hook.events(kind)), count)
        self.assertEqual(hook.violations, [])
        return hook.events(kind)

    def due_now(self):
        """As if time had passed: every pause is over."""
        run_ok("sqlite3", self.server.home / "countersign.db",
               "PRAGMA busy_timeout=9000; UPDATE notifications SET next_try = 0 WHERE state = 'waiting'")

    def listed(self, *words):
        return self.server.json("notification", "list", *words)

    def metric(self, name, receiver="mdm"):
        for line in self.server.http("GET", "/metrics").body.decode().splitlines():
            if line.startswith(f'countersign_notifications_{name}{{receiver="{receiver}"}} '):
                return float(line.rsplit(" ", 1)[1])
        return None

    def test_each_kind_of_event_is_told(self):
        self.receiver()
        self.start()
        client = self.enroll()
        issued = self.told("issued")[0]
        self.assertEqual(issued["profile"], "default")
        self.assertEqual(issued["request"]["transaction_id"], client.transaction)
        self.assertEqual(issued["request"]["subject"], "CN=laptop")
        self.assertEqual(issued["request"]["challenge"], "one-time")
        self.assertEqual(issued["certificate"]["pem"], client.certificate.read_text())
        serial = issued["certificate"]["serial"]
        self.server.command("certificate", "revoke", serial, "--reason", "keyCompromise")
        revoked = self.told("revoked")[0]
        self.assertEqual(revoked["certificate"]["serial"], serial)
        self.assertEqual(revoked["reason_code"], 1)
        self.assertEqual(revoked["request"]["id"], issued["request"]["id"])

        self.server.set("template.device", hold_for_approval=True)
        self.assertIn("reloaded", self.server.reload())
        held = Client(self.server, self.bundle, "held")
        self.assertEqual(held.send(held.request(self.server.challenge())).status, PENDING)
        request = self.told("held")[0]["request"]["id"]
        self.server.command("request", "deny", request, "--reason", "not ours")
        failed = self.told("failed")[0]
        self.assertEqual(failed["request"]["id"], request)
        self.assertIn("not ours", failed["reason"])
        self.assertTrue(failed["final"])
        self.assertEqual(held.send(held.poll()).status, FAILURE)
        self.assertEqual({one["state"] for one in self.listed()}, {"delivered"})
        self.assertEqual(len(self.listed()), 4)

    def shorten(self, role):
        """The RA's certificate again, of almost a year, with three days left."""
        home, now = self.server.home, datetime.datetime.now(datetime.timezone.utc)
        begin, end = (f"{now + datetime.timedelta(days=days):%Y%m%d%H%M%SZ}" for days in (-300, 3))
        (self.server.path("tls") / "ca.cnf").write_text(
            (self.server.path("tls") / "ca.cnf").read_text() + "[ra]\nkeyUsage = critical, keyEncipherment\n")
        run_ok("openssl", "req", "-new", "-key", home / f"ra/{role}.key", "-subj", f"/CN={role}", "-out", home / "short.csr")
        run_ok("openssl", "ca", "-batch", "-notext", "-config", self.server.path("tls") / "ca.cnf", "-cert", home / "ca/ca.pem",
               "-keyfile", home / "ca/ca.key", "-extensions", "ra", "-startdate", begin, "-enddate", end, "-in", home / "short.csr",
               "-out", home / f"ra/{role}.pem")

    def test_certificates_of_the_ra_that_end_soon_are_told_once(self):
        self.receiver(extra='events = ["expiring"]')
        self.shorten("encryption")
        self.server.set("ra.default", renew="manual")
        self.start()
        told = self.told("expiring")
        self.assertEqual(told[0]["kind"], "encryption")
        self.server.restart()
        self.server.restart()
        self.assertEqual(len(self.listed()), 1)

    def test_nothing_is_lost_while_the_receiver_is_away_slow_broken_or_lying(self):
        self.receiver()
        self.start()
        self.hook.stop()
        self.enroll("away")
        self.wait_until(lambda: self.metric("failed_total") > 0, what="a failed try")
        self.assertEqual(self.metric("waiting"), 1)
        self.hook.start()
        self.due_now()
        self.told("issued", 1)
        for number, mode in enumerate([500, 404, 302, "lie", "flood", "lose", "slow"], 2):
            with self.subTest(mode):
                self.hook.delay = 4
                self.hook.mode = mode
                tried = len(self.hook.tried)
                self.enroll(f"device-{mode}")
                self.wait_until(lambda: len(self.hook.tried) > tried, what="a try")
                waiting = lambda: [one for one in self.listed("--state", "waiting") if one["tries"] > 0]
                self.wait_until(waiting, what="a recorded failure")
                self.assertEqual(waiting()[0]["id"], self.hook.tried[-1])
                self.hook.mode = "take"
                self.due_now()
                self.told("issued", number)
                self.wait_until(lambda: not self.listed("--state", "waiting"), what="delivery")
        self.wait_until(lambda: self.metric("waiting") == 0, what="an empty outbox")
        self.assertEqual(self.metric("delivered_total"), 8)
        self.assertEqual(self.metric("dead"), 0)

    def test_a_kill_between_issue_and_delivery_loses_nothing(self):
        self.receiver()
        self.start()
        self.hook.stop()
        clients = [self.enroll(f"killed-{number}") for number in range(3)]
        self.server.kill()
        self.hook.start()
        self.hook.mode = "lose"       # takes it, and we never learn that it did
        self.server.start()
        self.due_now()
        self.wait_until(lambda: self.hook.tried, what="a try")
        self.server.kill()
        self.hook.mode = "take"
        self.server.start()
        self.due_now()
        events = self.told("issued", 3)
        self.assertEqual({event["request"]["transaction_id"] for event in events}, {client.transaction for client in clients})
        self.wait_until(lambda: not self.listed("--state", "waiting"), 60, "delivery")
        self.assertGreater(len(self.hook.tried), len(set(self.hook.tried)), "one arrived twice, under the same id")

    def test_a_dead_receiver_slows_nobody(self):
        dead = self.webhook()
        self.receiver("dead", dead)
        self.receiver()
        self.start()
        dead.stop()
        for number in range(3):
            self.enroll(f"device-{number}")
        self.told("issued", 3)
        self.assertEqual(self.metric("waiting", "dead"), 3)
        self.assertGreaterEqual(self.metric("oldest_seconds", "dead"), 0)

    def test_filters_profiles_and_reload(self):
        other = self.webhook()
        self.receiver("mdm", extra='events = ["revoked"]')
        self.receiver("other", other, extra='profiles = ["default"]')
        self.start()
        client = self.enroll()
        self.told("issued", hook=other)
        self.assertEqual(self.hook.events(), [])
        text = self.server.config.read_text().replace('events = ["revoked"]', 'events = ["issued"]')
        self.server.config.write_text(text)
        self.assertIn("reloaded", self.server.reload())
        self.enroll("second")
        self.told("issued")
        self.assertTrue(client.certificate)

    def test_a_client_certificate_and_a_secret_that_others_can_read(self):
        self.hook.stop()
        self.tls.client("ra")
        self.hook = self.webhook(client_ca=self.tls.pem("ca"))
        self.receiver(extra=f'client_certificate = "{self.tls.pem("ra")}"\nclient_key = "{self.tls.key("ra")}"')
        (self.server.home / "hook.secret").chmod(0o644)
        refused = self.server.command("check", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn(b"can be read by others", refused.stderr + refused.stdout)
        (self.server.home / "hook.secret").chmod(0o600)
        self.start()
        self.enroll()
        self.told("issued")

    def test_the_dead_are_seen_and_raised(self):
        self.receiver(extra="give_up_hours = 1")
        self.start()
        self.hook.mode = 400
        self.enroll("raised")
        self.enroll("dropped")
        self.wait_until(lambda: len([one for one in self.listed() if one["tries"]]) == 2, what="both tried")
        run_ok("sqlite3", self.server.home / "countersign.db",
               "PRAGMA busy_timeout=9000; UPDATE notifications SET next_try = 0, since = since - 4000000")
        self.wait_until(lambda: len(self.listed("--state", "dead")) == 2, what="both dead")
        self.assertEqual(self.metric("dead"), 2)
        self.assertEqual(self.metric("given_up_total"), 2)
        dead = {one["problem"] for one in self.listed("--state", "dead")}
        self.assertEqual(dead, {"denied: HTTP 400"})
        self.assertIn("is given up", self.server.log())
        first, second = (one["id"] for one in self.listed("--state", "dead"))
        self.hook.mode = "take"
        self.server.command("notification", "retry", first)
        self.told("issued")
        self.server.command("notification", "drop", second)
        self.wait_until(lambda: not self.listed("--state", "waiting"), what="delivery")
        self.assertEqual([one["id"] for one in self.listed()], [first])
        self.assertEqual(self.server.command("notification", "drop", first, check=False).returncode, 1)
        self.assertEqual(self.server.command("notification", "retry", "0" * 32, check=False).returncode, 1)
        self.assertEqual(len(self.server.audit("notification.retried")), 1)
        self.assertEqual(len(self.server.audit("notification.dropped")), 1)
        self.wait_until(lambda: self.metric("dead") == 0, what="no dead")

    def test_a_receiver_that_is_gone_keeps_its_mail_for_days(self):
        self.receiver()
        self.start()
        self.hook.stop()
        self.enroll()
        before, _, _ = self.server.config.read_text().partition("[notification.mdm]")
        whole = self.server.config.read_text()
        self.server.config.write_text(before)
        self.assertIn("reloaded", self.server.reload())
        self.assertEqual(len(self.listed("--state", "waiting")), 1)
        self.hook.start()
        self.server.config.write_text(whole)
        self.assertIn("reloaded", self.server.reload())
        self.due_now()
        self.told("issued")


if __name__ == "__main__":
    unittest.main()
