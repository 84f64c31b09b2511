"""The configurations of packaging/nginx and packaging/haproxy as they are shipped, in front of a real daemon."""
import json
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import unittest

from client_certificates import Certificates
from instance import InstanceTest, die_with_parent, free_address, run, run_ok, text

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATH = "/certsrv/mscep/mscep.dll"

# One connection's octets for each way of making two HTTP programs disagree about where a request ends. All of them hide
# a GET of /hidden in what one of the two takes for a body.
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"0\r\n\r\n" + HIDDEN


def post(*headers, body):
    return b"POST " + PATH.encode() + b"?operation=PKIOperation HTTP/1.1\r\nHost: x\r\n" + b"".join(
        header + b"\r\n" for header in headers) + b"\r\n" + body


SMUGGLING = {
    "length and chunked": post(b"Content-Length: %d" % len(CHUNKED), b"Transfer-Encoding: chunked", body=CHUNKED),
    "chunked and length": post(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=CHUNKED),
    "two lengths": post(b"Content-Length: 0", b"Content-Length: %d" % len(HIDDEN), body=HIDDEN),
    "a list of lengths": post(b"Content-Length: 0, %d" % len(HIDDEN), body=HIDDEN),
    "a signed length": post(b"Content-Length: +0", body=HIDDEN),
    "a blank before the colon": post(b"Transfer-Encoding : chunked", b"Content-Length: %d" % len(CHUNKED), body=CHUNKED),
    "a tab in the value": post(b"Transfer-Encoding:\tchunked", b"Content-Length: %d" % len(CHUNKED), body=CHUNKED),
    "an unknown coding": post(b"Transfer-Encoding: xchunked", b"Content-Length: %d" % len(CHUNKED), body=CHUNKED),
    "two codings": post(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked", b"Content-Length: %d" % len(CHUNKED),
                        body=CHUNKED),
    "a folded header": post(b"X: y\r\n Transfer-Encoding: chunked", b"Content-Length: %d" % len(CHUNKED), body=CHUNKED),
    "a bare line feed": post(b"X: y\nTransfer-Encoding: chunked", b"Content-Length: %d" % len(CHUNKED), body=CHUNKED),
    "an overflowing chunk": post(b"Transfer-Encoding: chunked", body=b"10000000000000000\r\n" + HIDDEN),
    "a chunk of no number": post(b"Transfer-Encoding: chunked", body=b"0x0\r\n\r\n" + HIDDEN),
}


class ProxyMixin:
    """What holds whichever proxy it is. Subclasses start theirs between cls.devices, cls.tls, cls.admin and the daemon."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance()
        cls.directory = cls.server.path("proxy")
        cls.directory.mkdir()
        cls.certificates = Certificates(cls.server.path("certificates"))
        for name in ("alice", "bob"):
            cls.certificates.client(name)
        cls.certificates.client("stranger", ca="foreign_ca")
        cls.server.set("[listener]", trusted_proxies=["127.0.0.1"], sign_in=["certificate", "basic"],
                       client_certificate_header="X-Client-Certificate",
                       client_certificate_ca=str(cls.certificates.pem("ca")))
        for name in ("alice", "bob"):
            cls.server.append(f"""[account.{name}]
certificates = ["{cls.certificates.fingerprint(name)}"]
roles = ["device-administrator"]
""")
        cls.server.start()
        cls.devices, cls.tls, cls.admin = free_address(), free_address(), free_address()
        for file in ("scep.pem", "scep.key"):
            source = cls.certificates.pem("server") if file.endswith("pem") else cls.certificates.key("server")
            shutil.copy(source, cls.directory / file)
        shutil.copy(cls.certificates.pem("ca"), cls.directory / "admin-ca.pem")
        cls.process = cls.start_proxy()
        cls.addClassCleanup(cls.end_proxy)
        for _ in range(200):
            if run("curl", "-s", "-o", "/dev/null", f"http://{cls.devices}/").returncode == 0:
                break

    @classmethod
    def end_proxy(cls):
        cls.process.send_signal(signal.SIGTERM)
        cls.process.wait(30)

    @classmethod
    def adapted(cls, file, **replaced):
        """The shipped file with the test's own places; each must be there."""
        shipped = (ROOT / "packaging" / file).read_text()
        for old, new in replaced.values():
            assert old in shipped, f"{file} does not hold {old!r} any more"
            shipped = shipped.replace(old, new)
        return shipped

    def curl(self, url, *options):
        done = run("curl", "-s", "-k", "-o", "-", "-w", "\n%{http_code}", *options, url, timeout=60)
        body, _, status = done.stdout.decode("utf-8", "replace").rpartition("\n")
        return int(status), body

    def as_admin(self, path, name="alice", *options):
        cert = ("--cert", self.certificates.pem(name), "--key", self.certificates.key(name)) if name else ()
        return self.curl(f"https://{self.admin}{path}", *cert, *options)

    def lines(self, mark=0):
        return self.server.log()[mark:]

    def test_a_device_enrolls(self):
        directory = self.server.path("device")
        directory.mkdir()
        done = run("scepclient", "-server-url", f"http://{self.devices}{PATH}", "-private-key", directory / "key.pem", "-certificate",
                   directory / "certificate.pem", "-cn", "proxied", "-challenge", self.server.challenge(), timeout=60)
        self.assertEqual(done.returncode, 0, text(done))
        self.assertTrue(any("CN=proxied" in one["subject"] for one in self.server.certificates()))
        self.assertEqual(self.curl(f"https://{self.tls}{PATH}?operation=GetCACaps")[0], 200)

    def test_a_request_line_of_64_kib_gets_through(self):
        self.assertIn(self.curl(f"http://{self.devices}{PATH}?operation=PKIOperation&message=" + "A" * 64000)[0], (200, 400))
        # The daemon's line comes after its answer.
        self.wait_until(lambda: "GET /certsrv/mscep/mscep.dll PKIOperation" in self.lines(), what="the line in the log")
        # And more is refused by one of the two.
        self.assertGreaterEqual(self.curl(f"http://{self.devices}{PATH}?operation=PKIOperation&message=" + "A" * 120000)[0], 400)

    def test_the_client_is_the_one_the_proxy_saw(self):
        mark = len(self.lines())
        spoofed = ("-H", "X-Forwarded-For: 203.0.113.9", "-H", "Forwarded: for=203.0.113.9", "-H", "X-Real-IP: 203.0.113.9")
        self.curl(f"http://{self.devices}{PATH}?operation=GetCACaps", *spoofed)
        self.wait_until(lambda: "GetCACaps" in self.lines(mark))
        self.assertNotIn("203.0.113.9", self.lines(mark))

    def test_the_admin_pages_are_not_on_the_devices_side(self):
        for path in ("/certsrv/mscep_admin/", "/CertSrv/MSCEP_Admin/", "/countersign/", "/api/v1/whoami", "/metrics", "/healthz",
                     "/certsrv/mscep/../mscep_admin/", "/certsrv/mscep%2f..%2fmscep_admin/"):
            for side in (f"http://{self.devices}", f"https://{self.tls}"):
                status, body = self.curl(side + path, "--path-as-is", "-u", "x:y")
                self.assertGreaterEqual(status, 400, (side, path, body))
                self.assertNotIn(status, (401, 500, 502), (side, path))

    def test_an_administrator_signs_in_by_certificate(self):
        status, body = self.as_admin("/api/v1/whoami")
        self.assertEqual(status, 200, body)
        self.assertEqual(json.loads(body)["account"], "alice")
        self.assertEqual(json.loads(body)["scheme"], "certificate")
        self.assertEqual(self.as_admin("/countersign/")[0], 200)
        self.assertIn("enrollment challenge password is", self.as_admin("/certsrv/mscep_admin/")[1].replace("\0", ""))

    def test_nobody_gets_to_the_admin_side_without_one(self):
        for name in (None, "stranger"):
            status, body = self.as_admin("/countersign/", name, "-u", "administrator:guess")
            self.assertIn(status, (0, 400), body)

    def test_a_certificate_in_a_header_of_ones_own_is_not_believed(self):
        mine = "".join(self.certificates.pem("bob").read_text().splitlines()[1:-1])
        for header in (f"X-Client-Certificate: {mine}", f"x-client-certificate: {mine}", f"X_Client_Certificate: {mine}"):
            status, body = self.as_admin("/api/v1/whoami", "alice", "-H", header)
            self.assertEqual((status, json.loads(body)["account"]), (200, "alice"), header)

    def test_old_tls_is_refused(self):
        for address in (self.tls, self.admin):
            host, _, port = address.rpartition(":")
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
            old.set_ciphers("ALL:@SECLEVEL=0")
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
            with socket.create_connection((host, int(port)), timeout=30) as plain, self.assertRaises((ssl.SSLError, OSError)):
                old.wrap_socket(plain)

    def test_no_request_hides_in_another(self):
        host, _, port = self.devices.rpartition(":")
        for name, octets in SMUGGLING.items():
            with self.subTest(name):
                mark = len(self.lines())
                with socket.create_connection((host, int(port)), timeout=30) as connection:
                    connection.sendall(octets)
                    connection.shutdown(socket.SHUT_WR)
                    try:
                        while connection.recv(65536):
                            pass
                    except ConnectionError:
                        pass
                self.assertNotIn("/hidden", self.lines(mark))
        # It still answers, and what a stranger got first was his own.
        self.assertEqual(self.curl(f"http://{self.devices}{PATH}?operation=GetCACaps")[0], 200)


class NginxTest(ProxyMixin, InstanceTest):
    @classmethod
    def start_proxy(cls):
        shipped = cls.adapted("nginx/countersign.conf", upstream=("127.0.0.1:8080", cls.server.address),
                              http=("listen 80;", f"listen {cls.devices};"), tls=("listen 443 ssl;", f"listen {cls.tls} ssl;"),
                              admin=("listen 8443 ssl;", f"listen {cls.admin} ssl;"),
                              files=("/etc/nginx/tls/", f"{cls.directory}/"))
        (cls.directory / "countersign.conf").write_text(shipped)
        paths = " ".join(f"{kind}_temp_path {cls.directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        # nginx's connections come from 127.0.0.1 by themselves only for 127.0.0.1.
        (cls.directory / "nginx.conf").write_text(
            f"daemon off; pid {cls.directory}/pid; error_log {cls.directory}/log; events {{}}\n"
            f"http {{ access_log off; {paths} proxy_bind 127.0.0.1; include {cls.directory}/countersign.conf; }}\n")
        command = ["/usr/sbin/nginx", "-c", str(cls.directory / "nginx.conf"), "-p", str(cls.directory), "-e", f"{cls.directory}/log"]
        run_ok(*command, "-t")
        return subprocess.Popen(command, preexec_fn=die_with_parent)


class HaproxyTest(ProxyMixin, InstanceTest):
    @classmethod
    def start_proxy(cls):
        (cls.directory / "scep.pem").write_text((cls.directory / "scep.pem").read_text() + (cls.directory / "scep.key").read_text())
        shipped = cls.adapted("haproxy/haproxy.cfg", http=("bind :80\n", f"bind {cls.devices}\n"),
                              tls=("bind :443 ", f"bind {cls.tls} "), admin=("bind :8443 ", f"bind {cls.admin} "),
                              upstream=("server countersign 127.0.0.1:8080",
                                        f"server countersign {cls.server.address} source 127.0.0.1"),
                              files=("/etc/haproxy/tls/", f"{cls.directory}/"))
        file = cls.directory / "haproxy.cfg"
        file.write_text(shipped)
        run_ok("/usr/sbin/haproxy", "-c", "-f", file)
        return subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", str(file)], preexec_fn=die_with_parent,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    unittest.main()
