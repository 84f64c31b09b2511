"""A proxy between a client and an instance that keeps what went by, and waits out a daemon that is away."""
import http.client
import http.server
import threading
import time
import urllib.parse


class RecordingProxy:
    """Forwards to an instance. Exchanges are (method, target, body, status, answer body)."""

    def __init__(self, instance):
        self.exchanges = []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                proxy._forward(instance, self, body)

            do_GET = do_POST = forward

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        host, port = self.server.server_address[:2]
        self.url = f"http://{host}:{port}{urllib.parse.urlsplit(instance.scep_url).path}"

    def _forward(self, instance, handler, body):
        answer = None
        for _ in range(300):
            try:
                answer = instance.http(handler.command, handler.path, body if handler.command == "POST" else None,
                                       [("Content-Type", "application/x-pki-message")] if body else [])
                break
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)
        if answer is None:
            handler.send_error(502)
            return
        self.exchanges.append((handler.command, handler.path, body, answer.status, answer.body))
        handler.send_response(answer.status)
        if answer.content_type:
            handler.send_header("Content-Type", answer.content_type)
        handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body)

    def operations(self):
        """The PKIOperation exchanges."""
        return [exchange for exchange in self.exchanges if "operation=pkioperation" in exchange[1].lower()]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
