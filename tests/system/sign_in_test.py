#!/usr/bin/env python3
"""Signing in to the password page by Kerberos, NTLM and client certificates, with clients, a KDC and a proxy nobody here wrote.

Each right way mints a password; each wrong one mints none.
"""
import base64
import http.client
import os
import re
import ssl
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

from client_certificates import Certificates
from instance import InstanceTest, countersign, die_with_parent, free_address, run, text
from kerberos import Realm

PAGE = "/certsrv/mscep_admin/"
HOST = "ndes.test"
SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support")
RELAYABLE = "i understand sign-ins can be relayed"


def python_with_gssapi():
    for python in (sys.executable, "/usr/bin/python3"):
        if run(python, "-c", "import gssapi").returncode == 0:
            return python
    raise RuntimeError("install python3-gssapi")


class GssClient:
    """A sign-in in the making: tokens by gss_client.py."""

    def __init__(self, test, mechanism, binding=None, **environment):
        words = [mechanism, f"HTTP@{HOST}"] + ([binding.hex()] if binding else [])
        self.process = subprocess.Popen([python_with_gssapi(), os.path.join(SUPPORT, "gss_client.py"), *words], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **environment})
        test.addCleanup(self.close)

    def token(self):
        token = self.process.stdout.readline().strip()
        assert token, "the client has no token"
        return token

    def answer(self, token):
        self.process.stdin.write(token + "\n")
        self.process.stdin.flush()
        return self.token()

    def close(self):
        self.process.kill()
        self.process.wait(30)
        self.process.stdin.close()
        self.process.stdout.close()


class SignInTest(InstanceTest):
    """One realm and one instance with a listener for each way; the subclasses sign in."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        directory = tempfile.TemporaryDirectory(prefix="countersign-sign-in-")
        cls.addClassCleanup(directory.cleanup)
        cls.certificates = Certificates(os.path.join(directory.name, "certificates"))
        cls.server = cls.shared_instance()
        cls.directory = directory.name
        cls.minted = 0

    @classmethod
    def add_listener(cls, **keys):
        address = free_address()
        lines = "\n".join(f"{key} = {value}" for key, value in keys.items())
        cls.server.append(f'[[listener]]\naddress = "{address}"\nserves = ["admin"]\n{lines}')
        return address

    @classmethod
    def tls(cls, client_ca=None):
        more = f', client_ca = "{cls.certificates.pem(client_ca)}"' if client_ca else ""
        return f'{{ certificate = "{cls.certificates.pem("server")}", key = "{cls.certificates.key("server")}"{more} }}'

    @classmethod
    def add_account(cls, name, **keys):
        lines = "\n".join(f"{key} = {value}" for key, value in keys.items())
        cls.server.append(f'[account.{name}]\nroles = ["device-administrator"]\n{lines}')

    def curl(self, address, *options, scheme="https", **environment):
        """Status and text of the password page as curl gets it; status 0 when there was no answer."""
        host, port = address.rsplit(":", 1)
        body = tempfile.NamedTemporaryFile(dir=self.directory)
        done = run("curl", "-s", "-S", "--max-time", "60", "--noproxy", "*", "--cacert", self.certificates.pem("server"), "--resolve",
                   f"{HOST}:{port}:{host}", "-o", body.name, "-w", "%{http_code}", *options, f"{scheme}://{HOST}:{port}{PAGE}",
                   env=environment)
        self.said = text(done)
        octets = body.read()
        body.close()
        return int(done.stdout or b"0"), octets.decode("utf-16") if octets[:2] == b"\xff\xfe" else octets.decode("latin-1")

    def connection(self, address):
        """A TLS connection that stays open over several requests."""
        context = ssl.create_default_context(cafile=self.certificates.pem("server"))
        context.check_hostname = False
        host, port = address.rsplit(":", 1)
        connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=60)
        self.addCleanup(connection.close)
        return connection

    def ask(self, connection, *authorizations):
        connection.putrequest("GET", PAGE, skip_accept_encoding=True)
        for value in authorizations:
            connection.putheader("Authorization", value)
        connection.endheaders()
        answer = connection.getresponse()
        octets = answer.read()
        return answer.status, answer.headers.get_all("WWW-Authenticate", []), octets.decode("utf-16", "replace")

    def mints(self):
        """How many passwords were minted since this was asked last."""
        now = len(self.server.audit("challenge.minted"))
        before, type(self).minted = type(self).minted, now
        return now - before

    def assert_minted(self, page):
        status, words = page[0], page[-1]
        self.assertEqual(status, 200, page)
        self.assertRegex(words, r"password is: <B> [0-9A-F]{16} </B>")
        self.assertEqual(self.mints(), 1)

    def assert_refused(self, page, *statuses):
        self.assertIn(page[0], statuses or (401,), page)
        self.assertNotIn("password is: <B>", page[-1])
        self.assertEqual(self.mints(), 0)

    def last_failure(self):
        return self.server.audit("sign_in.failed")[-1]["reason"]

    def binding(self, name="server"):
        return b"tls-server-end-point:" + bytes.fromhex(self.certificates.fingerprint(name))


class KerberosTest(SignInTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.realm = Realm().use()
        cls.addClassCleanup(cls.realm.close)
        cls.realm.start()
        cls.alice = cls.realm.user("alice")
        cls.mdm = cls.realm.user("mdm/fleet")
        cls.mallory = cls.realm.user("mallory")
        keytab = cls.realm.keytab(f"HTTP/{HOST}", cls.server.path("http.keytab"))
        cls.server.set("[listener]", sign_in=["negotiate"])
        cls.tls_address = cls.add_listener(sign_in='["negotiate", "basic"]', tls=cls.tls())
        cls.add_account("alice")
        cls.add_account("mdm", principals=f'["mdm/fleet@{cls.realm.name}"]')
        cls.server.append(f'[sign_in]\nkeytab = "{keytab}"\nservice = "HTTP/{HOST}@{cls.realm.name}"\n'
                          f'realms = ["{cls.realm.name.lower()}"]\nchannel_binding = "when-offered"')
        cls.server.command("check")
        cls.server.start()

    def negotiate(self, address, cache, **options):
        return self.curl(address, "--negotiate", "-u", ":", KRB5CCNAME=cache, **options)

    def negotiate_with(self, address, *options):
        return self.curl(address, "--negotiate", "-u", ":", *options, KRB5CCNAME=self.alice)

    def token(self, mechanism="spnego", binding=None, cache=None):
        return "Negotiate " + GssClient(self, mechanism, binding, KRB5CCNAME=cache or self.alice).token()

    def test_curl_signs_in_over_tls_and_over_loopback(self):
        self.assert_minted(self.negotiate(self.tls_address, self.alice))
        self.assert_minted(self.negotiate(self.server.address, self.alice, scheme="http"))
        self.assertEqual(self.server.audit("challenge.minted")[-1]["by"], "alice")

    def test_an_account_may_name_its_principal(self):
        self.assert_minted(self.negotiate(self.tls_address, self.mdm))

    def test_a_user_of_the_realm_without_an_account_gets_no_password(self):
        page = self.negotiate(self.tls_address, self.mallory)
        self.assertIn("You do not have sufficient permission", page[1])
        self.assert_refused(page, 200, 403)

    def test_without_a_ticket_nobody_is_let_in(self):
        self.assert_refused(self.curl(self.tls_address, "--negotiate", "-u", ":"))
        self.assert_refused(self.curl(self.tls_address))

    def test_the_server_proves_itself_too(self):
        client = GssClient(self, "spnego", KRB5CCNAME=self.alice)
        page = self.ask(self.connection(self.tls_address), "Negotiate " + client.token())
        self.assert_minted(page)
        self.assertEqual(len(page[1]), 1)
        self.assertEqual(client.answer(page[1][0].removeprefix("Negotiate ")), "done")

    def test_bare_kerberos_is_understood(self):
        self.assert_minted(self.ask(self.connection(self.tls_address), self.token("kerberos")))

    def test_bindings_are_checked_where_they_are_offered(self):
        self.assert_minted(self.ask(self.connection(self.tls_address), self.token(binding=self.binding())))
        self.assert_minted(self.ask(self.connection(self.tls_address), self.token()))
        self.assert_refused(self.ask(self.connection(self.tls_address), self.token(binding=self.binding("ca"))))
        self.assertIn("bindings", self.last_failure().lower())
        self.assert_refused(self.ask(self.connection(self.tls_address), self.token("kerberos", self.binding("ca"))))

    def test_bindings_can_be_required(self):
        self.server.set("[listener]", sign_in=["basic"])
        self.server.set("sign_in", channel_binding="required")
        self.assertNotIn("not reloaded", self.server.reload())
        try:
            for mechanism in ("spnego", "kerberos"):
                self.assert_minted(self.ask(self.connection(self.tls_address), self.token(mechanism, self.binding())))
                self.assert_refused(self.ask(self.connection(self.tls_address), self.token(mechanism)))
                self.assertIn("did not bind", self.last_failure())
                self.assert_refused(self.ask(self.connection(self.tls_address), self.token(mechanism, self.binding("ca"))))
        finally:
            self.server.set("[listener]", sign_in=["negotiate"])
            self.server.set("sign_in", channel_binding="when-offered")
            self.assertNotIn("not reloaded", self.server.reload())

    def test_a_token_is_good_once(self):
        for mechanism in ("spnego", "kerberos"):
            token = self.token(mechanism)
            self.assert_minted(self.ask(self.connection(self.tls_address), token))
            self.assert_refused(self.ask(self.connection(self.tls_address), token))

    def test_a_connection_is_never_signed_in(self):
        connection = self.connection(self.tls_address)
        self.assert_minted(self.ask(connection, self.token()))
        self.assert_refused(self.ask(connection))

    def test_another_site_cannot_make_a_browser_fetch_a_password(self):
        page = self.negotiate_with(self.tls_address, "-H", "Sec-Fetch-Site: cross-site")
        self.assert_refused(page, 403)

    def test_garbage_and_doubled_credentials_are_refused(self):
        token = self.token()
        octets = bytearray(base64.b64decode(token.split()[1]))
        octets[-20] ^= 1
        bad = ["Negotiate", "Negotiate ", "Negotiate !!!", "Negotiate YA==", "Negotiate oQA=",
               "Negotiate " + base64.b64encode(octets).decode(), "Negotiate " + token.split()[1][:200]]
        for value in bad:
            with self.subTest(value[:40]):
                self.assert_refused(self.ask(self.connection(self.tls_address), value))
        self.assert_refused(self.ask(self.connection(self.tls_address), token, token))
        self.assert_refused(self.ask(self.connection(self.tls_address), token, "Basic YTpi"))

    def test_ntlm_under_negotiate_is_invited_again(self):
        before = len(self.server.audit("sign_in.failed"))
        type_1 = base64.b64encode(b"NTLMSSP\0\1\0\0\0\x07\x82\x08\xa2" + bytes(24)).decode()
        page = self.ask(self.connection(self.tls_address), f"Negotiate {type_1}")
        self.assert_refused(page)
        self.assertEqual(page[1], ["Negotiate", 'Basic realm="Network Device Enrollment Service"'])
        self.assertEqual(len(self.server.audit("sign_in.failed")), before)

    def test_basic_beside_it_still_works(self):
        made = self.server.created
        self.assert_minted(self.curl(self.tls_address, "--basic", "-u", f"{made['admin_user']}:{made['admin_password']}"))

    def test_check_says_what_is_wrong_with_the_keytab(self):
        cases = [({"service": f"HTTP/other.test@{self.realm.name}"}, "sign_in.service"),
                 ({"keytab": "absent.keytab"}, "absent.keytab"), ({"keytab": "secrets/pepper"}, "sign_in.")]
        good = self.server.config.read_text()
        self.addCleanup(self.server.config.write_text, good)
        for keys, words in cases:
            self.server.set("sign_in", **keys)
            done = self.server.command("check", check=False)
            self.assertNotEqual(done.returncode, 0, text(done))
            self.assertIn(words, text(done))
            self.server.config.write_text(good)
        keytab = self.server.path("http.keytab")
        keytab.chmod(0o640)
        self.addCleanup(keytab.chmod, 0o600)
        done = self.server.command("check", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("chmod 600", text(done))


class NtlmTest(SignInTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        users = cls.server.path("ntlm.users")
        users.write_text("CORP:alice:tea and biscuits\nCORP:mallory:vinegar\n")
        users.chmod(0o600)
        cls.tls_address = cls.add_listener(sign_in='["ntlm"]', tls=cls.tls())
        cls.add_account("mdm", principals='["CORP\\\\alice"]')
        cls.server.append(f'[sign_in]\nntlm = "i understand ntlm passwords can be guessed offline"\nntlm_users = "{users}"')
        cls.server.command("check")
        cls.server.start()

    def client(self, binding, user="CORP\\alice", password="tea and biscuits", **environment):
        return GssClient(self, "ntlm", binding, GSS_USER=user, GSS_PASSWORD=password, **environment)

    def sign_in(self, client, connection=None, last=None):
        connection = connection or self.connection(self.tls_address)
        status, offers, _ = self.ask(connection, "NTLM " + client.token())
        self.assertEqual((status, len(offers)), (401, 1))
        self.assertRegex(offers[0], r"^NTLM \S{40,}$")
        return self.ask(last or connection, "NTLM " + client.answer(offers[0].removeprefix("NTLM ")))

    def test_signs_in_bound_to_tls_and_no_other_way(self):
        self.assert_minted(self.sign_in(self.client(self.binding())))
        self.assert_refused(self.sign_in(self.client(None)))
        self.assertIn("did not bind", self.last_failure())
        self.assert_refused(self.sign_in(self.client(self.binding("ca"))))
        self.assert_refused(self.curl(self.tls_address, "--ntlm", "-u", "CORP\\alice:tea and biscuits"))

    def test_each_request_signs_in_by_itself(self):
        connection = self.connection(self.tls_address)
        self.assert_minted(self.sign_in(self.client(self.binding()), connection))
        self.assert_refused(self.ask(connection))
        self.assert_minted(self.sign_in(self.client(self.binding()), connection))

    def test_the_rounds_belong_to_one_connection(self):
        other = self.connection(self.tls_address)
        self.assert_refused(self.sign_in(self.client(self.binding()), last=other))
        self.assertIn("did not begin", self.last_failure())

    def test_wrong_people_get_nothing(self):
        self.assert_refused(self.sign_in(self.client(self.binding(), password="coffee")))
        self.assert_refused(self.sign_in(self.client(self.binding(), user="CORP\\nobody")))
        page = self.sign_in(self.client(self.binding(), user="CORP\\mallory", password="vinegar"))
        self.assertIn("You do not have sufficient permission", page[-1])
        self.assert_refused(page, 200, 403)
        self.assertTrue(any("nobody" in event["account"] for event in self.server.audit("sign_in.failed")))

    def test_ntlm_version_1_is_refused(self):
        self.server.set("sign_in", ntlm_channel_binding=RELAYABLE)
        self.server.reload()
        try:
            self.assert_minted(self.sign_in(self.client(None)))
            for level in ("0", "1", "2"):
                self.assert_refused(self.sign_in(self.client(None, LM_COMPAT_LEVEL=level)))
        finally:
            self.server.set("sign_in", ntlm_channel_binding="required")
            self.server.reload()

    def test_garbage_is_refused(self):
        for value in ("NTLM", "NTLM AAAA", "NTLM " + base64.b64encode(b"NTLMSSP\0\3\0\0\0" + bytes(80)).decode(),
                      "NTLM " + base64.b64encode(b"NTLMSSP\0\2\0\0\0" + bytes(80)).decode(), "Negotiate YIIB"):
            self.assert_refused(self.ask(self.connection(self.tls_address), value))

    def test_curl_signs_in_where_the_words_allow_it(self):
        self.server.set("sign_in", ntlm_channel_binding=RELAYABLE)
        self.server.reload()
        try:
            self.assert_minted(self.curl(self.tls_address, "--ntlm", "-u", "CORP\\alice:tea and biscuits"))
            self.assert_refused(self.curl(self.tls_address, "--ntlm", "-u", "CORP\\alice:coffee"))
            self.assert_refused(self.sign_in(self.client(self.binding("ca"))))
        finally:
            self.server.set("sign_in", ntlm_channel_binding="required")
            self.server.reload()

    def test_does_not_start_without_the_words(self):
        good = self.server.config.read_text()
        self.addCleanup(self.server.config.write_text, good)
        self.server.config.write_text(re.sub(r'(?m)^ntlm = .*$', "", good))
        done = self.server.command("check", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("i understand ntlm passwords can be guessed offline", text(done))


class CertificateTest(SignInTest):
    PROXY = "127.0.0.77"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        certificates = cls.certificates
        certificates.client("alice").client("nobody").client("web", purpose="server")
        certificates.client("late", begin="20200101000000Z", end="20210101000000Z").client("foreign", ca="foreign_ca")
        prints = ", ".join(f'"{certificates.fingerprint(name)}"' for name in ("alice", "late", "foreign", "web"))
        cls.add_account("alice", certificates=f"[{prints}]")
        cls.optional = cls.add_listener(sign_in='["certificate", "basic"]', tls=cls.tls("ca"))
        cls.mandatory = cls.add_listener(sign_in='["certificate"]', tls=cls.tls("ca"))
        cls.behind = cls.add_listener(sign_in='["certificate"]', trusted_proxies=f'["{cls.PROXY}"]',
                                      client_certificate_header='"X-Client-Cert"',
                                      client_certificate_ca=f'"{certificates.pem("ca")}"')
        cls.server.command("check")
        cls.server.start()
        cls.proxy = cls.start_nginx()

    @classmethod
    def start_nginx(cls):
        address = free_address()
        file = os.path.join(cls.directory, "nginx.conf")
        paths = "\n".join(f"{kind}_temp_path {cls.directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(file, "w", encoding="utf-8") as out:
            out.write(f"""
daemon off; pid {cls.directory}/nginx.pid; error_log {cls.directory}/nginx.log; events {{}}
http {{
  access_log off; {paths}
  server {{
    listen {address} ssl;
    ssl_certificate {cls.certificates.pem("server")}; ssl_certificate_key {cls.certificates.key("server")};
    ssl_verify_client optional_no_ca;
    location / {{
      proxy_pass http://{cls.behind}; proxy_bind {cls.PROXY};
      proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Client-Cert $ssl_client_escaped_cert;
    }}
  }}
}}
""")
        process = subprocess.Popen(["/usr/sbin/nginx", "-c", file, "-p", cls.directory, "-e", f"{cls.directory}/nginx.log"],
                                   preexec_fn=die_with_parent)

        def end():
            process.terminate()
            process.wait(30)
        cls.addClassCleanup(end)
        deadline = 100
        while run("curl", "-s", "-k", "-o", "/dev/null", f"https://{address}/").returncode != 0 and deadline > 0:
            deadline -= 1
        return address

    def with_certificate(self, address, name, *options):
        return self.curl(address, "--cert", self.certificates.pem(name), "--key", self.certificates.key(name), *options)

    def header(self, name):
        return "X-Client-Cert: " + urllib.parse.quote(self.certificates.pem(name).read_text())

    def test_signs_in_on_our_own_tls(self):
        self.assert_minted(self.with_certificate(self.mandatory, "alice"))
        self.assert_minted(self.with_certificate(self.optional, "alice"))
        self.assertEqual(self.server.audit("challenge.minted")[-1]["by"], "alice")

    def test_tls_takes_no_bad_certificate(self):
        for name in ("late", "foreign", "web"):
            for address in (self.mandatory, self.optional):
                self.assert_refused(self.with_certificate(address, name), 0)

    def test_none_is_needed_only_where_another_way_is_offered(self):
        made = self.server.created
        self.assert_refused(self.curl(self.mandatory), 0)
        self.assert_refused(self.curl(self.optional))
        self.assert_minted(self.curl(self.optional, "-u", f"{made['admin_user']}:{made['admin_password']}"))

    def test_a_certificate_without_an_account_gets_no_password(self):
        page = self.with_certificate(self.mandatory, "nobody")
        self.assertIn("You do not have sufficient permission", page[1])
        self.assert_refused(page, 200, 403)

    def test_signs_in_through_nginx(self):
        self.assert_minted(self.with_certificate(self.proxy, "alice"))

    def test_what_nginx_did_not_check_is_checked_here(self):
        # optional_no_ca lets through what lacks a known CA alone.
        self.assert_refused(self.with_certificate(self.proxy, "foreign"), 403)
        self.assertIn("issuer", self.last_failure())
        self.assert_refused(self.with_certificate(self.proxy, "late"), 400)
        self.assert_refused(self.curl(self.proxy), 403)

    def test_a_header_of_ones_own_is_not_believed(self):
        self.assert_refused(self.curl(self.behind, "-H", self.header("alice"), scheme="http"), 403)
        self.assertIn("no trusted proxy", self.last_failure())
        # nginx replaces what its client sends.
        self.assert_refused(self.curl(self.proxy, "-H", self.header("alice")), 403)
        # Where no header is configured it means nothing.
        self.assert_refused(self.curl(self.optional, "-H", self.header("alice")))

    def test_a_trusted_proxy_may_send_base64_once(self):
        value = base64.b64encode(self.certificates.der("alice")).decode()
        through = ("--interface", self.PROXY, "-H", "X-Forwarded-Proto: https")
        self.assert_minted(self.curl(self.behind, *through, "-H", f"X-Client-Cert: {value}", scheme="http"))
        for bad in (f"X-Client-Cert: {value[:-8]}", "X-Client-Cert: %2", "X-Client-Cert: x"):
            self.assert_refused(self.curl(self.behind, *through, "-H", bad, scheme="http"), 403)
        for name, words in (("late", "expired"), ("foreign", "issuer"), ("web", "purpose")):
            self.assert_refused(self.curl(self.behind, *through, "-H", self.header(name), scheme="http"), 403)
            self.assertIn(words, self.last_failure())
        self.assert_refused(self.curl(self.behind, *through, "-H", f"X-Client-Cert: {value}", "-H", self.header("alice"),
                                      scheme="http"), 403)


class ContradictionTest(InstanceTest):
    def test_init_still_makes_an_instance_that_checks(self):
        instance = self.instance()
        instance.command("check")
        for sign_in, words in ((["negotiate"], "keytab"), (["ntlm"], "ntlm"), (["certificate"], "client_ca")):
            instance.set("[listener]", sign_in=sign_in)
            done = countersign("check", "--config", instance.config)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(words, text(done))


if __name__ == "__main__":
    unittest.main()
