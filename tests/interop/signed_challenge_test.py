"""Signed challenges minted by another implementation in another language enroll with foreign clients, and only as described.

The script that mints them is the one that docs/signed-challenge.md shows.
"""
import json
import pathlib
import subprocess
import sys
import time
import unittest

from instance import InstanceTest, Toml, run, run_ok, text
from scep_client import BAD_MESSAGE_CHECK, Client, FAILURE, SUCCESS

HERE = pathlib.Path(__file__).parent
SCRIPT = HERE / "mint_challenge.py"


def python_with_jwcrypto():
    """Debian's package belongs to Debian's Python."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import jwcrypto"], capture_output=True, check=False).returncode == 0:
            return python
    raise RuntimeError("python3-jwcrypto is missing")


class SignedChallengeTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance()
        cls.python = python_with_jwcrypto()
        home = cls.server.home
        for name, options in (("es", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
                              ("ed", ["-algorithm", "ED25519"]), ("rsa", ["-algorithm", "RSA"])):
            run_ok("openssl", "genpkey", *options, "-out", cls.server.path(f"{name}.pem"))
            run_ok("openssl", "pkey", "-in", cls.server.path(f"{name}.pem"), "-pubout", "-out", cls.server.path(f"{name}.pub"))
        keys = "".join(cls.server.path(f"{name}.pub").read_text() for name in ("es", "ed", "rsa"))
        (home / "mdm.pem").write_text(keys)
        cls.server.command("key", "generate", f"file:{home}/challenge.key", "--type", "p256")
        cls.server.set("profile.default", challenge=Toml('{ mode = "signed", key = "file:challenge.key" }'))
        cls.server.append('[challenge_issuer.mdm]\nissuer = "https://mdm.example"\nkeys = "mdm.pem"\nprofiles = ["default"]\n'
                          'subject_patterns = ["CN=device-*", "CN=device-*,OU=MDM,O=scep-client,C=US"]\n'
                          'san_patterns = ["dns:*.example.com"]\n')
        cls.server.start()
        cls.bundle = cls.server.ca_bundle()
        cls.server.path("challenge.jwk").write_bytes(cls.server.command("challenge", "key").stdout)

    def mint(self, subject, key="es", sans=(), **claims):
        request = {"subject": subject, "subject_alt_names": list(sans), **claims.pop("request", {})}
        file = self.server.path("claims.json")
        file.write_text(json.dumps({"iss": "https://mdm.example", "aud": "default", "request": request, **claims}))
        minted = run_ok(self.python, SCRIPT, self.server.path("challenge.jwk"), self.server.path(f"{key}.pem"), file)
        return minted.stdout.decode().strip()

    def client(self, name):
        return Client(self.server, self.bundle, name)

    def last_reason(self):
        return self.server.audit()[-1].get("reason", "")

    def test_every_kind_of_key_enrolls_by_post_and_by_get(self):
        for number, key in enumerate(("es", "ed", "rsa")):
            client = self.client(f"device-{key}")
            reply = client.send(client.request(self.mint(f"CN=device-{key}", key)))
            self.assertEqual(reply.status, SUCCESS, self.last_reason())
            client = self.client(f"device-{number}")
            message = client.request(self.mint(f"CN=device-{number}", key))
            reply = client.read_reply(client.get(message), client.nonces[message])
            self.assertEqual(reply.status, SUCCESS, self.last_reason())

    def test_everything_a_challenge_can_say(self):
        challenge = self.mint("CN=device-all", sans=["dns:device-all.example.com"], device="4711", request={
            "key_usage": ["digitalSignature"], "extended_key_usage": ["clientAuth"], "key": {"type": "RSA", "size": 2048},
            "validity": 86400 * 7})
        self.assertGreater(len(challenge), 255)
        client = self.client("device-all")
        wanted = ("keyUsage = digitalSignature", "extendedKeyUsage = clientAuth", "subjectAltName = DNS:device-all.example.com")
        for lacking in wanted:
            reply = client.send(client.request(challenge, extensions=[line for line in wanted if line != lacking]))
            self.assertEqual((reply.status, reply.fail_info), (FAILURE, BAD_MESSAGE_CHECK), lacking)
        reply = client.send(client.request(challenge, extensions=wanted))
        self.assertEqual(reply.status, SUCCESS, self.last_reason())
        words = run_ok("openssl", "x509", "-noout", "-text", "-in", client.certificate).stdout.decode()
        self.assertIn("DNS:device-all.example.com", words)
        self.assertEqual(run("openssl", "x509", "-noout", "-checkend", str(86400 * 7), "-in", client.certificate).returncode, 1)
        self.assertIn("device 4711", self.server.audit("enrollment.accepted")[-1]["challenge"])

    def test_stolen_replayed_expired_and_damaged_ones_have_one_answer(self):
        good = self.mint("CN=device-1")
        thief = self.client("device-2")
        now = int(time.time())
        cases = [(good, "SubjectNameMismatch"), (good[:-9], "ChallengeDeserializationError"),
                 (good[:-30] + ("A" if good[-30] != "A" else "B") + good[-29:], "ChallengeDecryptionError"),
                 (self.mint("CN=device-2", iat=now - 7200, exp=now - 3600), "ChallengeExpired"),
                 (self.mint("CN=device-2", aud="vpn"), "ChallengeAudienceMismatch"),
                 (self.mint("CN=device-2", iss="https://other.example"), "ChallengeIssuerUnknown"),
                 ("0123456789ABCDEF", "ChallengeDeserializationError")]
        for challenge, reason in cases:
            reply = thief.send(thief.request(challenge))
            self.assertEqual((reply.status, reply.fail_info), (FAILURE, BAD_MESSAGE_CHECK), reason)
            self.assertIn(reason, self.last_reason())
        owner = self.client("device-1")
        self.assertEqual(owner.send(owner.request(good)).status, SUCCESS, self.last_reason())
        again = self.client("device-1")
        reply = again.send(again.request(good))
        self.assertEqual((reply.status, reply.fail_info), (FAILURE, BAD_MESSAGE_CHECK))
        self.assertEqual(self.server.audit()[-1]["event"], "challenge.reused")
        self.assertIn("ChallengeReplayed", self.last_reason())

    def test_scepclient_enrolls(self):
        directory = self.server.path("scepclient")
        directory.mkdir()
        done = run("scepclient", "-server-url", self.server.scep_url, "-private-key", directory / "key.pem", "-certificate",
                   directory / "certificate.pem", "-cn", "device-go", "-challenge",
                   self.mint("CN=device-go,OU=MDM,O=scep-client,C=US"), timeout=60)
        self.assertEqual(done.returncode, 0, text(done) + self.last_reason())

    def test_the_command_line_inspects_and_verifies(self):
        challenge = self.mint("CN=device-cli")
        file = self.server.path("challenge.txt")
        file.write_text(challenge + "\n")
        outer = json.loads(self.server.command("challenge", "inspect", file).stdout)
        self.assertEqual(outer["claims"]["request"]["subject"], "CN=device-cli")
        self.assertTrue(self.server.json("challenge", "verify", file)["accepted"])
        client = self.client("device-cli")
        request = self.server.path("request.pem")
        for subject, accepted in (("/CN=device-cli", True), ("/CN=device-other", False)):
            pem = run_ok("openssl", "req", "-inform", "DER", stdin=client.csr(challenge, subject)).stdout
            request.write_bytes(pem)
            done = self.server.command("challenge", "verify", "--csr", request, file, check=False)
            self.assertEqual(done.returncode == 0, accepted, text(done))
        self.assertIn("SubjectNameMismatch", text(done))
        self.assertEqual(client.send(client.request(challenge)).status, SUCCESS, "verifying used nothing up")

    def test_what_the_command_line_mints_enrolls(self):
        minted = self.server.json("challenge", "mint", "--issuer", "https://mdm.example", "--signing-key",
                                  f"file:{self.server.path('es.pem')}", "--subject", "CN=device-minted")
        client = self.client("device-minted")
        self.assertEqual(client.send(client.request(minted["challenge"])).status, SUCCESS, self.last_reason())

    def test_a_profile_that_mints_nothing_shows_nothing(self):
        self.assertEqual(self.server.http("GET", "/certsrv/mscep_admin/").status, 404)
        self.assertEqual(self.server.http("GET", self.server.scep_target()).status, 403)
        self.assertEqual(self.server.http("GET", self.server.scep_target("GetCACaps")).status, 200)
        self.assertNotEqual(self.server.command("challenge", "new", check=False).returncode, 0)

    def test_the_specification_shows_this_script(self):
        page = (HERE.parent.parent / "docs" / "signed-challenge.md").read_text()
        self.assertIn("```python\n" + SCRIPT.read_text() + "```", page)


class MixedTest(InstanceTest):
    def test_beside_signed_challenges_a_profile_can_take_one_time_passwords(self):
        server = self.instance()
        run_ok("openssl", "genpkey", "-algorithm", "ED25519", "-out", server.path("ed.pem"))
        run_ok("openssl", "pkey", "-in", server.path("ed.pem"), "-pubout", "-out", server.home / "mdm.pem")
        server.command("key", "generate", f"file:{server.home}/challenge.key", "--type", "rsa2048")
        server.set("profile.default",
                   challenge=Toml('{ mode = "signed", also = ["one-time"], key = "file:challenge.key" }'))
        server.append('[challenge_issuer.mdm]\nissuer = "mdm"\nkeys = "mdm.pem"\nprofiles = ["default"]\n'
                      'subject_patterns = ["**"]\nsan_patterns = ["*"]\n')
        server.start()
        bundle = server.ca_bundle()
        client = Client(server, bundle, "device-otp")
        self.assertEqual(client.send(client.request(server.challenge())).status, SUCCESS)
        for broken in ("eyJhbGciOiJub25lIn0.e30.a.b.c", "swordfish"):
            client = Client(server, bundle, "device-none")
            reply = client.send(client.request(broken))
            self.assertEqual((reply.status, reply.fail_info), (FAILURE, BAD_MESSAGE_CHECK))
        server.path("challenge.jwk").write_bytes(server.command("challenge", "key").stdout)
        claims = server.path("claims.json")
        claims.write_text(json.dumps({"iss": "mdm", "aud": "default",
                                      "request": {"subject": "CN=device-signed", "subject_alt_names": []}}))
        minted = run_ok(python_with_jwcrypto(), SCRIPT, server.path("challenge.jwk"), server.path("ed.pem"), claims)
        client = Client(server, bundle, "device-signed")
        self.assertEqual(client.send(client.request(minted.stdout.decode().strip())).status, SUCCESS)


if __name__ == "__main__":
    unittest.main()
