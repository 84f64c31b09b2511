"""Somebody else at the CA's address: whatever TLS certificate he shows, he is told nothing, and nobody's password is used up."""
import socket
import ssl
import threading
import unittest

from ca_backends_test import BackendTest
from client_certificates import Certificates

ANSWER = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"


class TlsServer:
    """Shows one certificate, says it cannot serve now, and keeps what it was sent inside TLS."""

    def __init__(self, certificate, key, port=0):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.received, self.visits = b"", 0
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, args=(context,), daemon=True)
        self.thread.start()

    def _serve(self, context):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            self.visits += 1
            plain.settimeout(30)
            try:
                with context.wrap_socket(plain, server_side=True) as connection:
                    self.received += connection.recv(65536)
                    connection.sendall(ANSWER)
            except OSError:
                pass  # he would not talk to us

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(30)
        self.listener.close()


class ImpostorTest(BackendTest):
    def setUp(self):
        super().setUp()
        self.device = self.message = None
        self.certificates = Certificates(self.server.path("tls"))
        with open(self.certificates.directory / "ca.cnf", "a", encoding="utf-8") as configuration:
            configuration.write("[right]\nextendedKeyUsage = serverAuth\nsubjectAltName = IP:127.0.0.1\n"
                                "[name]\nextendedKeyUsage = serverAuth\nsubjectAltName = DNS:est.corp.example, IP:127.0.0.2\n"
                                "[purpose]\nextendedKeyUsage = clientAuth\nsubjectAltName = IP:127.0.0.1\n")

    def issued(self, name, **options):
        self.certificates.client(name, **options)
        return self.certificates.pem(name), self.certificates.key(name)

    def behind(self, certificate, key):
        """The CA's address served with a certificate from now on; a port of its own for each, so that no connection lives on."""
        server = TlsServer(certificate, key)
        self.addCleanup(server.close)
        self.use_ca(f'''type = "est"

[ca.default.connection]
url = "https://127.0.0.1:{server.port}/.well-known/est"
authentication = "basic"
user = "countersign"
password_file = "secret"
trust = "{self.certificates.pem("ca")}"
''')
        return server

    def test_an_impostor_is_told_nothing(self):
        (self.server.home / "secret").write_text("the CA's password\n")
        (self.server.home / "secret").chmod(0o600)
        self.certificates.self_signed("stranger", "/CN=127.0.0.1", "subjectAltName=IP:127.0.0.1")
        impostors = {
            "a certificate of his own": (self.certificates.pem("stranger"), self.certificates.key("stranger")),
            "another CA's": self.issued("foreign", ca="foreign_ca", purpose="right"),
            "another server's": self.issued("elsewhere", purpose="name"),
            "a client's": self.issued("client", purpose="purpose"),
            "one that is past": self.issued("past", purpose="right", end="20210101000000Z"),
            "one that is to come": self.issued("future", purpose="right", begin="20390101000000Z"),
            "another's by common name alone": self.issued("est.corp.example", purpose="server"),
        }
        for number, (name, files) in enumerate(impostors.items(), 1):
            with self.subTest(name):
                impostor, answer = self.asked_of(*files)
                self.assertEqual((answer.status, "retry-after" in answer.headers), (503, True))
                self.assertEqual(impostor.received, b"")
                self.assertGreater(impostor.visits, 0, "nobody came to him")
                failed = self.server.audit("enrollment.failed")
                self.assertEqual(len(failed), number)
                self.assertRegex(failed[-1]["reason"], "(?i)certificate")
        right, answer = self.asked_of(*self.issued("right", purpose="right"))
        self.assertEqual(answer.status, 503)
        self.assertIn(b"POST /.well-known/est/simpleenroll", right.received)
        # The password is as good as on the first day.
        entry, = self.server.json("challenge", "list")
        self.assertEqual(entry["state"], "outstanding", entry)

    def asked_of(self, certificate, key):
        """(the server at the CA's address, what the same message was answered)."""
        server = self.behind(certificate, key)
        self.start()
        try:
            if self.message is None:
                self.device = self.client("laptop")
                self.message = self.device.message
            return server, self.device.post(self.message)
        finally:
            self.server.stop()


if __name__ == "__main__":
    unittest.main()
