"""certmonger and its helper scep-submit.

The helper fetches capabilities and certificates and carries messages, always by GET; the daemon makes keys and messages. Here the
helper is asked on its own first, also with messages of the test's client; then a certmonger of our own (private socket and
directories, no message bus) runs whole enrollments.
"""
import base64
import unittest

from instance import InstanceTest, run, text
from scep_client import Client, serial_of

SUBMIT = "/usr/lib/certmonger/scep-submit"


def pem(label, octets):
    body = base64.encodebytes(octets).decode().replace("\n", "")
    lines = [body[i:i + 64] for i in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


class CertmongerTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance().start()
        cls.bundle = cls.server.ca_bundle()

    def submit(self, *words, url=None):
        return run(SUBMIT, "-u", url or self.server.scep_url, *words, timeout=60)

    # --- the helper alone ----------------------------------------------------------------------------------------------------

    def test_reads_the_capabilities(self):
        done = self.submit("-c")
        self.assertEqual(done.returncode, 0, text(done))
        capabilities = done.stdout.decode().split()
        self.assertIn("Renewal", capabilities)
        self.assertIn("SHA-256", capabilities)
        self.assertIn("AES", capabilities)
        self.assertNotIn("DES", capabilities)

    def test_a_wrong_path_has_no_capabilities(self):
        self.assertNotEqual(self.submit("-c", url=self.server.scep_url.replace("mscep", "elsewhere")).returncode, 0)

    def test_reads_the_certificates(self):
        done = self.submit("-C")
        self.assertEqual(done.returncode, 0, text(done))
        for role in ("agent", "encryption", "ca"):
            self.assertIn(self.bundle[role].read_text().split("-----")[2].strip(), done.stdout.decode(), role)

    def test_the_identifier_it_sends_does_not_matter(self):
        self.assertEqual(self.submit("-C", "-i", "no such CA").stdout, self.submit("-C").stdout)

    def pki_operation(self, message):
        # From a file: what its manual says about standard input is not so in 0.79.
        file = self.server.path("message.pem")
        file.write_bytes(pem("PKCS7", message))
        return self.submit("-p", "-r", self.bundle["encryption"], "-N", self.bundle["ca"], "-I", self.bundle["all"], file)

    def test_carries_a_message_and_verifies_the_reply(self):
        client = Client(self.server, self.bundle, "carried")
        done = self.pki_operation(client.request(self.server.challenge()))
        self.assertEqual(done.returncode, 0, text(done))
        self.assertIn("BEGIN PKCS7", done.stdout.decode())

    def test_reports_a_refusal(self):
        client = Client(self.server, self.bundle, "refused")
        done = self.pki_operation(client.request("0011223344556677"))
        self.assertEqual(done.returncode, 2, text(done))
        self.assertEqual(self.server.audit()[-1]["event"], "enrollment.refused")

    # --- the daemon ----------------------------------------------------------------------------------------------------------

    def certmonger(self, name, script):
        """Runs certmonger with directories of its own for as long as a shell script takes; returns what that said."""
        home = self.server.path(f"certmonger-{name}")
        folders = {variable: home / variable.lower() for variable in
                   ("CERTMONGER_CONFIG_DIR", "CERTMONGER_REQUESTS_DIR", "CERTMONGER_CAS_DIR", "CERTMONGER_LOCAL_CA_DIR",
                    "CERTMONGER_TMPDIR")}
        for folder in folders.values():
            folder.mkdir(parents=True)
        environment = {variable: str(folder) for variable, folder in folders.items()}
        environment["CERTMONGER_SYSTEM_LOCK_FILE"] = str(home / "lock")
        environment["HOME"] = str(home)
        commands = home / "commands.sh"
        commands.write_text(f"#!/bin/sh\ncd {home}\n{script}\n")
        commands.chmod(0o700)
        done = run("certmonger", "-s", "-L", "-P", home / "socket", "-n", "-c", commands, env=environment, timeout=100)
        return home, text(done)

    def enrollment(self, name, challenge, after=""):
        # Nothing but the URL: which certificate is whose, certmonger finds out from GetCACert.
        return self.certmonger(name, f"""
getcert add-scep-ca -c ours -u {self.server.scep_url}
for i in $(seq 100); do getcert list-cas -c ours -v | grep -q thumbprint && break; sleep 0.2; done
getcert request -c ours -I one -k key.pem -f certificate.pem -N CN={name} -D {name}.example -L {challenge} -w --wait-timeout=40 -v
{after}
getcert list""")

    def test_enrolls_and_renews(self):
        home, said = self.enrollment("monger", self.server.challenge(), """
cp certificate.pem first.pem
getcert resubmit -i one -w --wait-timeout=40 -v""")
        self.assertIn("status: MONITORING", said)
        first = (home / "first.pem").read_text()
        ledger = {one["serial"].lower().lstrip("0"): one for one in self.server.certificates()}
        self.assertIn("CN=monger", ledger[serial_of(first).lstrip("0")]["subject"])
        self.assertEqual(ledger[serial_of(first).lstrip("0")]["sans"], ["dns:monger.example"])
        second = (home / "certificate.pem").read_text()
        self.assertIn(serial_of(second).lstrip("0"), ledger)

    def test_a_wrong_password_is_reported_as_rejected(self):
        home, said = self.enrollment("stranger", "0011223344556677")
        self.assertIn("CA_REJECTED", said)
        self.assertFalse((home / "certificate.pem").exists())
        self.assertNotIn("CN=stranger", str(self.server.certificates()))


if __name__ == "__main__":
    unittest.main()
