"""The configurations of packaging/ for nginx, HAProxy and Apache httpd as they are shipped, in front of a real daemon: who gets
through to what, and as whom. What hides in octets is in proxy_desync_test.py, HTTP/2 in proxy_http2_test.py."""
import base64
import json
import socket
import ssl
import threading
import unittest
import warnings

from instance import read_to_end, run, text
from proxies import PATH, Apache, BehindAProxy, Haproxy, Nginx, fresh_source, host_port
from wire_tap import readings

FORGED = "203.0.113.9"
# What the daemon believes of a trusted proxy, and what says to it that somebody forwards for others.
BELIEVED = ("x-forwarded-for", "x-forwarded-proto", "x-client-certificate", "forwarded", "x-real-ip")

# Fields a client may send about itself; lines as they go over the wire.
FORGERIES = {
    "nothing": [],
    "the plain names": [f"X-Forwarded-For: {FORGED}", f"Forwarded: for={FORGED};proto=https", f"X-Real-IP: {FORGED}", "X-Forwarded-Proto: https"],
    "other letter case": [f"x-forwarded-for: {FORGED}", f"X-FORWARDED-FOR: {FORGED}", "X-FORWARDED-PROTO: gopher"],
    "twice": [f"X-Forwarded-For: {FORGED}"] * 2 + ["X-Forwarded-Proto: https"] * 2,
    "a hundred hops": ["X-Forwarded-For: " + ", ".join(f"203.0.113.{n}" for n in range(100))],
    "a hundred fields": [f"X-Forwarded-For: 203.0.113.{n}" for n in range(80)],
    "the proxy's own address": ["X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1"],
    "an end in the list": [f"X-Forwarded-For: {FORGED},", "X-Forwarded-For: ,", "X-Forwarded-For:"],
    "underscores": [f"X_Forwarded_For: {FORGED}", f"X_Real_IP: {FORGED}", "X_Forwarded_Proto: gopher", "X_Client_Certificate: forged"],
    "mixed": [f"X-Forwarded_For: {FORGED}", f"X_Forwarded-For: {FORGED}", "X-Client_Certificate: forged"],
    "a field of the connection": ["Connection: X-Forwarded-For, X-Forwarded-Proto, X-Client-Certificate, X-Real-IP, Via"],
    "a field of the connection that closes": ["Connection: close, x-forwarded-for", "Connection: x-client-certificate"],
    "a field of the connection, and forged": ["Connection: keep-alive, X-Forwarded-For", f"X-Forwarded-For: {FORGED}", "Keep-Alive: X-Forwarded-For"],
    "of the proxy's connection": ["Proxy-Connection: X-Forwarded-For", "TE: trailers", "Trailer: X-Forwarded-For"],
    "relatives": [f"X-Forwarded-Host: {FORGED}", f"X-Forwarded-By: {FORGED}", f"X-Cluster-Client-IP: {FORGED}", f"True-Client-IP: {FORGED}",
                  f"Client-IP: {FORGED}", f"X-Original-URL: /api/v1/whoami", f"X-Rewrite-URL: /api/v1/whoami", f"X-HTTP-Method-Override: PUT"],
    "a certificate": ["X-Client-Certificate: BOB", "x-client-certificate: BOB"],
}

ADMIN_PATHS = ("/certsrv/mscep_admin", "/countersign", "/api", "/metrics", "/healthz", "/readyz")

# Ways to write a path so that one reader takes it for a published one and another for an administrators'.
DETOURS = [
    "{admin}", "{ADMIN}", "/{admin}", "//{admin}", "/./{bare}", "/.//{bare}", "http://x{admin}", "HTTP://x{admin}", "http://x:80{admin}",
    "http:{admin}", "x{admin}", "{admin}#/certsrv/mscep/", "/certsrv/mscep/#{admin}", "{admin}?/certsrv/mscep/", "{admin}%3f/certsrv/mscep/",
    "{admin};/certsrv/mscep/", "{admin}%00/certsrv/mscep/", "{admin}%20", "{admin}%0a", "{admin}%23/../../certsrv/mscep/",
    "/certsrv/mscep/..{admin}", "/certsrv/mscep/../..{admin}", "/certsrv/mscep/x/../../..{admin}", "/crl/..{admin}", "/crl/.{admin}", "/crl//..{admin}",
    "/crl/..;{admin}", "/crl/;/..{admin}", "/crl/.%00.{admin}", "/crl/%2e%2e{admin}", "/crl/%2E%2E{admin}", "/crl/.%2e{admin}", "/crl/%252e%252e{admin}",
    "/crl/..%2f{bare}", "/crl/..%2F{bare}", "/crl/%2e%2e%2f{bare}", "/crl%2f..{admin}", "/crl/..%252f{bare}", "/crl/..%5c{bare}", "/crl/..\\{bare}",
    "/crl\\..\\{bare}", "/crl/%c0%ae%c0%ae{admin}", "/crl/%u002e%u002e{admin}", "/crl/..%c0%af{bare}", "/cgi-bin/pkiclient.exe/..{admin}",
    "/cgi-bin/pkiclient.exe/../..{admin}", "/certsrv/mscep/mscep.dll/../../..{admin}", "/certsrv/mscep%2f..%2f..{admin}",
    # Where the proxy resolves what the daemon does not.
    "{admin}/../certsrv/mscep/", "{admin}/../../certsrv/mscep/", "{admin}/../../../certsrv/mscep/", "{admin}/x/../../../certsrv/mscep/mscep.dll",
    "{admin}/../crl/x", "{admin}/../../crl/x", "{admin}/%2e%2e/certsrv/mscep/", "{admin}/%2e%2e/%2e%2e/certsrv/mscep/", "{admin}/..%2f..%2fcertsrv/mscep/",
    "{admin}%2f..%2f..%2fcertsrv/mscep/", "{admin}/..%2f..%2f..%2fcertsrv%2fmscep%2f", "{admin}/..\\..\\certsrv\\mscep\\", "/{admin}/..//certsrv/mscep/",
    "{admin}/.././certsrv/mscep/", "{admin}/..;/certsrv/mscep/", "http://x{admin}/../certsrv/mscep/", "http://x{admin}/../../certsrv/mscep/",
]
# Escapes within the name itself.
DISGUISES = ["/certsrv/mscep%5fadmin/", "/certsrv/mscep%5Fadmin/mscep.dll", "/certsrv%2fmscep_admin/", "/%63ountersign/", "/api/v%31/whoami", "/%61pi/v1/whoami",
             "/certsrv/mscep/%2e%2e/mscep_admin/", "/certsrv/mscep/../mscep_admin/", "/CertSrv/MSCEP/../MSCEP_Admin/", "/certsrv/mscep/mscep.dll/../../mscep_admin/"]


class SideBySide:
    """Two clients at once."""

    def test_clients_that_share_a_connection_stay_themselves(self):
        self.tap.settle()
        sources = {"alice": fresh_source(), "bob": fresh_source()}
        admins = {name: self.client(self.admin, source, self.tls_context(name)) for name, source in sources.items()}
        devices = {name: self.client(self.devices, source) for name, source in sources.items()}
        for _ in range(20):
            for name in sources:
                status, body = self.get(admins[name], "/api/v1/whoami")
                self.assertEqual((status, json.loads(body)["account"]), (200, name))
                marker = self.marker("shared")
                self.assertEqual(self.get(devices[name], f"/crl/{marker}")[0], 404)
                self.assertEqual(self.line_of(marker), (sources[name], 404))
        for client in (*admins.values(), *devices.values()):
            client.close()
        connections = self.tap.settle()
        for path in ("/api/v1/whoami", "/crl/"):
            clients = [{head.values("x-forwarded-for")[0] for head in one.requests() if path in head.target} for one in connections]
            if self.shared:
                self.assertIn(set(sources.values()), clients, "no connection was shared: this shows nothing")
            else:
                self.assertEqual(max(len(one.requests()) for one in connections), 1)
                self.assertTrue(all(one.requests()[0].values("connection") == ["close"] for one in connections))

    def test_everybody_gets_his_own_answers_in_a_crowd(self):
        self.tap.settle()
        troubles, done = [], []

        def ask(name):
            try:
                for _ in range(5):
                    client = self.client(self.admin, tls=self.tls_context(name))
                    for _ in range(20):
                        status, body = self.get(client, "/api/v1/whoami")
                        done.append(name)
                        if status != 200 or json.loads(body)["account"] != name:
                            troubles.append((name, status, body))
                    client.close()
            except (OSError, ValueError) as trouble:
                troubles.append((name, repr(trouble)))

        threads = [threading.Thread(target=ask, args=(name,)) for name in ("alice", "bob") * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(troubles, [])
        self.assertEqual(len(done), 600)
        self.assertEqual([one.surplus() for one in self.tap.settle() if one.surplus()], [])


class Proxied(SideBySide):
    """What holds whichever proxy it is."""

    def test_a_device_enrolls(self):
        directory = self.server.path("device")
        directory.mkdir()
        done = run("scepclient", "-server-url", f"http://{self.devices}{PATH}", "-private-key", directory / "key.pem", "-certificate",
                   directory / "certificate.pem", "-cn", "proxied", "-challenge", self.server.challenge(), timeout=60)
        self.assertEqual(done.returncode, 0, text(done))
        self.assertTrue(any("CN=proxied" in one["subject"] for one in self.server.certificates()))
        self.assertEqual(self.curl(f"https://{self.tls}{PATH}?operation=GetCACaps")[0], 200)
        self.assertEqual(self.curl(f"http://{self.devices}{PATH.upper()}?operation=GetCACaps")[0], 200)

    def test_a_request_line_of_64_kib_gets_through(self):
        target = f"{PATH}?operation=PKIOperation&message=" + "A" * 64000
        self.assertIn(self.curl(f"http://{self.devices}{target}")[0], (200, 400))
        self.assertEqual([head.target for head in self.heads("AAAA")], [target])
        # And more is refused by one of the two.
        self.assertGreaterEqual(self.curl(f"http://{self.devices}{PATH}?operation=PKIOperation&message=" + "A" * 120000)[0], 400)

    # --- as whom -------------------------------------------------------------------------------------------------------------

    def raw_get(self, address, target, fields, source, tls=None):
        """Status line and all of a GET with these field lines, on a connection that then closes."""
        closes = any("close" in field for field in fields)
        lines = [f"GET {target} HTTP/1.1", "Host: ndes.test", *fields, *(() if closes else ("Connection: close",)), "", ""]
        with self.connect(address, source, tls) as connection:
            connection.sendall("\r\n".join(lines).encode("latin-1"))
            return read_to_end(connection)

    def assert_believed(self, head, source, scheme, certificate=None):
        """The head says of the client what the proxy saw, each once, and nothing else that the daemon might believe."""
        fields = [(name, value) for name, value in head.fields if "_" not in name or not self.passes_underscores]
        said = [(name.replace("_", "-"), value) for name, value in fields if name.replace("_", "-") in BELIEVED and value]
        expected = {"x-forwarded-for": source, "x-forwarded-proto": scheme, "x-real-ip": source}
        self.assertEqual(sorted(one for one in said if one[0] != "x-client-certificate"), sorted(expected.items()))
        certificates = [value for name, value in said if name == "x-client-certificate"]
        self.assertEqual(len(certificates), 1 if certificate else 0, certificates)
        if certificate:
            self.assertEqual(self.certificate_in(certificates[0]), self.certificates.der(certificate))

    @staticmethod
    def certificate_in(value):
        return ssl.PEM_cert_to_DER_cert(value.replace("%0A", "\n").replace("%20", " ").replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")) \
            if value.startswith("-----") else base64.b64decode(value, validate=True)

    def fields_of(self, name):
        bob = base64.b64encode(self.certificates.der("bob")).decode()
        return [field.replace("BOB", bob) for field in FORGERIES[name]]

    def test_the_client_is_the_one_the_proxy_saw(self):
        for name in FORGERIES:
            for address, scheme, tls in ((self.devices, "http", None), (self.tls, "https", self.tls_context())):
                with self.subTest(name, scheme=scheme):
                    source, marker = fresh_source(), self.marker("client")
                    answer = self.raw_get(address, f"/crl/{marker}", self.fields_of(name), source, tls)
                    self.assertIn(b" 404 ", answer.split(b"\r\n")[0])
                    self.assertEqual(self.line_of(marker), (source, 404))
                    head, = self.heads(marker)
                    self.assert_believed(head, source, scheme)

    def test_an_administrator_is_who_his_certificate_says(self):
        for name in FORGERIES:
            with self.subTest(name):
                source, marker = fresh_source(), self.marker("admin")
                answer = self.raw_get(self.admin, "/api/v1/whoami", [f"X-Marker: {marker}", *self.fields_of(name)], source, self.tls_context("alice"))
                self.assertIn(b" 200 ", answer.split(b"\r\n")[0], answer)
                self.assertIn(b'"account":"alice"', answer)
                head, = self.heads(marker)
                self.assert_believed(head, source, "https", "alice")

    def test_trailers_say_nothing(self):
        bob = base64.b64encode(self.certificates.der("bob"))
        trailers = b"X-Client-Certificate: " + bob + b"\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: gopher\r\n"
        for address, tls, certificate in ((self.devices, None, None), (self.admin, self.tls_context("alice"), "alice")):
            self.tap.settle()
            source, marker = fresh_source(), self.marker("trailers")
            target = f"/crl/{marker}" if certificate is None else f"/api/v1/{marker}"
            with self.connect(address, source, tls) as connection:
                connection.sendall(f"POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTrailer: X-Client-Certificate, X-Forwarded-For\r\n"
                                   "Transfer-Encoding: chunked\r\n\r\n1\r\nA\r\n0\r\n".encode() + trailers + b"\r\n")
                answer = read_to_end(connection)
            self.assertIn(answer[9:12], (b"400", b"404", b"405"))
            client, status = self.line_of(marker)
            self.assertEqual((client, str(status).encode()), (source, answer[9:12]))
            connection, = [one for one in self.tap.settle() if marker in one.sent.decode("latin-1")]
            self.assert_believed(connection.requests()[0], source, "https" if tls else "http", certificate)
            if b"203.0.113.9" in connection.sent:  # HAProxy sends them on
                self.assertEqual(connection.answers()[0][0], 400)
            self.assertEqual(connection.surplus(), 0)

    # --- to what -------------------------------------------------------------------------------------------------------------

    def test_nothing_of_the_administrators_is_on_the_devices_side(self):
        targets = [detour.format(admin=path + rest, ADMIN=(path + rest).upper(), bare=(path + rest)[1:])
                   for detour in DETOURS for path in ADMIN_PATHS for rest in ("", "/", "/v1/whoami" if path == "/api" else "/x")]
        answered = set()
        for target in (*targets, *DISGUISES):
            for method in ("GET", "POST"):
                with self.subTest(f"{method} {target}"), self.connect(self.devices) as connection:
                    connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                    status = read_to_end(connection)[9:12]
                    answered.add(status)
                    # Where it is refused a proxy says so itself. Apache resolves a detour and sends on what it leads to.
                    self.assertIn(status, (b"", b"200", b"301", b"302", b"400", b"403", b"404", b"405"))
        self.assertIn(b"404", answered)
        sent_on = [head.target for connection in self.tap.settle() for head in connection.requests()]
        # Whoever reads them, and however often he unescapes and resolves them: no path is an administrators'.
        for target in sent_on:
            for reading in readings(target):
                self.assertFalse(reading.startswith(ADMIN_PATHS), f"{target} was sent on, and can be read as {reading}")
        self.assertTrue(readings("/crl/%2e%2E/Countersign/") >= {"/countersign"})  # or this shows nothing

    def test_published_paths_and_no_others_are_sent_on(self):
        for path, status in ((PATH, 200), ("/certsrv/mscep/", 200), ("/CERTSRV/mscep", 200), ("/cgi-bin/pkiclient.exe", 200), ("/crl/none", 404),
                             ("/", 404), ("/certsrv", 404), ("/certsrv/", 404), ("/certsrv/mscepx", 404), ("/x/certsrv/mscep/", 404), ("/favicon.ico", 404)):
            marker = self.marker("path")
            self.assertEqual(self.curl(f"http://{self.devices}{path}?operation=GetCACaps&{marker}")[0], status, path)
            self.assertEqual(len(self.heads(marker)), int(path == "/crl/none" or status == 200), path)
        for path in ("/metrics", "/healthz", "/readyz", "/crl/none", PATH, "/countersign/../metrics", "/api/v1/../../readyz", "/api/v1/..%2f..%2fmetrics"):
            self.assertIn(self.as_admin(path, "alice", "--path-as-is")[0], (400, 404), path)

    def test_an_administrator_signs_in_by_certificate(self):
        status, body = self.as_admin("/api/v1/whoami")
        self.assertEqual(status, 200, body)
        self.assertEqual((json.loads(body)["account"], json.loads(body)["scheme"]), ("alice", "certificate"))
        self.assertEqual(self.as_admin("/countersign/")[0], 200)
        self.assertIn("enrollment challenge password is", self.as_admin("/certsrv/mscep_admin/")[1].replace("\0", ""))

    def test_nobody_gets_to_the_admin_side_without_one(self):
        self.tap.settle()
        for name in (None, "stranger"):
            status, body = self.as_admin("/countersign/", name, "-u", "administrator:guess")
            self.assertIn(status, (0, 400), body)
        self.assertEqual(self.tap.settle(), [])

    def test_a_session_of_the_devices_side_does_not_open_the_admin_side(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.tls_context()
            context.minimum_version = context.maximum_version = version
            with self.connect(self.tls, tls=context) as first:
                first.sendall(f"GET {PATH}?operation=GetCACaps HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                self.assertIn(b"200 OK", read_to_end(first))
                session = first.session
            self.tap.settle()
            answer = b""
            try:
                with socket.create_connection(host_port(self.admin), timeout=60) as plain, \
                        context.wrap_socket(plain, server_hostname="ndes.test", session=session) as second:
                    second.sendall(b"GET /api/v1/whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    answer = read_to_end(second)
            except (ssl.SSLError, ConnectionError):
                pass
            self.assertIn(answer[9:12], (b"", b"400"), version)
            self.assertEqual(self.tap.settle(), [])

    def test_old_tls_is_refused(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            for address in (self.tls, self.admin):
                for lowest, highest, works in ((ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_2, True)):
                    old = self.tls_context("alice")
                    old.set_ciphers("ALL:@SECLEVEL=0")
                    old.minimum_version, old.maximum_version = lowest, highest
                    if works:
                        self.connect(address, tls=old).close()
                        continue
                    with self.assertRaises((ssl.SSLError, OSError)):
                        self.connect(address, tls=old)


class NginxTest(Proxied, Nginx, BehindAProxy):
    pass


class HaproxyTest(Proxied, Haproxy, BehindAProxy):
    pass


class ApacheTest(Proxied, Apache, BehindAProxy):
    pass


class WithoutACertificate:
    """The change the files name for administrators who have none: they are nobody until they say a password."""

    optional = True

    def test_no_certificate_is_no_certificate_whatever_the_headers_say(self):
        bob = base64.b64encode(self.certificates.der("bob")).decode()
        for header in ("X-Nothing: x", f"X-Client-Certificate: {bob}", f"X_Client_Certificate: {bob}", "Connection: X-Client-Certificate"):
            marker = self.marker("nobody")
            self.assertEqual(self.as_admin("/api/v1/whoami", None, "-H", header, "-H", f"X-Marker: {marker}")[0], 401, header)
            head, = self.heads(marker)
            self.assertEqual([name for name, value in head.fields if "client" in name and value and not (self.passes_underscores and "_" in name)], [])
        self.assertEqual(json.loads(self.as_admin("/api/v1/whoami", "alice")[1])["account"], "alice")
        self.tap.settle()
        self.assertIn(self.as_admin("/api/v1/whoami", "stranger")[0], (0, 400))
        self.assertEqual(self.tap.settle(), [])


class NginxOptionalTest(WithoutACertificate, Nginx, BehindAProxy):
    pass


class HaproxyOptionalTest(WithoutACertificate, Haproxy, BehindAProxy):
    pass


class ApacheOptionalTest(WithoutACertificate, Apache, BehindAProxy):
    pass


class NginxSharedTest(SideBySide, Nginx, BehindAProxy):
    shared = True


class HaproxySharedTest(SideBySide, Haproxy, BehindAProxy):
    shared = True


if __name__ == "__main__":
    unittest.main()
