"""SCEP over HTTP as real clients speak it (RFC 8894 section 4 and what the field does to it)."""
import base64
import http.client
import os
import socket
import ssl
import unittest
import urllib.parse

from instance import Answer, InstanceTest, read_to_end, run_ok
from scep_client import Client, SUCCESS

PATH = "/certsrv/mscep/mscep.dll"
ALL_FORMS = ["/certsrv/mscep", "/certsrv/mscep/", "/certsrv/mscep/mscep.dll", "/certsrv/mscep/mscep.dll/",
             "/certsrv/mscep/mscep.dll/pkiclient.exe", "/CertSrv/mscep/mscep.dll", "/CERTSRV/MSCEP/MSCEP.DLL/PKICLIENT.EXE"]


class HttpTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance()
        # However slow this machine is, nobody is turned away for it here.
        cls.server.set("server", header_timeout=600, body_timeout=600, idle_timeout=600)
        cls.server.start()
        cls.bundle = cls.server.ca_bundle()

    def get(self, target, **options):
        return self.server.http("GET", target, **options)

    def client(self, name):
        return Client(self.server, self.bundle, name)

    # --- the small operations ------------------------------------------------------------------------------------------------

    def test_capabilities_at_every_form_of_the_path(self):
        for path in ALL_FORMS:
            for operation in ("GetCACaps", "getcacaps", "GETCACAPS"):
                with self.subTest(path=path, operation=operation):
                    answer = self.get(f"{path}?operation={operation}")
                    self.assertEqual((answer.status, answer.content_type), (200, "text/plain"))
                    lines = answer.body.decode().split("\n")
                    self.assertLessEqual({"POSTPKIOperation", "Renewal", "SHA-256", "SHA-512", "AES", "SCEPStandard"}, set(lines))
                    self.assertFalse({"DES", "MD5"} & set(lines))
                    self.assertLessEqual(len(answer.body), 1024)

    def test_certificates_at_every_form_of_the_path(self):
        first = self.get(f"{PATH}?operation=GetCACert").body
        for path in ALL_FORMS:
            answer = self.get(f"{path}?operation=GetCACert")
            self.assertEqual((answer.status, answer.content_type, answer.body), (200, "application/x-x509-ca-ra-cert", first), path)
        pem = run_ok("openssl", "pkcs7", "-inform", "DER", "-print_certs", stdin=first).stdout.decode()
        self.assertEqual(pem.count("BEGIN CERTIFICATE"), 3)
        # RA certificates come before the CA's: some clients take the first.
        self.assertGreater(pem.index(self.bundle["ca"].read_text().split("-----")[2].strip()),
                           pem.index(self.bundle["agent"].read_text().split("-----")[2].strip()))

    def test_other_paths_are_not_found(self):
        for path in ("/", "/certsrv", "/certsrv/mscep/other.dll", "/certsrv/mscep/mscep.dll/pkiclient.exe/x",
                     "/certsrv/mscep_", "//certsrv/mscep"):
            self.assertEqual(self.get(f"{path}?operation=GetCACaps").status, 404, path)

    def test_paths_that_others_would_read_otherwise_are_refused(self):
        for path in ("/certsrv/mscep/../mscep", "/countersign/../certsrv/mscep/", "/api/v1/%2e%2e/%2e%2e/certsrv/mscep", "/./certsrv/mscep",
                     "/api/v1/..;x/certsrv/mscep", "/certsrv%2fmscep", "/certsrv/mscep/..%2F..%2Fapi/v1", "/certsrv%5cmscep", "/certsrv\\mscep"):
            self.assertEqual(self.get(f"{path}?operation=GetCACaps").status, 400, path)

    def test_junk_in_the_message_of_small_operations_is_ignored(self):
        for junk in ("CAIdentifier", "default", "ca", "SCEP%20Authority%5C%0A", "0", "", "%00", "..%2F..%2Fetc", "a" * 8000):
            for operation in ("GetCACaps", "GetCACert"):
                self.assertEqual(self.get(f"{PATH}?operation={operation}&message={junk}").status, 200, (operation, junk))
        self.assertEqual(self.get(f"{PATH}?message=x&operation=GetCACaps").status, 200)

    def test_unknown_operations_are_refused(self):
        for operation in ("Nonsense", "GetCACapsX", "PKIOperation%00", "%25"):
            self.assertEqual(self.get(f"{PATH}?operation={operation}").status, 400, operation)

    def test_the_landing_page(self):
        for query in ("", "?", "?x=y"):
            answer = self.get(PATH + query)
            self.assertEqual((answer.status, answer.content_type), (200, "text/html"))
            self.assertIn(b"Network Device Enrollment Service", answer.body)

    def test_no_successor_is_announced(self):
        self.assertEqual(self.get(f"{PATH}?operation=GetNextCACert").status, 404)
        self.assertNotIn(b"GetNextCACert", self.get(f"{PATH}?operation=GetCACaps").body)

    def test_other_methods_are_refused(self):
        for method in ("PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
            self.assertEqual(self.server.http(method, f"{PATH}?operation=GetCACaps").status, 405, method)
        answer = self.server.http("HEAD", f"{PATH}?operation=GetCACaps")
        self.assertEqual((answer.status, answer.body), (200, b""))

    # --- old HTTP ------------------------------------------------------------------------------------------------------------

    def test_http_1_0_without_host(self):
        received = self.server.raw(f"GET {PATH}/pkiclient.exe?operation=GetCACaps HTTP/1.0\r\n"
                                   "User-Agent: Mozilla/4.0 (compatible; MSIE 5.0; Cisco PKI)\r\n\r\n".encode())
        head, _, body = received.partition(b"\r\n\r\n")
        self.assertRegex(head, rb"^HTTP/1\.[01] 200 ")
        self.assertIn(b"content-length: %d" % len(body), head.lower())
        self.assertNotIn(b"chunked", head.lower())
        self.assertIn(b"SHA-256", body)

    def test_connection_close_is_honoured(self):
        received = self.server.raw(f"GET {PATH}?operation=GetCACaps HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        self.assertIn(b"connection: close", received.lower())

    def test_several_requests_share_a_connection(self):
        host, _, port = self.server.address.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        self.addCleanup(connection.close)
        for _ in range(5):
            connection.request("GET", f"{PATH}?operation=GetCACaps")
            answer = connection.getresponse()
            self.assertEqual((answer.status, b"AES" in answer.read()), (200, True))

    def test_what_two_parsers_could_read_differently_is_refused(self):
        for head in ("Content-Length: 3\r\nContent-Length: 4", "Content-Length: 3\r\nTransfer-Encoding: chunked", "Content-Length: +3",
                     "Transfer-Encoding: gzip, chunked", "Host: a\r\nHost: b\r\nContent-Length: 3", "X : y\r\nContent-Length: 3"):
            received = self.server.raw(f"POST {PATH}?operation=PKIOperation HTTP/1.1\r\n{head}\r\n\r\nabc".encode())
            self.assertRegex(received, rb"^HTTP/1\.1 400 ", head)
            self.assertEqual(received.count(b"HTTP/1.1 "), 1, head)
        self.assertRegex(self.server.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(64) + b"\r\n\r\n"), rb"^HTTP/1\.1 400 |^$")

    # --- messages ------------------------------------------------------------------------------------------------------------

    def enroll_by(self, name, carry):
        client = self.client(name)
        answer = carry(client, client.request(self.server.challenge()))
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(client.read_reply(answer, client.nonce).status, SUCCESS)

    def test_post_with_and_without_content_type(self):
        for number, headers in enumerate(([("Content-Type", "application/x-pki-message")], [], [("Content-Type", "")],
                                          [("Content-Type", "application/x-www-form-urlencoded")])):
            self.enroll_by(f"post-{number}", lambda client, message, headers=headers: client.post(message, headers))

    def test_post_without_operation_is_a_message(self):
        def bare(client, message):
            answer = parse(self.server.raw(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                           f"Content-Length: {len(message)}\r\n\r\n".encode() + message))
            self.assertEqual(answer.headers.get("cache-control"), "no-store")
            return answer

        self.enroll_by("post-bare", bare)

    def test_post_in_chunks_and_with_expect(self):
        def chunked(client, message):
            pieces = b"".join(b"%x\r\n%s\r\n" % (len(message[i:i + 500]), message[i:i + 500]) for i in range(0, len(message), 500))
            return parse(self.server.raw(f"POST {PATH}?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                         "Transfer-Encoding: chunked\r\n\r\n".encode() + pieces + b"0\r\n\r\n"))

        def expecting(client, message):
            with self.server.connect() as connection:
                connection.sendall(f"POST {PATH}?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                   f"Expect: 100-continue\r\nContent-Length: {len(message)}\r\n\r\n".encode())
                self.assertTrue(connection.recv(1000).startswith(b"HTTP/1.1 100 "))
                connection.sendall(message)
                return parse(read_to_end(connection))

        self.enroll_by("chunked", chunked)
        self.enroll_by("expecting", expecting)

    def test_get_with_every_way_of_writing_base64(self):
        def lines(octets):
            return base64.encodebytes(octets).decode().rstrip("\n")

        forms = {
            "escaped": lambda octets: urllib.parse.quote(base64.b64encode(octets).decode(), safe=""),
            "raw-plus": lambda octets: base64.b64encode(octets).decode().replace("=", "%3D"),
            "space-for-plus": lambda octets: base64.b64encode(octets).decode().replace("+", "%20").replace("=", "%3D"),
            "line-breaks": lambda octets: urllib.parse.quote(lines(octets) + "\n", safe=""),
            "crlf": lambda octets: urllib.parse.quote(lines(octets).replace("\n", "\r\n"), safe=""),
            "url-alphabet": lambda octets: base64.urlsafe_b64encode(octets).decode(),
            "no-padding": lambda octets: urllib.parse.quote(base64.b64encode(octets).decode().rstrip("="), safe=""),
            "escaped-twice": lambda octets: urllib.parse.quote(urllib.parse.quote(base64.b64encode(octets).decode(), safe=""), safe=""),
        }
        for name, form in forms.items():
            with self.subTest(name):
                self.enroll_by(f"get-{name}", lambda _, message, form=form: self.get(f"{PATH}?operation=PKIOperation&message={form(message)}"))

    def test_garbage_in_get_is_refused(self):
        for message in ("", "%", "%%%", "!!!!", "AAAA", "A", "=" * 40, "MIAG", "%00%00", "a" * 5000):
            self.assertEqual(self.get(f"{PATH}?operation=PKIOperation&message={message}").status, 400, message)
        self.assertEqual(self.get(f"{PATH}?operation=PKIOperation").status, 400)

    def test_limits(self):
        target = f"{PATH}?operation=PKIOperation"
        declared = self.server.raw(f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 2097153\r\n\r\n".encode())
        self.assertRegex(declared, rb"^HTTP/1\.1 413 ")
        chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
        with self.server.connect() as connection:
            connection.sendall(f"POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
            try:
                for _ in range(40):
                    connection.sendall(chunk)
            except OSError:
                pass  # the server need not read on
            self.assertRegex(read_to_end(connection), rb"^HTTP/1\.1 413 |^$")
        self.assertEqual(self.server.http("POST", target, bytes(2097152)).status, 400)
        self.assertEqual(self.get(f"{target}&message=" + "A" * 60000).status, 400)  # NDES takes 65534 octets: read, and no message
        self.assertEqual(self.get(f"{target}&message=" + "A" * 70000).status, 414)
        fields = "".join(f"X-{i}: {'y' * 4000}\r\n" for i in range(40))
        self.assertRegex(self.server.raw(f"GET {PATH} HTTP/1.1\r\n{fields}\r\n".encode()), rb"^HTTP/1\.1 431 |^$")

    def test_slow_clients_do_not_hold_up_others(self):
        slow = []
        for number in range(60):
            connection = self.server.connect()
            self.addCleanup(connection.close)
            connection.sendall([b"GET /certsrv", f"POST {PATH}?operation=PKIOperation HTTP/1.1\r\nContent-Length: 5000\r\n\r\n0".encode(),
                                b""][number % 3])
            slow.append(connection)
        for number in range(3):
            self.enroll_by(f"fast-{number}", lambda client, message: client.post(message))
        # None of them was served or turned away meanwhile.
        for connection in slow:
            connection.setblocking(False)
            with self.assertRaises(BlockingIOError):
                connection.recv(1)


class ListenersTest(InstanceTest):
    def test_unix_socket(self):
        server = self.instance()
        path = server.path("http.sock")
        server.append(f'[[listener]]\naddress = "unix:{path}"\nserves = ["scep"]')
        server.start()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(path))
            connection.sendall(f"GET {PATH}?operation=GetCACaps HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            answer = parse(read_to_end(connection))
        self.assertEqual((answer.status, answer.content_type), (200, "text/plain"))
        self.assertEqual(server.stop(), 0)
        self.assertFalse(path.exists(), "the socket is left behind")
        # A socket that a killed daemon left must not be in the way.
        server.start().kill()
        server.start()

    def tls_files(self, server):
        certificate, key = server.path("tls.pem"), server.path("tls.key")
        run_ok("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj",
               "/CN=scep.example", "-addext", "subjectAltName=DNS:scep.example")
        key.chmod(0o600)
        return certificate, key

    def over_tls(self, address, trust, request, versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)):
        context = ssl.create_default_context(cafile=trust)
        context.minimum_version, context.maximum_version = versions
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=30) as plain:
            with context.wrap_socket(plain, server_hostname="scep.example") as connection:
                connection.sendall(request)
                return connection.version(), parse(read_to_end(connection))

    def test_tls(self):
        server = self.instance()
        certificate, key = self.tls_files(server)
        tls_host = server.address.rpartition(":")[0]
        server.append(f'[[listener]]\naddress = "{tls_host}:0"\nserves = ["scep"]\n'
                      f'tls = {{ certificate = "{certificate}", key = "{key}" }}')
        server.start()
        self.wait_until(lambda: len(server.listening_on()) == 2)
        (address,) = [one for one in server.listening_on() if one != server.address]
        request = f"GET {PATH}?operation=GetCACaps HTTP/1.1\r\nHost: scep.example\r\nConnection: close\r\n\r\n".encode()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            spoken, answer = self.over_tls(address, certificate, request, (version, version))
            self.assertEqual((spoken.replace(".", "_"), answer.status), (version.name, 200))
        with self.assertRaises(ssl.SSLError):
            self.over_tls(address, server.ca_bundle()["ca"], request)
        # Plain HTTP to the TLS port gets no answer, and the port goes on.
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=30) as plain:
            plain.sendall(request)
            self.assertNotIn(b"200", read_to_end(plain))
        self.assertEqual(self.over_tls(address, certificate, request)[1].status, 200)

    def test_a_tls_key_that_others_can_read_is_refused(self):
        server = self.instance()
        certificate, key = self.tls_files(server)
        key.chmod(0o644)
        server.append(f'[[listener]]\naddress = "127.0.0.1:0"\nserves = ["scep"]\ntls = {{ certificate = "{certificate}", key = "{key}" }}')
        with self.assertRaisesRegex(AssertionError, f"{key}"):
            server.start()

    def test_several_profiles_have_paths_of_their_own(self):
        server = self.instance()
        server.append("""
[profile.branch]
paths = ["/branch/scep"]
challenge = { mode = "one-time" }
templates = { signature = "device", encryption = "device", general_purpose = "device" }
""")
        server.start()
        bundle = server.ca_bundle()
        client = Client(server, bundle, "branch")
        message = client.request(server.challenge("--profile", "branch"))
        # A password of one profile is nothing at another.
        refused = client.read_reply(server.http("POST", f"{PATH}?operation=PKIOperation", message))
        self.assertNotEqual(refused.status, SUCCESS)
        for path in ("/branch/scep", "/branch/scep/pkiclient.exe"):
            self.assertEqual(client.read_reply(server.http("POST", f"{path}?operation=PKIOperation", message)).status, SUCCESS, path)
        self.assertEqual(server.certificates()[0]["profile"], "branch")


def parse(received):
    """An Answer from octets of a connection that closed."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    headers = [tuple(part.strip() for part in field.split(":", 1)) for field in fields]
    return Answer(int(first.split()[1]), headers, body)


if __name__ == "__main__":
    unittest.main()
