"""scepclient (Debian package `scep`, the Go client) enrolls, repeats, renews and is refused.

Whatever GetCACaps says, its 2.1.0 encrypts with DES-CBC, signs with SHA-1 and encrypts to every certificate of GetCACert. What
`countersign init` makes accepts that; one test shows that a profile for current clients refuses it.
"""
import unittest

from instance import InstanceTest, countersign, run, text
from recording_proxy import RecordingProxy
from scep_client import BAD_MESSAGE_CHECK, FAILURE, Reply, SUCCESS, serial_of


class Device:
    """The files of one scepclient user."""

    def __init__(self, instance, name):
        self.instance = instance
        self.name = name
        self.directory = instance.path(f"scepclient-{name}")
        self.directory.mkdir()
        self.certificate = self.directory / "certificate.pem"

    def enroll(self, challenge=None, url=None):
        words = ["scepclient", "-server-url", url or self.instance.scep_url, "-private-key", self.directory / "key.pem",
                 "-certificate", self.certificate, "-cn", self.name]
        words += ["-challenge", challenge] if challenge else []
        return run(*words, timeout=25)


class ScepclientTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance().start()

    def assert_refused(self, device, done, event, *reasons):
        self.assertNotEqual(done.returncode, 0, text(done))
        self.assertFalse(device.certificate.exists())
        entry = self.server.audit()[-1]
        self.assertEqual(entry["event"], event, entry)
        for reason in reasons:
            self.assertIn(reason, entry["reason"])
        return entry

    def test_enrolls_with_a_one_time_password(self):
        device = Device(self.server, "enrolls")
        done = device.enroll(self.server.challenge())
        self.assertEqual(done.returncode, 0, text(done))
        serial = serial_of(device.certificate.read_text())
        entry = next(one for one in self.server.certificates() if one["serial"].lower().lstrip("0") == serial.lstrip("0"))
        self.assertIn("CN=enrolls", entry["subject"])
        self.assertEqual(self.server.audit()[-1]["event"], "enrollment.issued")

    def test_a_second_key_with_the_same_password_is_refused(self):
        password = self.server.challenge()
        self.assertEqual(Device(self.server, "first").enroll(password).returncode, 0)
        before = len(self.server.certificates())
        second = Device(self.server, "second")
        self.assert_refused(second, second.enroll(password), "challenge.reused", "used")
        self.assertEqual(len(self.server.certificates()), before)

    def test_a_wrong_password_is_refused_and_the_right_one_still_works(self):
        password = self.server.challenge()
        device = Device(self.server, "wrong")
        wrong = ("0" if password[0] != "0" else "1") + password[1:]
        entry = self.assert_refused(device, device.enroll(wrong), "enrollment.refused")
        self.assertNotIn(wrong, str(entry))
        # The client keeps its request on disk, so that the right password needs a device of its own.
        self.assertEqual(Device(self.server, "right").enroll(password).returncode, 0)

    def test_no_password_is_refused(self):
        device = Device(self.server, "nothing")
        self.assert_refused(device, device.enroll(), "enrollment.refused")

    def test_asking_again_gives_the_same_certificate(self):
        password = self.server.challenge()
        device = Device(self.server, "again")
        self.assertEqual(device.enroll(password).returncode, 0)
        first = device.certificate.read_text()
        device.certificate.unlink()  # as if the answer had been lost
        done = device.enroll(password)
        self.assertEqual(done.returncode, 0, text(done))
        self.assertEqual(device.certificate.read_text(), first)
        self.assertEqual(len([one for one in self.server.certificates() if "CN=again" in one["subject"]]), 1)

    def test_the_very_same_message_is_answered_with_the_same_certificate_in_a_fresh_reply(self):
        proxy = RecordingProxy(self.server)
        self.addCleanup(proxy.close)
        device = Device(self.server, "octets")
        self.assertEqual(device.enroll(self.server.challenge(), proxy.url).returncode, 0)
        ((_, target, message, status, answer),) = proxy.operations()
        self.assertEqual(status, 200)
        repeated = self.server.http("POST", target, message)
        self.assertEqual(repeated.status, 200)
        self.assertEqual(Reply(repeated.body).status, SUCCESS)
        self.assertNotEqual(repeated.body, answer)
        self.assertEqual(len([one for one in self.server.certificates() if "CN=octets" in one["subject"]]), 1)
        self.assertEqual(self.server.audit()[-1]["event"], "enrollment.repeated")

    def test_one_changed_octet_of_a_message_is_refused(self):
        proxy = RecordingProxy(self.server)
        self.addCleanup(proxy.close)
        device = Device(self.server, "changed")
        self.assertNotEqual(device.enroll("0011223344556677", proxy.url).returncode, 0)
        ((_, target, message, status, answer),) = proxy.operations()
        self.assertEqual((status, Reply(answer).status, Reply(answer).fail_info), (200, FAILURE, BAD_MESSAGE_CHECK))
        changed = bytearray(message)
        changed[-1] ^= 1  # in the signature
        self.assertEqual(self.server.http("POST", target, bytes(changed)).status, 400)

    def test_renews_with_its_certificate_and_no_password(self):
        device = Device(self.server, "renews")
        self.assertEqual(device.enroll(self.server.challenge()).returncode, 0)
        first = device.certificate.read_text()
        done = device.enroll()
        self.assertEqual(done.returncode, 0, text(done))
        kinds = sorted(one["kind"] for one in self.server.certificates() if "CN=renews" in one["subject"])
        self.assertEqual(kinds, ["enroll", "renew"])
        self.assertNotEqual(device.certificate.read_text(), first)

    def test_a_revoked_certificate_does_not_renew(self):
        device = Device(self.server, "revoked")
        self.assertEqual(device.enroll(self.server.challenge()).returncode, 0)
        first = device.certificate.read_text()
        serial = next(one["serial"] for one in self.server.certificates() if "CN=revoked" in one["subject"])
        self.server.command("certificate", "revoke", serial)
        self.assertNotEqual(device.enroll().returncode, 0)
        self.assertEqual(device.certificate.read_text(), first)
        entry = self.server.audit()[-1]
        self.assertEqual(entry["event"], "enrollment.refused")
        self.assertIn("revoked", entry["reason"])


class ScepclientAndNewProfileTest(InstanceTest):
    def test_a_profile_for_new_clients_refuses_des_and_says_so(self):
        server = self.instance()
        server.set("profile.default", ciphers=["AES-128-CBC", "AES-256-CBC"], digests=["SHA-256", "SHA-512"])
        server.start()
        device = Device(server, "old")
        password = server.challenge()
        done = device.enroll(password)
        self.assertNotEqual(done.returncode, 0)
        self.assertFalse(device.certificate.exists())
        entry = server.audit()[-1]
        self.assertEqual(entry["event"], "message.refused")
        self.assertRegex(entry["reason"], r"SHA-?1|DES")
        # Nothing was burnt by a message that could not be accepted.
        self.assertEqual([one["state"] for one in server.json("challenge", "list")], ["outstanding"])

    def test_the_client_is_installed(self):
        self.assertEqual(run("scepclient", "-version").returncode, 0, "install the Debian package scep")
        self.assertEqual(countersign("--version").returncode, 0)


if __name__ == "__main__":
    unittest.main()
