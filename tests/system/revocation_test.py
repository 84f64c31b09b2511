"""A certificate that was revoked at a CA somewhere else, and not through us: the daemon in front of the real `openssl ca` and a web
server that publishes its list."""
import os
import shutil
import unittest

from ca_backends_test import EXAMPLES, BackendTest
from instance import run, run_ok
from scep_client import BAD_MESSAGE_CHECK, BAD_REQUEST, FAILURE, PKCS_REQ, RENEWAL_REQ, SUCCESS, Client, serial_of
from web_files import WebFiles


class RevocationTest(BackendTest):
    def setUp(self):
        super().setUp()
        shutil.copy(EXAMPLES / "openssl-ca.cnf", self.home / "openssl.cnf")
        configuration = (self.home / "openssl.cnf").read_text()
        (self.home / "list.cnf").write_text(configuration.replace("database = ", "crlnumber = $dir/crlnumber\ncrl_extensions = list\ndatabase = ") +
                                            "[list]\nauthorityKeyIdentifier = keyid\n")
        (self.home / "crlnumber").write_text("1000\n")
        self.public = self.server.path("public")
        self.public.mkdir()
        self.web = WebFiles(self.public)
        self.addCleanup(self.web.stop)

    def use_lists(self, keys="", crl=None):
        crl = crl if crl is not None else f'crl = ["{self.web.url}/ca.crl"]'
        self.use_ca(f"""type = "exec"
{crl}
crl_refresh_minutes = 1
{keys}
[ca.default.command]
program = "{EXAMPLES}/openssl-ca"
arguments = ["{self.home}"]
""" if crl else f"""type = "exec"
[ca.default.command]
program = "{EXAMPLES}/openssl-ca"
arguments = ["{self.home}"]
""")

    def openssl_ca(self, *words):
        return run_ok("openssl", "ca", "-config", self.home / "list.cnf", *words, env={"COUNTERSIGN_CA_HOME": str(self.home)})

    def publish(self, seconds=3600, name="ca.crl"):
        new = self.public / "new"
        self.openssl_ca("-gencrl", "-crlsec", str(seconds), "-out", new)
        new.rename(self.public / name)

    def revoke_at_ca(self, client, reason="keyCompromise"):
        """Past this server. The example CA names certificates by serial number."""
        serial = serial_of(client.certificate.read_text()).upper()
        self.openssl_ca("-revoke", self.home / "newcerts" / f"{serial}.pem", "-crl_reason", reason)

    def enrolled(self, name):
        client = self.client(name)
        self.assertEqual(client.send(client.message).status, SUCCESS, self.server.log())
        return client

    def renewal(self, old, message_type=RENEWAL_REQ):
        """The HTTP answer; and as CertRep if it is one."""
        fresh = Client(self.server, self.bundle, old.name)
        message = old.sign(old.envelop(fresh.csr()), message_type, transaction=f"renewal-{os.urandom(8).hex()}", signer=old.certificate)
        answer = old.post(message)
        if answer.status != 200:
            return answer, None
        # The answer is for the old key, and the client keeps its old certificate.
        certificate = old.certificate.read_text()
        reply = old.read_reply(answer)
        old.certificate.write_text(certificate)
        return answer, reply

    def metric(self, name):
        lines = self.server.http("GET", "/metrics").body.decode().splitlines()
        return [float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + "{") or line.startswith(name + " ")]

    def wait_for_a_list(self, seconds=60):
        self.wait_until(lambda: self.metric("countersign_crl_current") == [1], seconds, "a current list")

    def fetch_anew(self):
        """A reload fetches at once; waits until that is done."""
        asked = len(self.web.asked)
        self.assertIn("reloaded", self.server.reload())
        self.wait_until(lambda: len(self.web.asked) > asked, what="a fetch")
        self.wait_for_a_list()
        entries = (self.public / "ca.crl").read_text()
        held = run_ok("openssl", "crl", "-noout", "-text", stdin=entries.encode()).stdout.decode().count("Serial Number:")
        self.wait_until(lambda: self.metric("countersign_crl_entries") == [held], what="the new list")

    def test_revoked_at_the_ca_renews_nothing(self):
        self.publish()
        self.use_lists()
        self.start()
        self.wait_for_a_list()
        kept, stolen, held = (self.enrolled(name) for name in ("kept", "stolen", "held"))
        self.assertEqual(self.renewal(stolen)[1].status, SUCCESS, self.server.log())
        self.revoke_at_ca(stolen)
        self.revoke_at_ca(held, "certificateHold")
        self.publish()
        self.fetch_anew()
        for client, reason in ((stolen, "keyCompromise"), (held, "certificateHold")):
            reply = self.renewal(client)[1]
            self.assertEqual((reply.status, reply.fail_info), (FAILURE, BAD_REQUEST))
            said = self.server.audit("enrollment.refused")[-1]["reason"]
            self.assertIn("revoked at the CA since", said)
            self.assertIn(reason, said)
        reply = self.renewal(stolen, PKCS_REQ)[1]
        self.assertEqual((reply.status, reply.fail_info), (FAILURE, BAD_MESSAGE_CHECK))
        self.assertIn("revoked at the CA since", self.server.audit("enrollment.refused")[-1]["signer_certificate"])
        self.assertEqual(self.renewal(kept)[1].status, SUCCESS)
        self.assertEqual(self.renewal(kept, PKCS_REQ)[1].status, SUCCESS)

    def test_without_a_list_renewals_wait_and_enrollments_do_not(self):
        self.use_lists()
        self.start()
        client = self.enrolled("early")
        self.wait_until(lambda: self.server.audit("crl.missing"), what="the alert")
        answer, _ = self.renewal(client)
        self.assertEqual(answer.status, 503)
        self.assertTrue(answer.headers.get("retry-after"))
        self.assertIn("HTTP status 404", self.server.audit("message.unanswered")[-1]["reason"])
        self.assertIn("404", self.server.audit("crl.missing")[0]["reason"])
        self.assertEqual(self.server.http("GET", "/readyz").status, 200)
        self.assertIn("HTTP status 404", self.server.command("check").stderr.decode())
        self.assertEqual(self.metric("countersign_crl_current"), [0])
        self.publish()
        self.wait_for_a_list()
        self.wait_until(lambda: self.server.audit("crl.recovered"), what="the news that it is well again")
        self.assertEqual(self.renewal(client)[1].status, SUCCESS)
        self.assertEqual(len(self.server.audit("crl.missing")), 1, "said once")
        self.assertNotIn("404", self.server.command("check").stderr.decode())

    def test_a_restart_while_the_list_is_away_goes_by_the_last_one(self):
        self.publish()
        self.use_lists()
        self.start()
        self.wait_for_a_list()
        kept, stolen = self.enrolled("kept"), self.enrolled("stolen")
        self.revoke_at_ca(stolen)
        self.publish(seconds=60)
        self.fetch_anew()
        self.web.stop()
        self.server.restart()
        self.assertEqual(self.renewal(kept)[1].status, SUCCESS, self.server.log())
        self.assertEqual(self.renewal(stolen)[1].fail_info, BAD_REQUEST)
        self.wait_until(lambda: self.server.audit("crl.troubled"), what="the warning")
        self.assertEqual(self.server.http("GET", "/readyz").status, 200)
        # Until its nextUpdate, and not a second longer.
        self.wait_until(lambda: self.renewal(kept)[0].status == 503, 120, "the end of the list")
        self.wait_until(lambda: self.server.audit("crl.missing"), what="the alert")
        self.web.start()
        self.publish()
        self.wait_for_a_list()
        self.assertEqual(self.renewal(kept)[1].status, SUCCESS)
        self.assertEqual(self.renewal(stolen)[1].fail_info, BAD_REQUEST)

    def test_a_list_of_somebody_else_and_a_redirect_count_for_nothing(self):
        other = self.server.path("other")
        other.mkdir()
        subject = run_ok("openssl", "x509", "-in", self.home / "ca.pem", "-noout", "-subject", "-nameopt", "compat").stdout.decode()
        run_ok("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", other / "ca.key", "-out", other / "ca.pem", "-subj",
               subject.strip().removeprefix("subject="), "-days", "30")
        shutil.copy(self.home / "list.cnf", other)
        (other / "index.txt").touch()
        (other / "crlnumber").write_text("9000\n")
        run_ok("openssl", "ca", "-config", other / "list.cnf", "-gencrl", "-crlsec", "3600", "-out", self.public / "ca.crl",
               env={"COUNTERSIGN_CA_HOME": str(other)})
        self.publish(name="elsewhere.crl")
        self.use_lists()
        self.start()
        client = self.enrolled("early")
        self.wait_until(lambda: self.server.audit("crl.missing"), what="the alert")
        self.assertIn("signature", self.server.audit("crl.missing")[0]["reason"])
        self.assertEqual(self.renewal(client)[0].status, 503)
        self.web.redirects["/ca.crl"] = f"{self.web.url}/elsewhere.crl"
        (self.public / "ca.crl").unlink()
        self.wait_until(lambda: "HTTP status 302" in self.server.command("check").stderr.decode(), what="the redirect")
        self.assertNotIn("/elsewhere.crl", self.web.asked)
        self.assertEqual(self.renewal(client)[0].status, 503)

    def test_going_by_the_ledger_alone_is_said_in_words(self):
        self.use_lists('renewal_without_crl = "allow"')
        self.start()
        self.assertIn("renews certificates that the CA has revoked", self.server.log())
        client = self.enrolled("early")
        self.wait_until(lambda: self.server.audit("crl.missing"), what="the alert")
        self.assertEqual(self.renewal(client)[1].status, SUCCESS, self.server.log())
        # What is known is not forgotten.
        self.revoke_at_ca(client)
        self.publish(seconds=30)
        self.wait_for_a_list()
        self.web.stop()
        self.wait_until(lambda: self.metric("countersign_crl_current") == [0], 60, "the end of the list")
        self.assertEqual(self.renewal(client)[1].fail_info, BAD_REQUEST)

    def test_a_ca_without_lists_is_warned_about(self):
        self.use_lists(crl="")
        self.start()
        self.assertIn("can still be renewed", self.server.log())
        self.assertEqual(self.server.log().count("can still be renewed"), 1)
        self.assertIn("ca.default.crl", self.server.command("check").stderr.decode())
        client = self.enrolled("unwatched")
        self.revoke_at_ca(client)
        self.assertEqual(self.renewal(client)[1].status, SUCCESS)

    def test_lists_may_come_from_a_file(self):
        self.publish()
        self.use_lists(crl=f'crl = ["{self.public}/ca.crl"]')
        self.start()
        self.wait_for_a_list()
        client = self.enrolled("filed")
        self.revoke_at_ca(client)
        self.publish()
        self.server.reload()
        self.wait_until(lambda: self.metric("countersign_crl_entries") == [1], what="the new list")
        self.assertEqual(self.renewal(client)[1].fail_info, BAD_REQUEST)
        self.assertEqual(self.web.asked, [])
        self.assertEqual(run("ls", self.server.home / "crl").returncode, 0, "kept beside the instance")


if __name__ == "__main__":
    unittest.main()
