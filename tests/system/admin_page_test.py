"""The NDES administrator's page as its consumers read it (ndes reference, section A).

Each parser below follows the rule of one consumer in table A3, written from the description of that rule.
"""
import base64
import re
import subprocess
import unittest

from instance import InstanceTest, Toml, basic, countersign, run, run_ok, text

PAGE = "/certsrv/mscep_admin/"


# --- parsers, one for each consumer's rule ---------------------------------------------------------------------------------------

def fleet(body):
    assert body[:2] == b"\xff\xfe"
    return re.search(r"(?i)The enrollment challenge password is: <B> (?P<password>\S*)", body[2:].decode("utf-16-le")).group("password")


def zentral(body):
    return re.search(r"challenge password is: <B> ([A-Z0-9]{16,32}) </B>", body.decode("utf-16")).group(1)


def okta_flavoured(body):
    return re.search(r"challenge password is: <B> ([a-zA-Z0-9_\-]+) </B>", body.decode("utf-16")).group(1)


def split_at_brackets(body):
    for segment in body.decode("UTF-16").split(">"):
        if segment.find("The enrollment challenge password is: <B") == 1:
            following = body.decode("UTF-16").split(segment + ">")[1]
            return following.split("<")[0].strip()
    raise AssertionError("no segment has the sentence at index 1")


def psndes(body, octets=8):
    return re.search(r"[A-F0-9]{%d}" % (2 * octets), body.decode("utf-16-le")).group(0)


def ilo(body):
    return next(token for token in body.decode("utf-16").split() if re.match(r"^[A-F0-9]{16}", token))


def ansible(body):
    return re.search(r"[A-F0-9]{16}", body.decode("utf-16-le", "strict")).group(0)


def certmonger_recipe(body):
    done = subprocess.run(["sh", "-c", "iconv -f utf-16 -t ascii | awk '{for (i=1;i<NF;i++) if ($i == \"<B>\") print $(i+1)}'"],
                          input=body, capture_output=True, check=True)
    return next(word for word in done.stdout.decode().split() if len(word) == 16)


def relay_tool(body):
    page = body.decode("utf-16")
    assert "Network Device Enrollment Service" in page
    start = page.index("password is: <B> ") + len("password is: <B> ")
    assert page[start:].count("</B>") == 1 and re.search(r"will expire within (\d+) minutes", page)
    return page[start:page.rindex("</B>")].strip()


def soup(body):
    page = body.decode("utf-16").replace("<B>", "<b>").replace("</B>", "</b>")
    return re.search(r"The enrollment challenge password is: <b> ([A-Z0-9]+) ", page).group(1)


def dotnet(body):
    return re.search(r"challenge password.*?([0-9A-Fa-f]{8,64})", body.decode("utf-16")).group(1)


PARSERS = [fleet, zentral, okta_flavoured, split_at_brackets, psndes, ilo, ansible, certmonger_recipe, relay_tool, soup, dotnet]


class AdminPageTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance()
        hashed = countersign("hash-password", stdin=b"helpdesk pass").stdout.decode().strip()
        cls.server.append(f'[account.Helpdesk]\npassword_hash = "{hashed}"\nroles = ["auditor"]\n'
                          f'[account.limited]\npassword_hash = "{hashed}"\nroles = ["device-administrator"]\nmax_outstanding = 3')
        cls.server.start()
        cls.admin = basic(cls.server.created["admin_user"], cls.server.created["admin_password"])

    def fetch(self, target=PAGE, authorization=None, method="GET", body=None, headers=(), server=None):
        sign_in = [] if authorization == "" else [("Authorization", authorization or self.admin)]
        return (server or self.server).http(method, target, body, [*sign_in, *headers])

    def outstanding(self, server=None):
        return len((server or self.server).json("challenge", "list"))

    def test_every_consumer_finds_the_password(self):
        answer = self.fetch()
        self.assertEqual((answer.status, answer.content_type), (200, "text/html"))
        self.assertEqual(answer.headers["cache-control"], "no-store")
        self.assertEqual(len(answer.body) % 2, 0)
        found = {parser.__name__: parser(answer.body) for parser in PARSERS}
        self.assertEqual(len(set(found.values())), 1, found)
        self.assertRegex(found["fleet"], "^[0-9A-F]{16}$")

    def test_the_thumbprint_is_the_md5_of_the_ca_certificate(self):
        page = self.fetch().body.decode("utf-16")
        shown = re.search(r"The thumbprint \(hash value\) for the CA certificate is: <B> ([0-9A-F ]+) </B>", page).group(1)
        self.assertRegex(shown, "^([0-9A-F]{8} ){3}[0-9A-F]{8}$")
        printed = run_ok("openssl", "x509", "-noout", "-fingerprint", "-md5", "-in", self.server.ca_bundle()["ca"]).stdout.decode()
        self.assertEqual(shown.replace(" ", ""), printed.split("=")[1].strip().replace(":", ""))

    def test_curl_iconv_grep_and_scepclient(self):
        created = self.server.created
        command = (f"curl -sS -u '{created['admin_user']}:{created['admin_password']}' {created['admin_url']} | iconv -f utf-16 | "
                   "grep -o 'The enrollment challenge password is: <B> [^ ]*'")
        password = run_ok("bash", "-c", "set -o pipefail; " + command).stdout.decode().split()[-1]
        directory = self.server.path("page-device")
        directory.mkdir()
        words = ["scepclient", "-server-url", self.server.scep_url, "-private-key", directory / "key.pem", "-certificate",
                 directory / "certificate.pem", "-cn", "page-device", "-challenge", password]
        self.assertEqual(run(*words).returncode, 0)
        run_ok("openssl", "verify", "-CAfile", self.server.ca_bundle()["ca"], directory / "certificate.pem")
        self.assertTrue(any(one["by"] == created["admin_user"] and one["through"] == "page"
                            for one in self.server.audit("challenge.minted")))

    def test_each_reading_makes_another_password(self):
        self.assertNotEqual(fleet(self.fetch().body), fleet(self.fetch().body))

    def test_post_is_read_like_get_and_its_body_is_ignored(self):
        answer = self.fetch(method="POST", body=b"operation=GetCACaps", headers=[("Content-Type", "application/x-www-form-urlencoded")])
        self.assertEqual(answer.status, 200)
        self.assertRegex(ilo(answer.body), "^[0-9A-F]{16}$")

    def test_the_form_without_slash_is_moved(self):
        answer = self.fetch("/CertSrv/mscep_admin", authorization="")
        self.assertEqual((answer.status, answer.headers["location"]), (301, "/CertSrv/mscep_admin/"))

    def test_other_forms_of_the_address(self):
        for target in ("/CERTSRV/MSCEP_ADMIN/", "/certsrv/mscep_admin/mscep.dll", "/certsrv/mscep_admin/MSCEP.DLL?x=1"):
            self.assertRegex(fleet(self.fetch(target).body), "^[0-9A-F]{16}$", target)

    def test_scep_is_spoken_below_the_page_by_those_who_signed_in(self):
        target = "/certsrv/mscep_admin/mscep.dll?operation=GetCACaps"
        before = self.outstanding()
        self.assertIn(b"POSTPKIOperation", self.fetch(target).body)
        self.assertEqual(self.outstanding(), before)
        self.assertEqual(self.fetch(target, authorization="").status, 401)

    def test_nobody_reads_it_without_a_password(self):
        before = self.outstanding()
        for authorization in ("", basic("administrator", "wrong"), basic("nobody", "wrong"), "Basic !!!", "Basic", "Bearer abc",
                              "Negotiate TlRMTVNTUAABAAAA", basic("administrator", ""), "Basic " + base64.b64encode(b"nocolon").decode()):
            with self.subTest(authorization=authorization):
                answer = self.fetch(authorization=authorization)
                self.assertEqual(answer.status, 401)
                self.assertEqual(answer.headers["www-authenticate"].split()[0], "Basic")
                self.assertNotIn(b"p\0a\0s\0s\0w\0o\0r\0d\0", answer.body)
        self.assertEqual(self.outstanding(), before)
        self.assertTrue(any(one["reason"] == "wrong password" for one in self.server.audit("sign_in.failed")))
        self.assertNotIn("nocolon", (self.server.home / "audit.log").read_text())

    def test_two_authorization_headers_are_none(self):
        answer = self.fetch(headers=[("Authorization", self.admin)])
        self.assertEqual(answer.status, 401)

    def test_forms_of_the_user_name(self):
        password = self.server.created["admin_password"]
        for name in ("administrator", "ADMINISTRATOR", "administrator@corp.example", "CORP\\Administrator"):
            self.assertEqual(self.fetch(authorization=basic(name, password)).status, 200, name)
        for name in ("administrato", "corp.example@administrator", "administrator\\x"):
            self.assertEqual(self.fetch(authorization=basic(name, password)).status, 401, name)

    def test_an_account_without_the_role_sees_no_password(self):
        before = self.outstanding()
        answer = self.fetch(authorization=basic("helpdesk", "helpdesk pass"))
        self.assertEqual((answer.status, answer.content_type), (200, "text/html"))
        page = answer.body.decode("utf-16")
        self.assertIn("You do not have sufficient permission to enroll with SCEP.  Please contact your system administrator.", page)
        self.assertNotIn("challenge password is", page)
        self.assertEqual(self.outstanding(), before)
        self.assertEqual(self.server.audit("challenge.withheld")[-1]["by"], "Helpdesk")

    def test_an_account_has_a_quota_of_its_own(self):
        limited = basic("limited", "helpdesk pass")
        for _ in range(3):
            self.assertRegex(fleet(self.fetch(authorization=limited).body), "^[0-9A-F]{16}$")
        full = self.fetch(authorization=limited)
        self.assertEqual(full.status, 200)
        self.assertIn("The password cache is full.", full.body.decode("utf-16"))
        self.assertRegex(fleet(self.fetch().body), "^[0-9A-F]{16}$")  # others go on
        mine = next(one for one in self.server.json("challenge", "list") if one["created_by"] == "limited")
        self.server.command("challenge", "revoke", mine["id"])
        self.assertRegex(fleet(self.fetch(authorization=limited).body), "^[0-9A-F]{16}$")

    def test_browsers_sent_by_others_or_ahead_of_their_users_get_nothing(self):
        before = self.outstanding()
        host = self.server.address
        for headers in ([("Sec-Fetch-Site", "cross-site")], [("Sec-Fetch-Site", "same-site")], [("Sec-Purpose", "prefetch")],
                        [("Purpose", "prefetch")], [("X-Moz", "prefetch")], [("Sec-Purpose", "prefetch;prerender")],
                        [("Origin", "http://evil.example")], [("Origin", "null")], [("Referer", f"http://evil.example/{host}")],
                        [("Referer", f"http://{host}.evil.example/")]):
            with self.subTest(headers=headers):
                answer = self.fetch(headers=headers)
                self.assertEqual(answer.status, 403)
                self.assertEqual(self.outstanding(), before)
        for headers in ([("Sec-Fetch-Site", "none")], [("Sec-Fetch-Site", "same-origin")], [("Referer", f"http://{host}/x")]):
            self.assertEqual(self.fetch(headers=headers).status, 200, headers)

    def test_head_makes_no_password(self):
        before = self.outstanding()
        answer = self.fetch(method="HEAD")
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(self.outstanding(), before)
        self.assertEqual(self.fetch(method="PUT", body=b"").status, 405)

    def test_the_page_cannot_be_framed_cached_or_sniffed(self):
        headers = self.fetch().headers
        self.assertEqual(headers["x-frame-options"], "DENY")
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        self.assertIn("frame-ancestors 'none'", headers["content-security-policy"])

    def test_the_full_cache_says_so(self):
        server = self.instance()
        server.set("profile.default", challenge=Toml('{ mode = "one-time", max_outstanding = 2 }'))
        server.start()
        admin = basic(server.created["admin_user"], server.created["admin_password"])
        for _ in range(2):
            fleet(self.fetch(server=server, authorization=admin).body)
        page = self.fetch(server=server, authorization=admin)
        self.assertEqual(page.status, 200)
        said = page.body.decode("utf-16")
        self.assertIn("<P> The password cache is full. <P> Network Device Enrollment Service stores unused password for later use.", said)
        self.assertIn("Configure the service to cache more than 2 passwords.", said)
        self.assertNotRegex(said, "[A-F0-9]{16}")

    def test_single_password(self):
        server = self.instance()
        secret = server.path("single")
        secret.write_text("C0FFEE00C0FFEE00\n")
        secret.chmod(0o600)
        server.set("profile.default", challenge=Toml(f'{{ mode = "single-password", password_file = "{secret}" }}'))
        hashed = countersign("hash-password", stdin=b"limited").stdout.decode().strip()
        server.append(f'[template.other]\nextended_key_usage = ["clientAuth"]\n[account.limited]\npassword_hash = "{hashed}"\n'
                      'roles = ["device-administrator"]\ntemplates = ["other"]')
        server.start()
        withheld = self.fetch(server=server, authorization=basic("limited", "limited")).body.decode("utf-16")
        self.assertIn("You do not have sufficient permission", withheld)  # the one password opens templates that are not theirs
        self.assertNotIn("C0FFEE", withheld)
        admin = basic(server.created["admin_user"], server.created["admin_password"])
        body = self.fetch(server=server, authorization=admin).body
        for parser in (fleet, zentral, psndes, ilo, ansible, soup, dotnet):
            self.assertEqual(parser(body), "C0FFEE00C0FFEE00", parser)
        self.assertIn(" </B> <P> This password can be used multiple times and will not expire.", body.decode("utf-16"))

    def test_no_password(self):
        server = self.instance()
        server.set("profile.default", challenge=Toml('{ mode = "none" }'))
        server.start()
        admin = basic(server.created["admin_user"], server.created["admin_password"])
        page = self.fetch(server=server, authorization=admin).body.decode("utf-16")
        self.assertIn("thumbprint (hash value)", page)
        self.assertNotIn("challenge password is:", page)


class PlainHttpTest(InstanceTest):
    """Admin surfaces do not speak plain HTTP to strangers (design invariant 8)."""

    def test_a_proxy_that_is_trusted_may_bring_it_and_nobody_else(self):
        server = self.instance()
        server.set("[listener]", trusted_proxies=["192.0.2.1"])
        server.start()
        admin = basic(server.created["admin_user"], server.created["admin_password"])
        self.assertEqual(server.http("GET", PAGE, None, [("Authorization", admin)]).status, 200)

    def test_an_exposed_plain_listener_does_not_start(self):
        server = self.instance()
        server.set("[listener]", address="0.0.0.0:0")
        done = server.command("check", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("plain_http_admin", text(done))


if __name__ == "__main__":
    unittest.main()
