"""HTTP/2: the shipped configurations do not take it, and with the change they name, nothing is lost or found in translation."""
import json
import unittest

import desync
from h2_client import H2Client
from proxies import PATH, Apache, BehindAProxy, Haproxy, Nginx, fresh_source
from wire_tap import readings, wait_for

FORGED = b"203.0.113.9"


class NotTaken:
    def test_http2_is_not_taken(self):
        self.assertEqual(self.curl(f"https://{self.tls}{PATH}?operation=GetCACaps")[0], 200)
        self.tap.settle()
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
        for address, name in ((self.devices, None), (self.tls, ""), (self.admin, "alice")):
            for protocols in (["h2"], ["h2", "http/1.1"], ()) if name is not None else ((),):
                with self.subTest(address, offered=protocols):
                    answer = b""
                    try:
                        with self.connect(address, tls=self.tls_context(name, protocols) if name is not None else None) as connection:
                            if name is not None:
                                self.assertNotEqual(connection.selected_alpn_protocol(), "h2")
                            connection.sendall(preface)
                            connection.settimeout(5)
                            answer = connection.recv(65536)
                    except OSError:
                        pass  # refused, in the handshake or at the preface
                    self.assertTrue(answer in (b"", b"\r\n") or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505", b"HTTP/1.0 4", b"<html>", b"<!DOCTYPE")), answer)
        upgrade = ("-H", "Upgrade: h2c", "-H", "Connection: Upgrade, HTTP2-Settings", "-H", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
        self.assertEqual(self.curl(f"http://{self.devices}{PATH}?operation=GetCACaps", *upgrade)[0], 200)
        for connection in self.tap.settle():
            self.assertNotIn(b"PRI * ", connection.sent)
            self.assertNotIn(101, [status for status, _ in connection.answers()])


class NginxWithoutTest(NotTaken, Nginx, BehindAProxy):
    pass


class HaproxyWithoutTest(NotTaken, Haproxy, BehindAProxy):
    pass


class ApacheWithoutTest(NotTaken, Apache, BehindAProxy):
    pass


class Translated:
    http2 = True
    sent_on = 0  # streams of which something reached the daemon

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.capabilities = cls.server.http("GET", f"{PATH}?operation=GetCACaps").body

    def h2(self, address, source=None, name=None):
        connection = self.connect(address, source, self.tls_context(name, ["h2"]))
        self.assertEqual(connection.selected_alpn_protocol(), "h2")
        return H2Client(connection)

    def test_curl_gets_through(self):
        done = self.curl(f"https://{self.tls}{PATH}?operation=GetCACaps", "--http2", "-w", "\n%{http_version}\n%{http_code}")
        self.assertEqual((done[0], done[1].split("\n")[-1]), (200, "2"))
        self.assertEqual(json.loads(self.as_admin("/api/v1/whoami", "alice", "--http2")[1])["account"], "alice")

    def test_everybody_is_who_he_is(self):
        bob = self.certificates.pem("bob").read_text().replace("\n", "").encode()
        forged = [(b"x-forwarded-for", FORGED), (b"x-forwarded-for", FORGED), (b"x-forwarded-proto", b"gopher"), (b"forwarded", b"for=" + FORGED),
                  (b"x-real-ip", FORGED), (b"x-client-certificate", bob), (b"x_forwarded_for", FORGED), (b"x_client_certificate", bob)]
        sources = {"alice": fresh_source(), "bob": fresh_source()}
        admins = {name: self.h2(self.admin, source, name) for name, source in sources.items()}
        devices = {name: self.h2(self.tls, source) for name, source in sources.items()}
        for _ in range(10):
            for name, source in sources.items():
                marker = self.marker("h2")
                status, body = admins[name].get("/api/v1/whoami", *forged, (b"x-marker", marker.encode()))
                self.assertEqual((status, json.loads(body)["account"]), (200, name))
                head, = self.heads(marker)
                self.assertEqual((head.values("x-forwarded-for"), head.values("x-forwarded-proto")), ([source], ["https"]))
                marker = self.marker("h2")
                self.assertEqual(devices[name].get(f"/crl/{marker}", *forged)[0], 404)
                self.assertEqual(self.line_of(marker), (source, 404))
                head, = self.heads(marker)
                self.assertEqual([value for key, value in head.fields if FORGED.decode() in value or "certificate" in key and value], [])
        for client in (*admins.values(), *devices.values()):
            client.socket.close()

    def findings(self, word, fields, body, trailers):
        """What is wrong after this stream; nothing should be."""
        begin = self.server.log_file.stat().st_size
        source, own = fresh_source(), fresh_source()
        with self.h2(self.tls, source) as attacker:
            # A proxy that waits for more octets of a body never answers.
            attacker.ask(fields, body, trailers, patience=1)
        barrier, found = self.marker("barrier"), []
        with self.h2(self.tls, own) as victim:
            for _ in range(2):
                answer = victim.get(f"{PATH}?operation=GetCACaps")
                if answer != (200, self.capabilities):
                    found.append(f"the next client was answered {answer}")
            victim.get(f"/crl/{barrier}")
        for connection in self.tap.settle():
            for head in connection.requests():
                type(self).sent_on += head.method != "GET"
                clients = [value for key, value in head.fields if key == "x-forwarded-for"]
                if clients not in ([source], [own]) or any("certificate" in key and value for key, value in head.fields):
                    found.append(f"the proxy sent on {head}")
                if any(one.startswith(("/hidden", "/api", "/countersign")) for one in readings(head.target)):
                    found.append(f"the proxy sent on {head.target}")
            if connection.surplus() > 0:
                found.append(f"{len(connection.answers())} answers to {connection.sent!r}")
        pattern = f" {own} GET /crl/{barrier} ".encode()
        log = lambda: self.server.log_file.read_bytes()[begin:]
        wait_for(lambda: pattern in log(), "the barrier's line")
        found += [f"the daemon served {line.decode()}" for line in log().splitlines()
                  if any(one in line for one in (b"/hidden", word.encode(), FORGED, b"/api/", b"/countersign"))]
        return found

    def test_no_request_hides_in_another(self):
        self.tap.settle()
        count = 0
        for word, name, fields, body, trailers in desync.h2_vectors(lambda: self.marker("hidden")):
            with self.subTest(name):
                self.assertEqual(self.findings(word, fields, body, trailers), [])
            count += 1
        self.assertGreater(count, 100)
        self.assertGreater(self.sent_on, 8)
        self.assertTrue(self.server.is_up())
        self.assertIsNone(self.process.poll())


class NginxTest(Translated, Nginx, BehindAProxy):
    pass


class HaproxyTest(Translated, Haproxy, BehindAProxy):
    pass


class NginxSharedTest(Translated, Nginx, BehindAProxy):
    shared = True


class HaproxySharedTest(Translated, Haproxy, BehindAProxy):
    shared = True


if __name__ == "__main__":
    unittest.main()
