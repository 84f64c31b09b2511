"""CAs by CMP, EST, EJBCA's, Vault's and step-ca's interfaces: the daemon with the configurations of the documentation in front of stand-ins."""
import pathlib
import re
import shutil
import unittest

from ca_backends_test import BackendTest
from client_certificates import Certificates
from instance import run_ok
from scep_client import FAILURE, PENDING, SUCCESS
from stand_in import StandIn

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def shown(page, number):
    """The number-th configuration of a CA that a page of the documentation shows, without its own certificate and chain."""
    blocks = re.findall(r"```toml\n\[ca\.default\]\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    return re.sub(r'^(certificate|chain) = ".*"\n', "", blocks[number], flags=re.MULTILINE)


class ProtocolTest(BackendTest):
    """One enrollment, one that is held, a lie and a lost answer by each protocol; `make` starts the CA and configures it."""

    script = words = page = None
    number = 0
    path = ""
    scheme = "https"
    holds = revokes = True
    finds_lost_answers = False

    def setUp(self):
        super().setUp()
        if self.script is None:
            self.skipTest("the protocols are below")
        tls = Certificates(self.server.path("tls"))
        tls.self_signed("server", "/CN=127.0.0.1", "subjectAltName=IP:127.0.0.1")
        shutil.copy(tls.pem("server"), self.home / "server.pem")
        shutil.copy(tls.key("server"), self.home / "server.key")
        shutil.copy(self.home / "agent.pem", self.home / "lie.pem")
        self.prepare()
        self.ca = StandIn(self.script, self.home, *self.words)
        self.addCleanup(self.ca.close)
        text = re.sub(r'^url = ".*"', f'url = "{self.scheme}://127.0.0.1:{self.ca.port}{self.path}"', shown(self.page, self.number),
                      flags=re.MULTILINE)
        text = re.sub(r'^trust = ".*"', f'trust = "{self.home}/server.pem"', text, flags=re.MULTILINE)
        self.use_ca(re.sub(r'"/run/[^"]*"', '"secret"', text))
        self.start()

    def prepare(self):
        """Files that the configuration names."""

    def secret(self, text):
        (self.server.home / "secret").write_text(text + "\n")
        (self.server.home / "secret").chmod(0o600)

    def client_certificate(self, certificate, key):
        """One for TLS, by the CA itself."""
        home = self.server.home
        run_ok("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=countersign-ra", "-keyout", home / key, "-out",
               home / "us.csr")
        (home / key).chmod(0o600)
        (home / "us.ext").write_text("extendedKeyUsage = clientAuth\n")
        run_ok("openssl", "x509", "-req", "-in", home / "us.csr", "-CA", self.home / "ca.pem", "-CAkey", self.home / "ca.key",
               "-set_serial", "4711", "-days", "30", "-extfile", home / "us.ext", "-out", home / certificate)

    def violations(self):
        return self.ca.tell("violations")

    def test_it_issues_and_revokes(self):
        client = self.client("laptop")
        reply = client.send(client.message)
        self.assertEqual(self.violations(), "")
        self.assertEqual(reply.status, SUCCESS, self.server.log())
        run_ok("openssl", "verify", "-CAfile", self.home / "ca.pem", client.certificate)
        serial = self.server.certificates()[0]["serial"]
        told = self.server.command("certificate", "revoke", serial, "--reason", "keyCompromise").stdout.decode()
        self.assertEqual("Revoke it there too" in told, not self.revokes, told)
        if self.revokes:
            self.assertNotEqual(self.ca.tell("revoked"), "")
        self.assertEqual(self.violations(), "")

    def test_check_reaches_it_and_notices_when_it_is_away(self):
        self.assertNotIn("told to come again", self.server.command("check").stderr.decode())
        self.ca.tell("stop")
        self.assertIn("told to come again", self.server.command("check").stderr.decode())
        client = self.client("early")
        self.assertEqual(client.post(client.message).status, 503)
        self.ca.tell("start")
        self.wait_until(lambda: client.post(client.message).status == 200, what="the CA that is back")

    def test_what_is_held_is_delivered_after_a_restart(self):
        if not self.holds:
            self.skipTest("it holds nothing")
        self.ca.tell("next hold")
        client = self.client("held")
        self.assertEqual(client.send(client.message).status, PENDING)
        self.server.restart()
        self.ca.tell("release")
        self.assertEqual(self.polled(client).status, SUCCESS, self.server.log())
        self.assertEqual(self.ca.tell("made"), "1")
        self.assertEqual(self.violations(), "")

    def test_a_refusal_is_told_to_the_administrator(self):
        self.ca.tell("next reject")
        client = self.client("denied")
        self.assertEqual(client.send(client.message).status, FAILURE)
        self.assertIn("Denied by Policy Module", self.server.audit("enrollment.failed")[0]["reason"])

    def test_a_lying_ca_is_found_out(self):
        self.ca.tell("next lie")
        client = self.client("deceived")
        self.assertEqual(client.send(client.message).status, FAILURE)
        self.assertIn("PublicKeyMismatch", self.server.audit("certificate.quarantined")[0]["reason"])
        self.assertEqual(self.server.certificates(), [])

    def test_a_lost_answer_never_makes_a_second_certificate(self):
        self.ca.tell("next lose_the_answer")
        client = self.client("lost")
        status = client.send(client.message).status
        if self.finds_lost_answers:
            self.assertIn(status, (SUCCESS, PENDING))
            if status == PENDING:
                self.assertEqual(self.polled(client).status, SUCCESS)
        else:
            self.assertEqual(status, PENDING)
            self.server.restart()
            self.assertEqual(self.server.requests()[0]["state"], "intent")
        self.assertEqual(self.ca.tell("made"), "1")


class CmpSignatureTest(ProtocolTest):
    script, words, page, path, scheme = "cmp.py", ["signature"], "ca-cmp.md", "/cmp", "http"

    def prepare(self):
        shutil.copy(self.home / "ca.pem", self.server.home / "cmp-responder.pem")

    def test_each_certificate_is_confirmed(self):
        client = self.client("confirmed")
        self.assertEqual(client.send(client.message).status, SUCCESS)
        self.assertEqual(self.ca.tell("confirmed"), "accepted")

    def test_a_confirmation_is_repeated_after_a_restart(self):
        self.ca.tell("next lose_confirmation")
        client = self.client("unconfirmed")
        self.assertEqual(client.send(client.message).status, PENDING)
        self.server.restart()
        self.assertEqual(self.polled(client).status, SUCCESS, self.server.log())
        self.assertEqual(self.ca.tell("made"), "1")


    def test_what_the_ca_takes_back_is_quarantined_and_revoked(self):
        self.ca.tell("next refuse_confirmation")
        client = self.client("taken-back")
        self.assertEqual(client.send(client.message).status, FAILURE)
        self.assertIn("refused our confirmation", self.server.audit("certificate.quarantined")[0]["reason"])
        self.assertEqual(self.ca.tell("revoked"), "5")
        self.assertEqual(self.server.certificates(), [])


class CmpSecretTest(ProtocolTest):
    script, words, page, number, path = "cmp.py", ["secret", "tls"], "ca-cmp.md", 1, "/cmp"

    def prepare(self):
        self.secret("a shared secret")

    def use_ca(self, text, hold=15):
        super().use_ca(text.replace('"countersign"', '"ra-1"'), hold)


class EstFullCmcTest(ProtocolTest):
    script, words, page, path = "est.py", ["cmc", "certificate"], "ca-est.md", "/.well-known/est/devices"
    revokes = False

    def prepare(self):
        self.client_certificate("est-client.pem", "est-client.key")


class EstSimpleTest(ProtocolTest):
    script, words, page, number, path = "est.py", ["pkcs10", "basic"], "ca-est.md", 1, "/.well-known/est/devices"
    revokes = False

    def prepare(self):
        self.secret("tea & biscuits")

    def use_ca(self, text, hold=15):
        super().use_ca(text.replace('"countersign"', '"ra"'), hold)


class EjbcaTest(ProtocolTest):
    script, words, page, finds_lost_answers = "rest.py", ["ejbca"], "ca-rest.md", True

    def prepare(self):
        self.client_certificate("ejbca-ra.pem", "ejbca-ra.key")


class VaultTest(ProtocolTest):
    script, words, page, number, holds = "rest.py", ["vault"], "ca-rest.md", 1, False

    def prepare(self):
        self.secret("hvs.a-token")

    def use_ca(self, text, hold=15):
        super().use_ca(text.replace('"devices"', '"ns1"'), hold)


class StepTest(ProtocolTest):
    script, words, page, number, holds = "rest.py", ["step"], "ca-rest.md", 2, False

    def prepare(self):
        key = self.server.home / "provisioner.key"
        run_ok("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
        key.chmod(0o600)
        run_ok("openssl", "pkey", "-in", key, "-pubout", "-out", self.home / "provisioner.pem")

    def use_ca(self, text, hold=15):
        super().use_ca(text.replace('"countersign"', '"ra@example.com"'), hold)


def load_tests(loader, _tests, _pattern):
    suite = unittest.TestSuite()
    for case in (CmpSignatureTest, CmpSecretTest, EstFullCmcTest, EstSimpleTest, EjbcaTest, VaultTest, StepTest):
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


if __name__ == "__main__":
    unittest.main()
