"""From the registry of an NDES server to a daemon that enrolls at the same paths."""
import json
import pathlib
import unittest

from instance import InstanceTest, countersign, run_ok, text

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors" / "registry"


class MigrationTest(InstanceTest):
    def migrated(self, export):
        """An instance whose configuration is the imported one, on the address of the first."""
        server = self.instance()
        imported = server.path("imported.toml")
        done = countersign("config", "import-ndes", VECTORS / export, "--out", imported, "--json")
        self.assertEqual(done.returncode, 0, text(done))
        self.assertEqual(json.loads(done.stdout)["configuration"], imported.read_text())
        server.config.write_text(imported.read_text())
        server.set("[listener]", address=server.address)
        return server

    def test_a_fresh_ndes_becomes_a_daemon_that_checks_starts_and_enrolls(self):
        server = self.migrated("default-utf16.reg")
        self.assertIn("would start", text(server.command("check")))
        server.start()
        out = server.path("out")
        challenge = server.path("challenge")
        challenge.write_text(server.challenge())
        done = countersign("probe", server.scep_url, "--challenge-file", challenge, "--out", out)
        self.assertEqual(done.returncode, 0, text(done))
        shown = run_ok("openssl", "x509", "-in", out / "certificate.pem", "-noout", "-ext", "extendedKeyUsage").stdout.decode()
        self.assertIn("1.3.6.1.5.5.8.2.2", shown)

    def test_password_settings_of_a_tuned_server_hold(self):
        server = self.migrated("hardened-utf8.reg").start()
        self.assertRegex(server.challenge(), r"\A[0-9A-F]{40}\Z")
        capabilities = server.http("GET", server.scep_target("GetCACaps")).body.decode().split()
        self.assertIn("AES", capabilities)
        self.assertNotIn("DES3", capabilities)
        self.assertNotIn("SHA-1", capabilities)

    def test_the_single_password_must_be_put_into_its_file(self):
        server = self.migrated("single-password-regedit4.reg")
        missing = server.command("check", check=False)
        self.assertEqual(missing.returncode, 1, text(missing))
        self.assertIn("single-password", text(missing))
        file = server.home / "secrets/single-password"
        file.write_text("correct horse\n")
        file.chmod(0o600)
        self.assertIn("would start", text(server.command("check")))


if __name__ == "__main__":
    unittest.main()
