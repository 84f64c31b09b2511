"""The configuration profile for Apple devices, read by Python's plistlib and obeyed by other people's SCEP client."""
import plistlib
import stat
import unittest

from instance import InstanceTest, run, run_ok, text
from scep_client import Client, FAILURE, SUCCESS

SUBJECT = r'CN=mac-7,OU=Lab \<1\> & \"2\",O=Example,C=US'


class MobileconfigTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance().start()

    def payload(self, *arguments):
        done = self.server.command("profile", "mobileconfig", *arguments)
        profile = plistlib.loads(done.stdout)
        self.assertEqual(profile["PayloadType"], "Configuration")
        (payload,) = profile["PayloadContent"]
        self.assertEqual(payload["PayloadType"], "com.apple.security.scep")
        self.assertNotEqual(payload["PayloadUUID"], profile["PayloadUUID"])
        self.assertEqual((payload["PayloadVersion"], profile["PayloadVersion"]), (1, 1))
        return payload["PayloadContent"]

    def test_says_what_apple_wants_to_know(self):
        scep = self.payload("--subject", SUBJECT, "--new-challenge", "--san", "dns:mac-7.example.com", "--san", "dns:mac.example.com",
                            "--san", "upn:mac-7@example.com")
        self.assertEqual(scep["URL"], self.server.scep_url)
        self.assertEqual(scep["Subject"], [[["C", "US"]], [["O", "Example"]], [["OU", "Lab <1> & \"2\""]], [["CN", "mac-7"]]])
        self.assertEqual(scep["SubjectAltName"], {"dNSName": ["mac-7.example.com", "mac.example.com"],
                                                  "ntPrincipalName": "mac-7@example.com"})
        self.assertEqual((scep["Key Type"], scep["Keysize"], scep["Key Usage"]), ("RSA", 2048, 5))
        self.assertEqual((scep["Retries"], scep["RetryDelay"], scep["Name"]), (3, 10, "default"))
        ca = run_ok("openssl", "x509", "-in", self.server.home / "ca/ca.pem", "-noout", "-fingerprint", "-sha1").stdout.decode()
        self.assertEqual(scep["CAFingerprint"].hex().upper(), ca.strip().split("=")[1].replace(":", ""))

    def test_scepclient_enrolls_with_what_it_says(self):
        scep = self.payload("--subject", SUBJECT, "--new-challenge")
        name = {key: value for ((key, value),) in scep["Subject"]}
        directory = self.server.path("mobileconfig-device")
        directory.mkdir()
        certificate = directory / "certificate.pem"
        done = run("scepclient", "-server-url", scep["URL"], "-private-key", directory / "key.pem", "-certificate", certificate,
                   "-challenge", scep["Challenge"], "-keySize", scep["Keysize"], "-cn", name["CN"], "-ou", name["OU"],
                   "-organization", name["O"], "-country", name["C"], timeout=60)
        self.assertEqual(done.returncode, 0, text(done))
        shown = run_ok("openssl", "x509", "-in", certificate, "-noout", "-subject", "-nameopt", "RFC2253").stdout.decode()
        self.assertIn("CN=mac-7", shown)

    def test_the_new_challenge_is_bound_to_subject_and_names(self):
        scep = self.payload("--subject", "CN=mac-8", "--san", "dns:mac-8.example.com", "--new-challenge")
        bundle = self.server.ca_bundle()
        other = Client(self.server, bundle, "mac-9")
        names = [f"subjectAltName = DNS:{scep['SubjectAltName']['dNSName']}"]
        self.assertEqual(other.send(other.request(scep["Challenge"], extensions=names)).status, FAILURE)
        right = Client(self.server, bundle, "mac-8")
        self.assertEqual(right.send(right.request(scep["Challenge"], extensions=names)).status, SUCCESS)

    def test_a_file_is_for_its_owner_alone_and_never_overwritten(self):
        file = self.server.path("mac.mobileconfig")
        challenge = self.server.path("mac.challenge")
        challenge.write_text("8CE317021F690069\n")
        words = ("profile", "mobileconfig", "--challenge-file", challenge, "--url", "https://scep.example/scep", "--out", file)
        self.server.command(*words)
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        scep = plistlib.loads(file.read_bytes())["PayloadContent"][0]["PayloadContent"]
        self.assertEqual((scep["Challenge"], scep["URL"]), ("8CE317021F690069", "https://scep.example/scep"))
        again = self.server.command(*words, check=False)
        self.assertEqual(again.returncode, 1)
        self.assertIn("nothing is overwritten", text(again))


if __name__ == "__main__":
    unittest.main()
