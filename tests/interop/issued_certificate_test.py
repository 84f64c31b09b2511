"""What comes back, judged by the openssl command line: chain, content, no surprises, usable with its key."""
import re
import unittest

from instance import InstanceTest, run, run_ok
from scep_client import Client, FAILURE, SUCCESS


class IssuedCertificateTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance().start()
        cls.bundle = cls.server.ca_bundle()

    def enroll(self, name, **options):
        client = Client(self.server, self.bundle, name)
        reply = client.send(client.request(self.server.challenge(), **options))
        return client, reply

    def words(self, client):
        return run_ok("openssl", "x509", "-noout", "-text", "-in", client.certificate).stdout.decode()

    def extensions(self, words):
        return re.findall(r"^            (\S[^:\n]*(?::\S[^:\n]*)*): ?(critical)?\s*$", words.partition("X509v3 extensions:")[2], re.MULTILINE)

    def test_chains_to_the_ca_for_clients_alone(self):
        client, _ = self.enroll("chain")
        verify = ["openssl", "verify", "-x509_strict", "-CAfile", self.bundle["ca"]]
        run_ok(*verify, "-purpose", "sslclient", client.certificate)
        self.assertNotEqual(run(*verify, "-purpose", "sslserver", client.certificate).returncode, 0)
        self.assertNotEqual(run(*verify, "-purpose", "smimesign", client.certificate).returncode, 0)

    def test_does_not_chain_to_another_ca(self):
        client, _ = self.enroll("foreign")
        self.assertNotEqual(run("openssl", "verify", "-CAfile", client.signer, client.certificate).returncode, 0)

    def test_the_ra_certificates_chain_to_the_ca(self):
        run_ok("openssl", "verify", "-x509_strict", "-CAfile", self.bundle["ca"], self.bundle["agent"], self.bundle["encryption"])
        agent = run_ok("openssl", "x509", "-noout", "-text", "-in", self.bundle["agent"]).stdout.decode()
        self.assertIn("1.3.6.1.4.1.311.20.2.1", agent)
        self.assertNotIn("Key Encipherment", agent)
        encryption = run_ok("openssl", "x509", "-noout", "-text", "-in", self.bundle["encryption"]).stdout.decode()
        self.assertNotIn("Digital Signature", encryption)

    def test_holds_what_the_template_says_and_no_more(self):
        client, _ = self.enroll("plain")
        words = self.words(client)
        self.assertRegex(words, r"Version: 3")
        self.assertRegex(words, r"X509v3 Extended Key Usage: *\n *TLS Web Client Authentication\n")
        usage = re.search(r"X509v3 Key Usage: critical\n *(.*)\n", words).group(1)
        self.assertLessEqual(set(usage.split(", ")), {"Digital Signature", "Key Encipherment"})
        self.assertNotIn("CA:TRUE", words)
        known = {"X509v3 Basic Constraints", "X509v3 Key Usage", "X509v3 Extended Key Usage", "X509v3 Subject Key Identifier",
                 "X509v3 Authority Key Identifier", "X509v3 CRL Distribution Points", "Authority Information Access"}
        found = {name for name, _ in self.extensions(words)}
        self.assertLessEqual({"X509v3 Key Usage", "X509v3 Extended Key Usage"}, found, words)
        self.assertLessEqual(found, known)
        serial = run_ok("openssl", "x509", "-noout", "-serial", "-in", client.certificate).stdout.decode().split("=")[1].strip()
        self.assertGreaterEqual(len(serial), 16, "a serial number needs 64 random bits")

    def test_a_request_to_be_a_ca_is_refused(self):
        for name, extension in (("basic", "basicConstraints = critical,CA:TRUE"), ("usage", "keyUsage = digitalSignature,keyCertSign,cRLSign")):
            client, reply = self.enroll(f"ca-{name}", extensions=[extension])
            self.assertEqual((reply.status, client.certificate), (FAILURE, None), extension)
        self.assertNotIn("CN=ca-", str(self.server.certificates()))

    def test_smuggled_extensions_do_not_pass(self):
        smuggled = {"extendedKeyUsage = serverAuth,codeSigning,1.3.6.1.4.1.311.20.2.1,2.5.29.37.0": ("Server Auth", "Code Signing", "311.20.2.1", "Any Extended"),
                    "1.3.6.1.4.1.311.25.2 = ASN1:UTF8String:sid": ("311.25.2",),
                    "1.3.6.1.4.1.311.21.10 = ASN1:UTF8String:policies": ("311.21.10",),
                    "nsComment = hello": ("hello",), "certificatePolicies = 1.2.3.4": ("1.2.3.4",),
                    "tlsfeature = status_request": ("status_request",),
                    "authorityInfoAccess = OCSP;URI:http://attacker.example/": ("attacker",)}
        outcomes = {}
        for number, (extension, marks) in enumerate(smuggled.items()):
            client, reply = self.enroll(f"smuggler-{number}", extensions=[extension])
            outcomes[extension] = reply.status
            if reply.status == SUCCESS:
                words = self.words(client)
                for mark in marks:
                    self.assertNotIn(mark, words, extension)
        # The first names what the template forbids and is refused; the template is not strict, so that the rest is left out.
        self.assertEqual(list(outcomes.values()), [FAILURE] + [SUCCESS] * 6)

    def test_requested_names_are_kept(self):
        client, reply = self.enroll("names", subject="/C=CH/O=Example/CN=names", extensions=["subjectAltName = DNS:names.example"])
        self.assertEqual(reply.status, SUCCESS)
        words = self.words(client)
        self.assertRegex(words, r"Subject: C = CH, O = Example, CN = names\n")
        self.assertIn("DNS:names.example", words)

    def test_makes_a_pkcs12_with_its_own_key_alone(self):
        client, _ = self.enroll("bundle")
        other, _ = self.enroll("other")
        file = client.file("bundle.p12")
        export = ["openssl", "pkcs12", "-export", "-in", client.certificate, "-certfile", self.bundle["ca"], "-passout", "pass:x", "-out"]
        run_ok(*export, file, "-inkey", client.key)
        read_back = run_ok("openssl", "pkcs12", "-in", file, "-passin", "pass:x", "-nodes").stdout.decode()
        self.assertEqual(read_back.count("BEGIN CERTIFICATE"), 2)
        self.assertNotEqual(run(*export, client.file("wrong.p12"), "-inkey", other.key).returncode, 0)


if __name__ == "__main__":
    unittest.main()
