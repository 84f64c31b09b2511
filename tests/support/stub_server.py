"""HTTP servers in this process that can be switched off and on at the same port, and one that answers as a test says."""
import http.server
import ssl
import threading


def tls_context(certificate, key, client_ca=None):
    """A server's; None without a certificate. With `client_ca` clients must show a certificate of it."""
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class Listener:
    """HTTP on a loopback port of its own, over TLS when `context` is set before start(). Subclasses say what handles a request."""

    context = None
    host = "127.0.0.1"
    port = 0
    http = None
    silent = False  # about connections that break, such as TLS handshakes that fail

    def handler_class(self):
        raise NotImplementedError

    def start(self):
        """Listens (again, at the same port)."""
        self.http = http.server.ThreadingHTTPServer((self.host, self.port), self.handler_class(), bind_and_activate=False)
        self.http.allow_reuse_address = True
        self.http.daemon_threads = True
        self.http.request_queue_size = 256
        if self.silent:
            self.http.handle_error = lambda *_: None
        self.http.server_bind()
        self.http.server_activate()
        if self.context:
            self.http.socket = self.context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        """As if the machine were off: nobody listens."""
        if self.http is not None:
            self.http.shutdown()
            self.http.server_close()
            self.http = None


class StubServer(Listener):
    """Subclasses answer(method, path, headers, body) -> (status, headers, octets) or None: the connection ends without an answer."""

    def __init__(self, certificate, key, client_ca=None, host="127.0.0.1"):
        self.context = tls_context(certificate, key, client_ca)
        self.host = host
        self.lock = threading.Lock()
        self.start()

    @property
    def url(self):
        return f"https://localhost:{self.port}"

    silent = True

    def handler_class(self):
        return type("Handler", (Handler,), {"stub": self})

    def answer(self, method, path, headers, body):
        raise NotImplementedError


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stub = None
    timeout = 60

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.reply(b"")

    def do_POST(self):
        self.reply(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def reply(self, body):
        answer = self.stub.answer(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        if answer is None:
            self.close_connection = True
            return
        status, headers, octets = answer
        self.send_response(status)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(octets)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(octets)
        except OSError:
            pass  # whoever asked has gone, as some tests want it
