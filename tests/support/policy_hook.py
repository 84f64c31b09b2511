"""Policy hooks that tests are made of: a web service that behaves as it is told, made of Python's standard library.

It checks what it is sent by the specification (docs/policy-hooks.md) and shares nothing with the product.
"""
import base64
import hmac
import http.server
import json
import socket
import threading
import time

from stub_server import Listener, tls_context

SECRET = b"0123456789abcdef0123456789abcdef"
SECRET_TEXT = "whsec_" + base64.b64encode(SECRET).decode()


def answer_to(question, **members):
    """The body of a proper answer."""
    return json.dumps({"version": 1, "id": question["id"], **members}).encode()


def approve(question, **members):
    return answer_to(question, decision="approve", **members)


def introduce(question):
    return answer_to(question, name="Stand-in", release="7", calls=["verify", "generate", "notify"])


class HookServer(Listener):
    """A webhook. `behave(handler, question)` answers everything but `initialize`; close() ends its threads."""

    def __init__(self, certificate=None, key=None, client_ca=None, secret=SECRET):
        self.secret = secret
        self.violations = []
        self.questions = []         # of every call but initialize
        self.introductions = 0
        self.clients = []           # subjects of TLS client certificates
        self.behave = lambda handler, question: handler.send(approve(question))
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.context = tls_context(certificate, key, client_ca)
        self.start()

    def handler_class(self):
        return type("Handler", (Handler,), {"hook": self})

    def close(self):
        self.closing.set()
        self.stop()

    @property
    def url(self):
        return f"{'https://localhost' if self.context else 'http://127.0.0.1'}:{self.port}/policy"

    def asked(self, call="verify"):
        with self.lock:
            return [question for question in self.questions if question["call"] == call]


class Handler(http.server.BaseHTTPRequestHandler):
    hook = None
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.check(body)
        question = json.loads(body)
        if self.hook.context:
            with self.hook.lock:
                self.hook.clients.append(self.connection.getpeercert())
        if question["call"] == "initialize":
            self.hook.introductions += 1
            return self.send(introduce(question))
        with self.hook.lock:
            self.hook.questions.append(question)
        return self.hook.behave(self, question)

    def do_GET(self):
        self.hook.violations.append(f"GET {self.path}")
        self.send_error(405)

    def check(self, body):
        """The signature of Standard Webhooks, and what every question has."""
        def expect(holds, what):
            if not holds:
                self.hook.violations.append(what)
        headers = self.headers
        expect(headers["Content-Type"] == "application/json", f"content type {headers['Content-Type']}")
        question = json.loads(body)
        expect(question["version"] == 1 and question["id"] == headers["webhook-id"], "version or id")
        if self.hook.secret is None:
            return expect(headers["webhook-signature"] is None, "a signature without a secret")
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.digest(self.hook.secret, signed, "sha256")).decode()
        expect(headers["webhook-signature"] == expected, "the signature does not hold")
        return expect(abs(time.time() - int(headers["webhook-timestamp"])) < 300, "the timestamp is not now")

    # --- ways to answer ------------------------------------------------------------------------------------------------------

    def send(self, body, status=200, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def hang(self):
        """No answer for as long as the test lasts."""
        self.hook.closing.wait()
        self.close_connection = True

    def drip(self, body):
        """An octet now and then: never silent, never done."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            for octet in body:
                if self.hook.closing.wait(0.2):
                    return
                self.wfile.write(bytes([octet]))
                self.wfile.flush()
        except OSError:
            pass
        self.close_connection = True

    def flood(self):
        """An answer without an end."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while not self.hook.closing.is_set():
                self.wfile.write(b" " * 65536)
        except OSError:
            pass
        self.close_connection = True

    def cut(self, body):
        """Half an answer, and the connection is gone."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:len(body) // 2])
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True
