"""The administrator's console: over the wire, and (tests/browser/console.mjs) in headless Chromium."""
import os
import pathlib
import re
import shutil
import unittest
import urllib.parse

from instance import InstanceTest, basic, program, run, run_ok, text
from scep_client import Client, PENDING, SUCCESS

BROWSER = pathlib.Path(__file__).resolve().parents[1] / "browser"
PASSWORD = "correct horse"
HELD = """
[profile.held]
paths = ["/held/mscep.dll"]
admin_paths = ["/held_admin"]
challenge = { mode = "one-time" }
templates = { signature = "held", encryption = "held", general_purpose = "held" }
[template.held]
extended_key_usage = ["clientAuth"]
hold_for_approval = true
"""
ACCOUNTS = {
    "chief": 'roles = ["device-administrator", "officer", "auditor"]',
    "minter": 'roles = ["device-administrator"]\nprofiles = ["default"]',
    "watcher": 'roles = ["auditor"]\nprofiles = ["default"]',
}
FORM = ("Content-Type", "application/x-www-form-urlencoded")
SAME = ("Sec-Fetch-Site", "same-origin")


class HeldProfile:
    """The instance, as a device of the profile "held" sees it."""

    def __init__(self, instance):
        self.__dict__.update(instance.__dict__)
        self._instance = instance

    def __getattr__(self, name):
        return getattr(self._instance, name)

    def scep_target(self, operation=None, message=None):
        return self._instance.scep_target(operation, message, "/held/mscep.dll")


class ConsoleTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance()
        hashed = run_ok(program("countersign"), "hash-password", stdin=PASSWORD.encode() + b"\n").stdout.decode().strip()
        for name, rights in ACCOUNTS.items():
            cls.server.append(f'[account.{name}]\npassword_hash = "{hashed}"\n{rights}')
        cls.server.append(HELD)
        cls.server.start()
        cls.bundle = cls.server.ca_bundle()

    def ask(self, path, user="chief", method="GET", body=None, headers=()):
        sent = [*headers] + ([("Authorization", basic(user, PASSWORD))] if user else [])
        return self.server.http(method, "/countersign" + path, body, sent)

    def token(self, user="chief", page="/passwords"):
        return re.search(rb'name="token" value="([0-9a-f]{64})"', self.ask(page, user).body).group(1).decode()

    def post(self, path, user="chief", headers=(FORM, SAME), **fields):
        return self.ask(path, user, "POST", urllib.parse.urlencode(fields).encode(), headers)

    def enrolled(self, name):
        client = Client(self.server, self.bundle, name)
        self.assertEqual(client.send(client.request(self.server.challenge())).status, SUCCESS)
        return client

    def held(self, subject):
        client = Client(HeldProfile(self.server), self.bundle)
        challenge = self.server.challenge("--profile", "held")
        self.assertEqual(client.send(client.request(challenge, subject=subject)).status, PENDING)
        return client

    def test_nobody_sees_anything_without_signing_in(self):
        for path in ("", "/", "/passwords", "/requests", "/nowhere"):
            answer = self.ask(path, user=None)
            self.assertEqual(answer.status, 401, path)
            self.assertIn("Basic", answer.headers["www-authenticate"])
            self.assertNotIn(b"<nav", answer.body)
        self.assertEqual(self.server.http("GET", "/countersign/", None, [("Authorization", basic("chief", "wrong"))]).status, 401)

    def test_pages_forbid_what_they_do_not_need(self):
        answer = self.ask("/")
        policy = answer.headers["content-security-policy"]
        self.assertEqual(policy, "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
        self.assertEqual(answer.headers["cache-control"], "no-store")
        self.assertEqual(answer.headers["x-frame-options"], "DENY")
        self.assertEqual(answer.content_type, "text/html; charset=utf-8")
        for word in (b"<script", b"style=", b"onclick", b"http://", b"https://"):
            self.assertNotIn(word, answer.body)
        style = self.ask("/console.css", user=None)
        self.assertEqual((style.status, style.content_type), (200, "text/css; charset=utf-8"))
        self.assertNotIn(b"url(", style.body)

    def test_roles_and_profiles_limit_what_is_there(self):
        pages = {"minter": {"Overview", "Passwords"}, "watcher": {"Overview", "Passwords", "Requests", "Certificates", "Events"},
                 "chief": {"Overview", "Passwords", "Requests", "Certificates", "Events"}}
        for user, wanted in pages.items():
            navigation = re.search(rb"<nav.*?</nav>", self.ask("/", user).body, re.DOTALL).group(0).decode()
            self.assertEqual(set(re.findall(r">(\w+)</a>", navigation)), wanted, user)
        self.assertEqual(self.ask("/requests", "minter").status, 403)
        self.assertEqual(self.ask("/events", "minter").status, 403)
        self.assertNotIn(b"Expires", self.ask("/", "minter").body.split(b"</header>")[1])
        self.held("CN=of-another-profile")
        self.assertIn(b"of-another-profile", self.ask("/requests").body)
        self.assertNotIn(b"of-another-profile", self.ask("/requests", "watcher").body)
        self.assertNotIn(b"of-another-profile", self.ask("/events", "watcher").body)
        one = next(entry["id"] for entry in self.server.requests() if "of-another-profile" in entry["subject"])
        self.assertEqual(self.ask(f"/requests/{one}", "watcher").status, 404)
        self.assertNotIn(b"Make a password", self.ask("/passwords", "watcher").body)
        token = self.token("minter")
        self.assertEqual(self.post("/passwords", "minter", token=token, subject="CN=x", profile="held").status, 404)
        self.assertEqual(self.post(f"/requests/{one}/approve", "minter", token=token).status, 403)
        self.assertEqual(next(entry["state"] for entry in self.server.requests() if entry["id"] == one), "held")

    def test_a_form_needs_its_token_and_to_come_from_here(self):
        def minted():
            return len(self.server.json("challenge", "list", "--all"))
        before, token = minted(), self.token()
        refused = {
            "no token": self.post("/passwords", subject="CN=x"),
            "a wrong token": self.post("/passwords", token="0" * 64, subject="CN=x"),
            "somebody else's token": self.post("/passwords", token=self.token("minter"), subject="CN=x"),
            "another site": self.post("/passwords", headers=(FORM, ("Sec-Fetch-Site", "cross-site")), token=token),
            "a site below the same name": self.post("/passwords", headers=(FORM, ("Sec-Fetch-Site", "same-site")), token=token),
            "another origin": self.post("/passwords", headers=(FORM, ("Origin", "https://evil.test")), token=token),
            "no origin it names": self.post("/passwords", headers=(FORM, ("Origin", "null")), token=token),
            "no form": self.post("/passwords", headers=(("Content-Type", "text/plain"), SAME), token=token),
            "no type": self.post("/passwords", headers=(SAME,), token=token),
        }
        for what, answer in refused.items():
            self.assertEqual(answer.status, 403, what)
            self.assertNotIn(b'id="challenge"', answer.body, what)
        self.assertEqual(minted(), before)
        self.assertEqual(self.server.audit("api.refused")[-1]["path"], "/countersign/passwords")
        good = self.post("/passwords", token=token, subject="CN=x")
        self.assertEqual((good.status, minted()), (200, before + 1))
        self.assertEqual(self.server.audit("challenge.minted")[-1]["through"], "console")

    def test_reading_has_no_effect_and_other_methods_none_at_all(self):
        before = len(self.server.json("challenge", "list", "--all"))
        for method in ("GET", "HEAD"):
            self.assertEqual(self.ask("/passwords?subject=CN%3Dx", method=method).status, 200)
        for method in ("PUT", "DELETE", "OPTIONS"):
            self.assertEqual(self.ask("/passwords", method=method).status, 405)
        self.assertEqual(self.ask("/passwords?nonsense=1").status, 400)
        self.assertEqual(self.ask("/requests?state=nonsense").status, 400)
        self.assertEqual(len(self.server.json("challenge", "list", "--all")), before)

    def test_what_does_not_work_is_said_in_words(self):
        token = self.token()
        self.assertEqual(self.post("/requests/0123/approve", token=token).status, 404)
        self.assertEqual(self.post("/certificates/0123/revoke", token=token, reason="keyCompromise").status, 404)
        answer = self.post("/passwords", token=token, subject="no name")
        self.assertEqual(answer.status, 400)
        self.assertIn(b'role="alert"', answer.body)
        self.assertEqual(self.post("/passwords", token=token, valid_minutes="soon").status, 400)
        self.assertEqual(self.post("/passwords", token=token, subject="x" * 100000).status, 413)

    def test_in_a_browser(self):
        chromium = shutil.which(os.environ.get("CHROMIUM", "chromium"))
        self.assertTrue(chromium, "install the Debian package chromium")
        if not (BROWSER / "node_modules").exists():
            run_ok("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=BROWSER, timeout=300)
        waiting = self.held("CN=approve-me")
        self.held("CN=<img src=x onerror=alert(1)>")
        self.enrolled("revoke-me")
        refused = Client(self.server, self.bundle, "guesses")
        refused.send(refused.request("0123456789ABCDEF"))
        for one in [entry for entry in self.server.requests() if entry["state"] == "held"]:
            if "of-another-profile" in one["subject"]:
                self.server.command("request", "deny", one["id"])
        result = self.server.path("minted")
        done = run("node", "--test", BROWSER / "console.mjs", timeout=300,
                   env={"CONSOLE_URL": f"http://{self.server.address}/countersign", "CONSOLE_USER": "chief",
                        "CONSOLE_PASSWORD": PASSWORD, "CONSOLE_RESULT": str(result), "CHROMIUM": chromium})
        self.assertEqual(done.returncode, 0, text(done))
        # What the page showed is what enrolls, once, and for that subject alone.
        client = Client(self.server, self.bundle, "minted-in-the-console")
        self.assertEqual(client.send(client.request(result.read_text())).status, SUCCESS)
        self.wait_until(lambda: waiting.send(waiting.poll()).status == SUCCESS, what="the approval")
        states = {one["subject"]: one["state"] for one in self.server.json("certificate", "list")}
        self.assertEqual(states["CN=revoke-me"], "revoked")
        denied = next(one for one in self.server.requests() if "onerror" in one["subject"])
        self.assertEqual((denied["state"], "not one of ours" in denied["reason"]), ("failed", True))
        self.assertEqual(self.server.audit("request.denied")[-1]["through"], "console")


if __name__ == "__main__":
    unittest.main()
