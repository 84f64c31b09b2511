"""An HTTPS server in this process that answers as a test says; can be switched off and on at the same port."""
import http.server
import ssl
import threading


class StubServer:
    """Subclasses answer(method, path, headers, body) -> (status, headers, octets) or None: the connection ends without an answer."""

    def __init__(self, certificate, key, client_ca=None, host="127.0.0.1"):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        if client_ca:
            self.context.load_verify_locations(client_ca)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.host, self.port, self.http = host, 0, None
        self.lock = threading.Lock()
        self.start()

    @property
    def url(self):
        return f"https://localhost:{self.port}"

    def start(self):
        """Listens (again, at the same port)."""
        handler = type("Handler", (Handler,), {"stub": self})
        self.http = http.server.ThreadingHTTPServer((self.host, self.port), handler, bind_and_activate=False)
        self.http.allow_reuse_address = True
        self.http.daemon_threads = True
        self.http.request_queue_size = 256
        self.http.handle_error = lambda *_: None  # a TLS handshake that fails, as some tests want it
        self.http.server_bind()
        self.http.server_activate()
        self.http.socket = self.context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        """As if the machine were off: nobody listens."""
        if self.http is not None:
            self.http.shutdown()
            self.http.server_close()
            self.http = None

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
