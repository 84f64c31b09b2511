"""Two profiles on one CA: what one of them gave out opens nothing at the other (security reference, T27).

Every credential of profile `default` is presented at `branch` and the other way round; each must be refused, leave a line in the audit
under the profile it was presented at, and go on working where it belongs.
"""
import os
import unittest

from instance import InstanceTest, run_ok
from scep_client import (FAILURE, GET_CERT, GET_CRL, PENDING, PKCS_REQ, RENEWAL_REQ, SUCCESS, Client, Reply, from_pem, issuer_and_serial)

PATHS = {"default": None, "branch": "/branch/scep"}
OTHER = {"default": "branch", "branch": "default"}


class SeparationTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance()
        cls.server.append("""
[profile.branch]
paths = ["/branch/scep"]
challenge = { mode = "one-time" }
templates = { signature = "slow", encryption = "slow", general_purpose = "slow" }

[template.slow]
extended_key_usage = ["clientAuth"]
hold_for_approval = true
""")
        cls.server.start()
        cls.bundle = cls.server.ca_bundle()

    def post(self, profile, message):
        path = PATHS[profile]
        target = f"{path}?operation=PKIOperation" if path else self.server.scep_target("PKIOperation")
        answer = self.server.http("POST", target, message)
        self.assertEqual(answer.status, 200, answer)
        return answer

    def status(self, profile, message):
        return Reply(self.post(profile, message).body).status

    def assert_refused(self, profile, message):
        certificates, lines = len(self.server.certificates()), len(self.server.audit())
        self.assertEqual(self.status(profile, message), FAILURE)
        self.assertEqual(len(self.server.certificates()), certificates)
        told = self.server.audit()[lines:]
        self.assertTrue(told, "a refusal leaves a line")
        self.assertEqual({line["profile"] for line in told}, {profile}, told)

    def password(self, profile):
        return self.server.challenge("--profile", profile)

    def asked(self, profile, name):
        """A client whose request was answered at its profile: held there if that is `branch`."""
        client = Client(self.server, self.bundle, name)
        client.message = client.request(self.password(profile))
        client.answer = client.read_reply(self.post(profile, client.message))
        self.assertEqual(client.answer.status, PENDING if profile == "branch" else SUCCESS)
        return client

    def enrolled(self, profile, name):
        client = self.asked(profile, name)
        if client.answer.status == PENDING:
            (entry,) = [one for one in self.server.json("request", "list", "--state", "held") if one["subject"] == f"CN={name}"]
            self.server.command("request", "approve", entry["id"])
            for _ in range(100):
                if client.read_reply(self.post(profile, client.poll())).status == SUCCESS:
                    break
        self.assertIsNotNone(client.certificate)
        return client

    def renewal(self, client, kind):
        key = client.file("next.key.pem")
        run_ok("openssl", "genrsa", "-out", key, "2048")
        return client.sign(client.envelop(client.csr(None, key=key)), kind, signer=client.certificate, transaction=os.urandom(8).hex())

    def query(self, client, kind):
        return client.sign(client.envelop(issuer_and_serial(from_pem(client.certificate.read_text()))), kind, signer=client.certificate,
                           transaction=os.urandom(8).hex())

    def test_a_password(self):
        for profile, other in OTHER.items():
            with self.subTest(profile):
                client = Client(self.server, self.bundle, f"password-{profile}")
                message = client.request(self.password(profile))
                self.assert_refused(other, message)
                self.assertIn(self.status(profile, message), (SUCCESS, PENDING), "it is not burnt by that")

    def test_an_answered_message(self):
        for profile, other in OTHER.items():
            with self.subTest(profile):
                self.assert_refused(other, self.asked(profile, f"again-{profile}").message)

    def test_a_transaction(self):
        for profile, other in OTHER.items():
            with self.subTest(profile):
                client = self.asked(profile, f"poll-{profile}")
                self.assert_refused(other, client.poll())
                self.assertIn(self.status(profile, client.poll()), (SUCCESS, PENDING))

    def test_a_certificate_renews_nothing(self):
        for profile, other in OTHER.items():
            client = self.enrolled(profile, f"renewal-{profile}")
            for kind in (RENEWAL_REQ, PKCS_REQ):
                with self.subTest(profile, kind=kind):
                    self.assert_refused(other, self.renewal(client, kind))
                    self.assertIn(self.status(profile, self.renewal(client, kind)), (SUCCESS, PENDING))

    def test_a_certificate_asks_nothing(self):
        for profile, other in OTHER.items():
            client = self.enrolled(profile, f"query-{profile}")
            for kind in (GET_CERT, GET_CRL):
                with self.subTest(profile, kind=kind):
                    self.assert_refused(other, self.query(client, kind))
                    self.assertEqual(self.status(profile, self.query(client, kind)), SUCCESS)


if __name__ == "__main__":
    unittest.main()
