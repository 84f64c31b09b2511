"""strongSwan's `pki --scepca` and `pki --scep` (strongswan-pki with libstrongswan-extra-plugins): enroll, renew, poll."""
import subprocess
import threading
import unittest

from instance import InstanceTest, run, run_ok, text
from recording_proxy import RecordingProxy
from scep_client import serial_of


class StrongswanTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance()
        cls.server.set("profile.default", ciphers=["AES-128-CBC"], digests=["SHA-256", "SHA-384", "SHA-512"])
        cls.server.append("""
[template.held]
extended_key_usage = ["clientAuth"]
hold_for_approval = true

[profile.held]
paths = ["/held/mscep.dll"]
challenge = { mode = "one-time" }
templates = { signature = "held", encryption = "held", general_purpose = "held" }
""")
        cls.server.start()
        cls.bundle = cls.server.ca_bundle()

    def key(self, name):
        file = self.server.path(f"{name}.key")
        run_ok("openssl", "genrsa", "-traditional", "-out", file, "2048")
        return file

    def words(self, name, key, *more, url=None):
        return ["pki", "--scep", "--url", url or self.server.scep_url, "--in", key, "--dn", f"C=CH, O=Devices, CN={name}",
                "--cacert-enc", self.bundle["encryption"], "--cacert-sig", self.bundle["agent"], "--cacert", self.bundle["ca"],
                "--outform", "pem", "--interval", "1", *more]

    def pki(self, *arguments, **options):
        return run(*self.words(*arguments, **options), timeout=60)

    def enroll(self, name, *more):
        key = self.key(name)
        done = self.pki(name, key, "--san", f"{name}.example", "--password", self.server.challenge(), *more)
        self.assertEqual(done.returncode, 0, text(done))
        certificate = self.server.path(f"{name}.pem")
        certificate.write_bytes(done.stdout)
        return key, certificate

    def issued(self, name):
        return [one for one in self.server.certificates() if f"CN={name}" in one["subject"]]

    def test_fetches_the_certificates(self):
        stem = self.server.path("scepca")
        stem.mkdir()
        done = run("pki", "--scepca", "--url", self.server.scep_url, "--caout", stem / "ca.pem", "--raout", stem / "ra.pem",
                   "--outform", "pem")
        self.assertEqual(done.returncode, 0, text(done))
        fetched = {run_ok("openssl", "x509", "-in", file, "-outform", "DER").stdout for file in stem.iterdir()}
        expected = {run_ok("openssl", "x509", "-in", self.bundle[role], "-outform", "DER").stdout
                    for role in ("agent", "encryption", "ca")}
        self.assertEqual(fetched, expected)

    def test_does_not_fetch_from_a_wrong_path(self):
        done = run("pki", "--scepca", "--url", self.server.scep_url.replace("mscep", "elsewhere"), "--caout", self.server.path("no.pem"))
        self.assertNotEqual(done.returncode, 0)

    def test_enrolls(self):
        _, certificate = self.enroll("swan")
        (entry,) = self.issued("swan")
        self.assertEqual(entry["serial"].lower().lstrip("0"), serial_of(certificate.read_text()).lstrip("0"))
        self.assertEqual(entry["sans"], ["dns:swan.example"])
        run_ok("openssl", "verify", "-x509_strict", "-CAfile", self.bundle["ca"], certificate)

    def test_enrolls_with_probabilistic_signatures(self):
        self.enroll("pss", "--rsa-padding", "pss", "--digest", "sha512")
        self.assertEqual(len(self.issued("pss")), 1)

    def test_a_wrong_password_is_refused(self):
        done = self.pki("wrong", self.key("wrong"), "--password", "0011223344556677")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, b"")
        self.assertEqual(self.issued("wrong"), [])

    def test_triple_des_and_sha1_are_refused_by_a_profile_that_does_not_name_them(self):
        password = self.server.challenge()
        done = self.pki("old", self.key("old"), "--password", password, "--cipher", "des3", "--digest", "sha1")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.issued("old"), [])
        # The password is as good as before.
        self.assertEqual(self.pki("new", self.key("new"), "--password", password).returncode, 0)

    def test_renews_with_a_new_key_and_the_old_certificate(self):
        old_key, old = self.enroll("renewer")
        done = self.pki("renewer", self.key("renewer-2"), "--san", "renewer.example", "--cert", old, "--key", old_key)
        self.assertEqual(done.returncode, 0, text(done))
        self.assertEqual(sorted(one["kind"] for one in self.issued("renewer")), ["enroll", "renew"])

    def test_does_not_renew_another_name(self):
        old_key, old = self.enroll("honest")
        done = self.pki("other", self.key("other"), "--cert", old, "--key", old_key)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.issued("other"), [])
        self.assertEqual(self.server.audit()[-1]["event"], "enrollment.refused")

    def test_does_not_renew_with_somebody_elses_certificate(self):
        key, stranger = self.key("stranger"), self.server.path("stranger.pem")
        run_ok("openssl", "req", "-new", "-x509", "-key", key, "-subj", "/C=CH/O=Devices/CN=stranger", "-days", "1", "-out", stranger)
        done = self.pki("stranger", self.key("stranger-2"), "--cert", stranger, "--key", key)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.issued("stranger"), [])

    # --- polling -------------------------------------------------------------------------------------------------------------

    def held(self, name):
        """Starts a client whose request is held; returns (client process, its proxy, id of the request)."""
        proxy = RecordingProxy(self.server)
        self.addCleanup(proxy.close)
        proxy.url = proxy.url.rpartition("/certsrv")[0] + "/held/mscep.dll"
        password = self.server.challenge("--profile", "held")
        words = self.words(name, self.key(name), "--password", password, "--maxpolltime", "60", url=proxy.url)
        client = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(client.kill)
        killer = threading.Timer(100, client.kill)
        killer.start()
        self.addCleanup(killer.cancel)
        self.wait_until(lambda: self.waiting(name), what="the request being held")
        return client, proxy, self.waiting(name)[0]["id"]

    def waiting(self, name):
        return [one for one in self.server.json("request", "list", "--state", "held") if f"CN={name}" in one["subject"]]

    def test_polls_until_approved_across_a_restart(self):
        client, proxy, request = self.held("patient")
        self.wait_until(lambda: len(proxy.operations()) > 1, what="a poll")
        self.assertEqual(self.issued("patient"), [])
        self.server.restart()
        self.server.command("request", "approve", request, "--officer", "alice")
        certificate, said = client.communicate(timeout=90)
        self.assertEqual(client.returncode, 0, said)
        (entry,) = self.issued("patient")
        self.assertEqual(serial_of(certificate.decode()).lstrip("0"), entry["serial"].lower().lstrip("0"))
        (approval,) = [one for one in self.server.audit("request.approved") if one["request"] == request]
        self.assertEqual(approval["by"], "alice")

    def test_polls_until_denied(self):
        client, _, request = self.held("hopeful")
        self.server.command("request", "deny", request, "--reason", "unknown device")
        _, said = client.communicate(timeout=90)
        self.assertNotEqual(client.returncode, 0, said)
        self.assertEqual(self.issued("hopeful"), [])
        self.assertIn("unknown device", self.server.json("request", "show", request)["reason"])


if __name__ == "__main__":
    unittest.main()
