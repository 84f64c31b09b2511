"""The configurations of packaging/ for nginx, HAProxy and Apache httpd as they are shipped, in front of a real daemon.

Between proxy and daemon sits a WireTap: cls.tap. Clients choose their own addresses in 127/8; the proxies are 127.0.0.1.
"""
import http.client
import itertools
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess

from client_certificates import Certificates
from instance import InstanceTest, die_with_parent, free_address, run, run_ok
from wire_tap import WireTap, wait_for

PACKAGING = pathlib.Path(__file__).resolve().parents[2] / "packaging"
PATH = "/certsrv/mscep/mscep.dll"


def host_port(address):
    host, _, port = address.rpartition(":")
    return host, int(port)


def fresh_source():
    """An address of 127/8 that no proxy and no other client uses."""
    return f"127.{random.randint(100, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"


class BehindAProxy(InstanceTest):
    """Promises cls.server (daemon), cls.devices (http), cls.tls and cls.admin (https), cls.tap, and alice's, bob's and a
    stranger's certificates. What a mixin of this file starts stands in front."""

    http2 = False      # the change that the files say turns it on
    optional = False   # the change that the files say lets administrators in without a certificate
    shared = False     # the change that the files say lets clients share connections to the daemon
    passes_underscores = False  # names with '_' reach the daemon, which drops them
    shipped = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.numbers = itertools.count(1)
        cls.server = cls.shared_instance()
        cls.directory = cls.server.path("proxy")
        cls.directory.mkdir()
        cls.directory.chmod(0o755)
        cls.certificates = Certificates(cls.server.path("certificates"))
        for name in ("alice", "bob"):
            cls.certificates.client(name)
        cls.certificates.client("stranger", ca="foreign_ca")
        # However slow this machine is, nobody is turned away for it here.
        cls.server.set("server", header_timeout=600, body_timeout=600, idle_timeout=600)
        cls.server.set("[listener]", trusted_proxies=["127.0.0.1"], sign_in=["certificate", "basic"],
                       client_certificate_header="X-Client-Certificate",
                       client_certificate_ca=str(cls.certificates.pem("ca")))
        for name in ("alice", "bob"):
            cls.server.append(f"""[account.{name}]
certificates = ["{cls.certificates.fingerprint(name)}"]
roles = ["device-administrator"]
""")
        cls.server.start()
        cls.tap = WireTap(cls.server.address)
        cls.addClassCleanup(cls.tap.close)
        cls.devices, cls.tls, cls.admin = free_address(), free_address(), free_address()
        shutil.copy(cls.certificates.pem("server"), cls.directory / "scep.pem")
        shutil.copy(cls.certificates.key("server"), cls.directory / "scep.key")
        shutil.copy(cls.certificates.pem("ca"), cls.directory / "admin-ca.pem")
        cls.process = cls.start_proxy()
        cls.addClassCleanup(cls.end_proxy)
        for address in (cls.devices, cls.tls, cls.admin):
            wait_for(lambda to=address: cls.process.poll() is not None or listens(to), f"the proxy at {address}")
        assert cls.process.poll() is None, "the proxy ended"

    @classmethod
    def end_proxy(cls):
        cls.process.send_signal(signal.SIGTERM)
        cls.process.wait(30)

    @classmethod
    def adapted(cls, *replaced):
        """The shipped file with the test's own places; each must be there."""
        shipped = (PACKAGING / cls.shipped).read_text()
        for old, new in replaced:
            assert old in shipped, f"{cls.shipped} does not hold {old!r} any more"
            shipped = shipped.replace(old, new)
        return shipped

    # --- clients -------------------------------------------------------------------------------------------------------------

    def curl(self, url, *options):
        done = run("curl", "-s", "-k", "-o", "-", "-w", "\n%{http_code}", *options, url, timeout=60)
        body, _, status = done.stdout.decode("utf-8", "replace").rpartition("\n")
        return int(status), body

    def certificate_of(self, name):
        return ("--cert", self.certificates.pem(name), "--key", self.certificates.key(name)) if name else ()

    def as_admin(self, path, name="alice", *options):
        return self.curl(f"https://{self.admin}{path}", *self.certificate_of(name), *options)

    def tls_context(self, name=None, protocols=()):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if name:
            context.load_cert_chain(self.certificates.pem(name), self.certificates.key(name))
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context

    def connect(self, address, source=None, tls=None):
        """A socket to one of the proxy's addresses; with `tls` (a context) inside TLS."""
        plain = socket.create_connection(host_port(address), timeout=60, source_address=(source or fresh_source(), 0))
        return tls.wrap_socket(plain, server_hostname="ndes.test") if tls else plain

    def client(self, address, source=None, tls=None):
        """An HTTP/1.1 client that keeps its connection."""
        connection = http.client.HTTPConnection(*host_port(address), timeout=60)
        connection.sock = self.connect(address, source, tls)
        connection.auto_open = 0
        return connection

    def get(self, connection, target, headers=()):
        """(status, body) of a GET on a client()."""
        connection.putrequest("GET", target, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()

    # --- what the daemon says ------------------------------------------------------------------------------------------------

    def line_of(self, marker):
        """(client, status) as logged of the one request for /crl/MARKER or whatever else holds the marker; waits for it."""
        pattern = re.compile(rf"^\S+ info (\S+) \S+ \S*{re.escape(marker)}\S* \S+ -> (\d+)", re.MULTILINE)
        wait_for(lambda: pattern.search(self.server.log()), f"a line about {marker}")
        found = pattern.findall(self.server.log())
        self.assertEqual(len(found), 1, found)
        return found[0][0], int(found[0][1])

    def marker(self, word):
        return f"{word}-{next(self.numbers)}-{random.randrange(1 << 32):08x}"

    def heads(self, marker):
        """The heads the proxy sent on whose target or X-Marker holds the marker."""
        return [head for connection in self.tap.connections() for head in connection.requests()
                if any(marker in one for one in (head.target, *head.values("x-marker")))]


def listens(address):
    try:
        socket.create_connection(host_port(address), timeout=5).close()
        return True
    except OSError:
        return False


class Nginx:
    shipped = "nginx/countersign.conf"

    @classmethod
    def start_proxy(cls):
        h2 = " http2" if cls.http2 else ""
        (cls.directory / "countersign.conf").write_text(cls.adapted(
            ("listen 80;", f"listen {cls.devices};"),
            ("listen 443 ssl;", f"listen {cls.tls} ssl{h2};"), ("listen 8443 ssl;", f"listen {cls.admin} ssl{h2};"),
            *((("ssl_verify_client on;", "ssl_verify_client optional;"),) if cls.optional else ()),
            *((("server 127.0.0.1:8080;", "server 127.0.0.1:8080; keepalive 32; keepalive_timeout 10s;"),
               ("Connection close;", 'Connection "";')) if cls.shared else ()),
            ("127.0.0.1:8080", cls.tap.address),
            ("/etc/nginx/tls/", f"{cls.directory}/")))
        paths = " ".join(f"{kind}_temp_path {cls.directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (cls.directory / "nginx.conf").write_text(
            f"daemon off; pid {cls.directory}/pid; error_log {cls.directory}/log; events {{}}\n"
            f"http {{ access_log off; {paths} include {cls.directory}/countersign.conf; }}\n")
        command = ["/usr/sbin/nginx", "-c", str(cls.directory / "nginx.conf"), "-p", str(cls.directory), "-e", f"{cls.directory}/log"]
        run_ok(*command, "-t")
        return subprocess.Popen(command, preexec_fn=die_with_parent)


class Haproxy:
    shipped = "haproxy/haproxy.cfg"

    @classmethod
    def start_proxy(cls):
        (cls.directory / "scep.pem").write_text((cls.directory / "scep.pem").read_text() + (cls.directory / "scep.key").read_text())
        h2 = ((" proto h1 alpn http/1.1", " alpn h2,http/1.1"), (" proto h1", "")) if cls.http2 else ()
        optional = (("verify required", "verify optional"),) if cls.optional else ()
        # More sharing than the file proposes: with `safe` it is rare, and a test that waits for it shows nothing.
        shared = (("http-reuse never", "http-reuse always"), ("http-server-close", "http-keep-alive")) if cls.shared else ()
        shipped = cls.adapted(("bind :80 ", f"bind {cls.devices} "), ("bind :443 ", f"bind {cls.tls} "),
                              ("bind :8443 ", f"bind {cls.admin} "), ("127.0.0.1:8080", cls.tap.address),
                              ("/etc/haproxy/tls/", f"{cls.directory}/"), *h2, *optional, *shared)
        file = cls.directory / "haproxy.cfg"
        file.write_text(shipped)
        run_ok("/usr/sbin/haproxy", "-c", "-f", file)
        return subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", str(file)], preexec_fn=die_with_parent,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Apache:
    shipped = "apache/countersign.conf"
    shared = False     # the change that the files say lets clients share connections to the daemon
    passes_underscores = True
    modules = ("mpm_event", "authz_core", "alias", "headers", "ssl", "proxy", "proxy_http")

    @classmethod
    def start_proxy(cls):
        (cls.directory / "countersign.conf").write_text(cls.adapted(
            ("127.0.0.1:8080", cls.tap.address), ("Listen 8443\n", f"Listen {cls.devices}\nListen {cls.tls}\nListen {cls.admin}\n"),
            ("*:80>", f"{cls.devices}>"), ("*:443>", f"{cls.tls}>"), ("*:8443>", f"{cls.admin}>"), ("/etc/apache2/tls/", f"{cls.directory}/"),
            *((("SSLVerifyClient require", "SSLVerifyClient optional"),) if cls.optional else ())))
        file = cls.directory / "apache.conf"
        file.write_text("\n".join((
            f"ServerRoot {cls.directory}", f"PidFile {cls.directory}/pid", f"ErrorLog {cls.directory}/log", f"DefaultRuntimeDir {cls.directory}",
            "ServerName ndes.test", "User www-data", "Group www-data", f"DocumentRoot {cls.directory}/empty",
            *(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in cls.modules),
            f"Include {cls.directory}/countersign.conf", "")))
        (cls.directory / "empty").mkdir()
        run_ok("/usr/sbin/apache2", "-t", "-f", file)
        return subprocess.Popen(["/usr/sbin/apache2", "-X", "-f", str(file)], preexec_fn=die_with_parent,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
