"""Who gets a certificate and who does not: challenges, holds, transactions, renewals, message types (design sections 5 and 6)."""
import concurrent.futures
import hashlib
import unittest

from instance import InstanceTest, Toml, run_ok
from scep_client import (BAD_CERT_ID, BAD_MESSAGE_CHECK, BAD_REQUEST, CERT_POLL, FAILURE, GET_CERT, GET_CRL, MESSAGE_TYPE, PENDING, PKCS_REQ,
                         RENEWAL_REQ, SENDER_NONCE, SUCCESS, TRANSACTION_ID, Client, Reply, from_pem, issuer_and_serial, oid, sequence,
                         serial_of, tlv)

WRONG = "0011223344556677"


class EnrollmentTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance()
        cls.server.set("profile.default", challenge=Toml('{ mode = "one-time", burn_after_refusals = 2 }'))
        cls.server.start()
        cls.bundle = cls.server.ca_bundle()

    def client(self, name):
        return Client(self.server, self.bundle, name)

    def issued(self, name):
        return [one for one in self.server.certificates() if one["subject"] == f"CN={name}"]

    def assert_failed(self, reply, info, event=None, *reasons):
        self.assertEqual((reply.status, reply.fail_info), (FAILURE, info))
        entry = self.server.audit()[-1]
        if event:
            self.assertEqual(entry["event"], event)
        for reason in reasons:
            self.assertIn(reason, entry["reason"])

    def enrolled(self, name, **options):
        client = self.client(name)
        client.message = client.request(self.server.challenge(), **options)
        self.assertEqual(client.send(client.message).status, SUCCESS)
        return client

    # --- one-time passwords --------------------------------------------------------------------------------------------------

    def test_one_time_means_once(self):
        password = self.server.challenge()
        first, second = self.client("once"), self.client("twice")
        self.assertEqual(first.send(first.request(password)).status, SUCCESS)
        self.assert_failed(second.send(second.request(password)), BAD_MESSAGE_CHECK, "challenge.reused")
        self.assertEqual(self.server.audit()[-1]["severity"], "alert")
        self.assertEqual(self.issued("twice"), [])

    def test_one_time_means_once_among_many_at_a_time(self):
        password = self.server.challenge()
        clients = [self.client(f"race-{number}") for number in range(8)]
        messages = [client.request(password) for client in clients]
        with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
            answers = list(pool.map(lambda pair: pair[0].post(pair[1]), zip(clients, messages)))
        self.assertEqual({answer.status for answer in answers}, {200})
        self.assertEqual([Reply(answer.body).status for answer in answers].count(SUCCESS), 1)
        self.assertEqual(len([one for one in self.server.certificates() if "CN=race-" in one["subject"]]), 1)

    def test_a_password_may_be_typed_carelessly(self):
        client = self.client("careless")
        self.assertEqual(client.send(client.request(self.server.challenge().lower())).status, SUCCESS)

    def test_wrong_empty_and_absent_passwords_look_the_same(self):
        for password in (WRONG, "A" * 200, None):
            client = self.client("wrong")
            self.assert_failed(client.send(client.request(password)), BAD_MESSAGE_CHECK, "enrollment.refused")
        undecipherable = self.client("wrong")
        reply = undecipherable.send(undecipherable.sign(undecipherable.envelop(b"this is no request")))
        self.assert_failed(reply, BAD_MESSAGE_CHECK, "message.refused")
        self.assertEqual(self.issued("wrong"), [])

    def test_a_mismatch_does_not_burn_a_password_at_once_but_soon(self):
        password = self.server.challenge("--subject", "CN=expected")
        stranger = self.client("stranger")
        self.assert_failed(stranger.send(stranger.request(password)), BAD_MESSAGE_CHECK, "enrollment.refused", "the challenge is for")
        expected = self.client("expected")
        self.assertEqual(expected.send(expected.request(password)).status, SUCCESS)

        password = self.server.challenge("--subject", "CN=expected-2")
        for _ in range(2):
            stranger = self.client("stranger")
            stranger.send(stranger.request(password))
        self.assertEqual(len(self.server.audit("challenge.burnt")), 1)
        expected = self.client("expected-2")
        self.assert_failed(expected.send(expected.request(password)), BAD_MESSAGE_CHECK)
        self.assertEqual(self.issued("stranger") + self.issued("expected-2"), [])

    # --- transactions --------------------------------------------------------------------------------------------------------

    def test_the_same_request_gets_the_same_certificate_in_a_fresh_reply(self):
        client = self.enrolled("again")
        first = client.certificate.read_text()
        answers = [client.post(client.message) for _ in range(2)]
        self.assertNotEqual(answers[0].body, answers[1].body)
        nonces = {Reply(answer.body).one(SENDER_NONCE) for answer in answers}
        self.assertEqual(len(nonces), 2)
        for answer in answers:
            self.assertEqual(client.read_reply(answer, client.nonce).certificate, first)
        self.assertEqual(len(self.issued("again")), 1)

    def test_another_request_under_a_finished_transaction_needs_its_own_password(self):
        client = self.enrolled("twofold")
        other = client.csr(WRONG, "/CN=twofold/O=Other")
        self.assert_failed(client.send(client.sign(client.envelop(other))), BAD_MESSAGE_CHECK)
        other = client.csr(self.server.challenge(), "/CN=twofold/O=Other")
        self.assertEqual(client.send(client.sign(client.envelop(other))).status, SUCCESS)

    def test_the_request_of_another_in_an_envelope_of_ones_own(self):
        # Re-wrapping what was overheard must not get its password's worth.
        victim, thief = self.client("victim"), self.client("thief")
        password = self.server.challenge()
        envelope = victim.envelop(victim.csr(password))
        self.assert_failed(thief.send(thief.sign(envelope)), BAD_MESSAGE_CHECK, "enrollment.refused", "key")
        self.assertEqual(victim.send(victim.sign(envelope)).status, SUCCESS)

    def test_nonces_of_any_length_are_echoed(self):
        for nonce in (b"", b"8 octets", bytes(range(64))):
            client = self.client("nonce")
            reply = client.send(client.request(WRONG, nonce=nonce))
            self.assertEqual(reply.status, FAILURE)
        client = self.client("nonce")
        answer = client.post(client.request(WRONG, leave_out=(SENDER_NONCE,)))
        self.assertEqual(answer.status, 200)
        self.assertEqual(client.read_reply(answer).status, FAILURE)
        self.assertEqual(client.post(client.request(WRONG, nonce=bytes(65))).status, 400)

    def test_transaction_ids_are_opaque_but_bounded(self):
        for transaction in ("a", "aGVsbG8+d29ybGQ/Cg==", "x" * 255):
            client = self.client("transaction")
            reply = client.send(client.request(WRONG, transaction=transaction))
            self.assertEqual(reply.one(TRANSACTION_ID), transaction.encode())
        client = self.client("transaction")
        for options in ({"transaction": "x" * 256}, {"leave_out": (TRANSACTION_ID,)}):
            self.assertEqual(client.post(client.request(WRONG, **options)).status, 400, options)

    # --- message types -------------------------------------------------------------------------------------------------------

    def test_only_the_five_types_that_clients_send(self):
        for kind in ("0", "1", "3", "18", "23", "019", "19 ", "-19", "256", "4294967315", ""):
            client = self.client("type")
            reply = client.send(client.request(self.server.challenge(), message_type=kind))
            self.assert_failed(reply, BAD_REQUEST, "message.refused", "message type")
        client = self.client("type")
        reply = client.send(client.request(self.server.challenge(), leave_out=(MESSAGE_TYPE,)))
        self.assert_failed(reply, BAD_REQUEST, "message.refused", "message type")
        self.assertEqual(self.issued("type"), [])

    def test_what_no_signature_covers_is_not_heard(self):
        client, password = self.client("unsigned"), self.server.challenge()
        as_request = sequence(oid(MESSAGE_TYPE), tlv(0x31, tlv(0x13, b"19")))
        without = client.request(password, leave_out=(MESSAGE_TYPE,), unsigned=(as_request,))
        self.assert_failed(client.send(without), BAD_REQUEST, "message.refused", "message type")
        for kind in ("18", "3", CERT_POLL):
            self.assertEqual(client.send(client.request(password, message_type=kind, unsigned=(as_request,))).status, FAILURE, kind)
        self.assertEqual(self.issued("unsigned"), [])
        # Nor does it take anything away from what is signed.
        as_poll = sequence(oid(MESSAGE_TYPE), tlv(0x31, tlv(0x13, b"20")))
        elsewhere = sequence(oid(TRANSACTION_ID), tlv(0x31, tlv(0x13, b"another")))
        self.assertEqual(client.send(client.request(password, unsigned=(as_poll, elsewhere))).status, SUCCESS)

    def test_who_still_needs_weak_algorithms_is_in_the_audit(self):
        for cipher, name in (("-des-ede3-cbc", "DES-EDE3-CBC"), ("-aes-256-cbc", "AES-256-CBC")):
            self.enrolled("ciphers", cipher=cipher)
            accepted = self.server.audit("enrollment.accepted")[-1]
            self.assertEqual((accepted["cipher"], accepted["digest"]), (name, "SHA-256"))

    def test_by_get_the_types_are_the_same(self):
        client, password = self.client("by-get"), self.server.challenge()
        for kind in ("1", "3", "18", "23", CERT_POLL, GET_CERT, GET_CRL, RENEWAL_REQ, ""):
            message = client.request(password, message_type=kind)
            self.assertEqual(client.read_reply(client.get(message), client.nonces[message]).status, FAILURE, kind)
        self.assertEqual(self.issued("by-get"), [])
        message = client.request(password)
        self.assertEqual(client.read_reply(client.get(message), client.nonces[message]).status, SUCCESS)

    def test_a_type_given_twice_or_oddly_typed_is_no_message(self):
        client = self.client("type")
        password = self.server.challenge()
        twice = sequence(oid(MESSAGE_TYPE), tlv(0x31, tlv(0x13, b"18")))
        two_values = sequence(oid(MESSAGE_TYPE), tlv(0x31, tlv(0x13, b"19"), tlv(0x13, b"18")))
        integer = sequence(oid(MESSAGE_TYPE), tlv(0x31, tlv(0x02, b"\x13")))
        self.assertEqual(client.post(client.request(password, extra=(twice,))).status, 400)
        for odd in (two_values, integer):
            self.assertEqual(client.post(client.request(password, leave_out=(MESSAGE_TYPE,), extra=(odd,))).status, 400)
        self.assertEqual(self.issued("type"), [])

    def test_a_signature_that_does_not_hold_gets_no_signed_answer(self):
        client, other = self.client("signature"), self.client("other")
        answer = client.post(client.request(self.server.challenge(), key=other.key))
        self.assertEqual((answer.status, answer.content_type.startswith("text/plain")), (400, True))
        self.assertEqual(self.server.audit()[-1]["event"], "message.refused")

    def test_a_request_cannot_be_a_poll_and_a_poll_cannot_be_a_request(self):
        client = self.client("confused")
        self.assert_failed(client.send(client.request(self.server.challenge(), message_type=CERT_POLL)), BAD_CERT_ID)
        poll = sequence(*[sequence()] * 2)
        self.assertEqual(client.send(client.sign(client.envelop(poll), PKCS_REQ)).status, FAILURE)
        self.assertEqual(self.issued("confused"), [])

    # --- keys and content ----------------------------------------------------------------------------------------------------

    def test_weak_keys_are_refused_in_words(self):
        client = self.client("weak")
        run_ok("openssl", "genrsa", "-out", client.key, "1024")
        run_ok("openssl", "req", "-new", "-x509", "-key", client.key, "-subj", "/CN=weak", "-days", "2", "-out", client.signer)
        reply = client.send(client.request(self.server.challenge()))
        self.assertEqual(reply.status, FAILURE)
        self.assertIn("1024", self.server.audit()[-1]["reason"])

    def test_key_usage_follows_the_request(self):
        for usage, shown in (("digitalSignature", "Digital Signature\n"), ("keyEncipherment", "Key Encipherment\n"),
                             ("digitalSignature,keyEncipherment", "Digital Signature, Key Encipherment\n")):
            client = self.enrolled("usage", extensions=[f"keyUsage = {usage}"])
            words = run_ok("openssl", "x509", "-noout", "-text", "-in", client.certificate).stdout.decode()
            self.assertRegex(words, rf"X509v3 Key Usage: critical\n *{shown}")

    # --- renewal -------------------------------------------------------------------------------------------------------------

    def renewal(self, old, message_type=RENEWAL_REQ, subject=None, same_key=False):
        fresh = old if same_key else self.client(old.name)
        envelope = old.envelop(fresh.csr(None, subject))
        message = old.sign(envelope, message_type, transaction=f"renewal-{id(fresh)}", signer=old.certificate)
        return old.post(message)

    def test_renewal_by_both_dialects(self):
        for kind in (RENEWAL_REQ, PKCS_REQ):
            # A PKCSReq signed with the old certificate holds a new key: the reply is encrypted to the signer.
            old = self.enrolled(f"renewer-{kind}")
            answer = self.renewal(old, kind)
            self.assertEqual(old.read_reply(answer, old.nonce).status, SUCCESS)
            self.assertEqual(sorted(one["kind"] for one in self.issued(f"renewer-{kind}")), ["enroll", "renew"])

    def test_renewal_keeps_the_name(self):
        old = self.enrolled("keeper")
        self.assertEqual(old.read_reply(self.renewal(old, subject="/CN=administrator")).status, FAILURE)
        self.assertEqual(self.issued("administrator"), [])

    def test_a_self_signed_renewal_is_refused(self):
        client = self.client("upstart")
        reply = client.send(client.request(None, message_type=RENEWAL_REQ))
        self.assert_failed(reply, BAD_REQUEST, "enrollment.refused", "certificate this server issued")

    def test_the_ra_and_ca_certificates_renew_nothing(self):
        # Their owner has the keys: even so they are nobody's device certificates.
        client = self.client("insider")
        for role in ("agent", "encryption"):
            key = next(self.server.home.rglob(f"{role}*key*"))
            message = client.sign(client.envelop(client.csr(None)), RENEWAL_REQ, signer=self.bundle[role], key=key, transaction=role)
            self.assertEqual(client.read_reply(client.post(message)).status, FAILURE)
        self.assertEqual(self.issued("insider"), [])

    def test_a_revoked_certificate_renews_nothing(self):
        old = self.enrolled("gone")
        self.server.command("certificate", "revoke", serial_of(old.certificate.read_text()))
        self.assertEqual(old.read_reply(self.renewal(old)).status, FAILURE)
        self.assertEqual(len(self.issued("gone")), 1)

    # --- queries -------------------------------------------------------------------------------------------------------------

    def query(self, client, kind, certificate):
        return client.sign(client.envelop(issuer_and_serial(from_pem(certificate.read_text()))), kind, signer=client.certificate,
                           transaction=f"query-{kind}")

    def test_get_cert_of_ones_own_alone(self):
        client, other = self.enrolled("asker"), self.enrolled("asked")
        own = client.certificate.read_text()
        self.assertEqual(client.send(self.query(client, GET_CERT, client.certificate)).certificate, own)
        self.assert_failed(client.send(self.query(client, GET_CERT, other.certificate)), BAD_CERT_ID, "query.refused")

    def test_get_crl_for_holders_of_our_certificates_alone(self):
        client = self.enrolled("crl")
        answer = client.post(self.query(client, GET_CRL, client.certificate))
        self.assertEqual(Reply(answer.body).status, SUCCESS)
        stranger = self.client("crl-stranger")
        stranger.certificate = stranger.signer
        self.assert_failed(stranger.send(self.query(stranger, GET_CRL, client.certificate)), BAD_CERT_ID, "query.refused")

    def test_polling_what_is_not_there(self):
        client = self.client("poller")
        self.assert_failed(client.send(client.poll()), BAD_CERT_ID, "query.refused")


class HoldTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance()
        cls.server.set("template.device", hold_for_approval=True)
        cls.server.start()
        cls.bundle = cls.server.ca_bundle()

    def held(self, name):
        client = Client(self.server, self.bundle, name)
        client.message = client.request(self.server.challenge())
        self.assertEqual(client.send(client.message).status, PENDING)
        (entry,) = [one for one in self.server.json("request", "list", "--state", "held") if one["subject"] == f"CN={name}"]
        return client, entry["id"]

    def poll_until_final(self, client):
        replies = []
        self.wait_until(lambda: replies.append(client.send(client.poll())) or replies[-1].status != PENDING, what="the final answer")
        return replies[-1]

    def test_an_approved_request_is_delivered_to_a_poll(self):
        client, request = self.held("approved")
        self.assertEqual(client.send(client.poll()).status, PENDING)
        shown = self.server.json("request", "show", request)
        self.assertIn("BEGIN CERTIFICATE REQUEST", shown["csr"])
        self.assertTrue(shown["plan"])
        self.server.command("request", "approve", request)
        reply = self.poll_until_final(client)
        self.assertEqual(reply.status, SUCCESS)
        self.assertEqual(self.server.json("request", "show", request)["state"], "issued")
        # The original message gets it too.
        self.assertEqual(client.send(client.message).certificate, reply.certificate)

    def test_a_denied_request_fails(self):
        client, request = self.held("denied")
        self.server.command("request", "deny", request, "--reason", "not ours")
        self.assertEqual(self.poll_until_final(client).fail_info, BAD_REQUEST)
        self.assertEqual(self.server.audit("request.denied")[-1]["reason"], "not ours")

    def test_a_held_request_survives_a_power_cut(self):
        client, request = self.held("survivor")
        self.server.kill()
        self.server.command("request", "approve", request)
        self.server.start()
        self.assertEqual(self.poll_until_final(client).status, SUCCESS)

    def test_only_its_own_key_may_poll(self):
        client, request = self.held("private")
        thief = Client(self.server, self.bundle, "private")
        self.server.command("request", "approve", request)
        self.poll_until_final(client)
        reply = thief.send(thief.poll(transaction=client.transaction))
        self.assertEqual((reply.status, reply.fail_info), (FAILURE, BAD_CERT_ID))

    def test_another_request_in_the_meantime_is_a_conflict(self):
        client, _ = self.held("hasty")
        reply = client.send(client.sign(client.envelop(client.csr(self.server.challenge(), "/CN=hasty/O=Other"))))
        self.assertEqual((reply.status, reply.fail_info), (FAILURE, BAD_REQUEST))
        self.assertIn("in flight", self.server.audit()[-1]["reason"])

    def test_the_held_password_is_used_up(self):
        password = self.server.challenge()
        first, second = (Client(self.server, self.bundle, name) for name in ("holder", "taker"))
        self.assertEqual(first.send(first.request(password)).status, PENDING)
        self.assertEqual(second.send(second.request(password)).status, FAILURE)


class BlockedKeysTest(InstanceTest):
    def test_a_listed_key_gets_no_certificate_until_it_is_taken_off_the_list(self):
        server = self.instance()
        listed = server.path("blocked-keys")
        listed.write_text("# none yet\n")
        server.set("template.device", blocked_keys=str(listed))
        server.start()
        bundle = server.ca_bundle()
        lost, other = Client(server, bundle, "lost"), Client(server, bundle, "other")
        der = run_ok("openssl", "pkey", "-in", lost.key, "-pubout", "-outform", "DER").stdout
        listed.write_text(f"# lost in May\n{hashlib.sha256(der).hexdigest()}\n")
        self.assertIn("reloaded", server.reload())
        message = lost.request(server.challenge())
        self.assertEqual(lost.send(message).status, FAILURE)
        self.assertIn("KeyBlocked", server.audit("enrollment.refused")[-1]["reason"])
        self.assertEqual(other.send(other.request(server.challenge())).status, SUCCESS)
        # A list that cannot be read is no list of nothing.
        for broken in ("not a hash\n", None):
            listed.write_text(broken) if broken else listed.unlink()
            self.assertIn("not reloaded", server.reload())
            self.assertIn(str(listed), server.log())
            done = server.command("check", check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(str(listed), (done.stdout + done.stderr).decode())
            self.assertEqual(lost.send(message).status, FAILURE)
        listed.write_text("")
        self.assertIn("reloaded", server.reload())
        self.assertEqual(lost.send(message).status, SUCCESS)


class MigrationModesTest(InstanceTest):
    """NDES's UseSinglePassword=1 and EnforcePassword=0."""

    def test_single_password(self):
        server = self.instance()
        secret = server.path("password")
        secret.write_text("open sesame\n")
        secret.chmod(0o600)
        server.set("profile.default", challenge=Toml(f'{{ mode = "single-password", password_file = "{secret}" }}'))
        server.start()
        self.assertRegex(server.log(), r"warning.*challenge.mode: .*UseSinglePassword=1")
        bundle = server.ca_bundle()
        for _ in range(2):
            client = Client(server, bundle, "sharer")
            self.assertEqual(client.send(client.request("open sesame")).status, SUCCESS)
        for wrong in ("open sesam", "Open sesame", "open sesame2", None):
            client = Client(server, bundle, "guesser")
            self.assertEqual(client.send(client.request(wrong)).status, FAILURE, wrong)
        done = server.command("challenge", "new", check=False)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertNotIn("open sesame", server.log() + str(server.audit()))

    def test_a_single_password_that_is_empty_or_readable_does_not_start(self):
        server = self.instance()
        secret = server.path("password")
        server.set("profile.default", challenge=Toml(f'{{ mode = "single-password", password_file = "{secret}" }}'))
        for content, mode in (("", 0o600), ("\n", 0o600), ("open sesame", 0o644)):
            secret.write_text(content)
            secret.chmod(mode)
            done = server.command("check", check=False)
            self.assertEqual(done.returncode, 1, (content, mode))
            self.assertIn(str(secret), (done.stdout + done.stderr).decode())

    def test_no_password(self):
        server = self.instance()
        server.set("profile.default", challenge=Toml('{ mode = "none" }'))
        server.start()
        self.assertRegex(server.log(), r"warning.*challenge.mode: .*EnforcePassword=0")
        bundle = server.ca_bundle()
        for password in (None, "whatever"):
            client = Client(server, bundle, "anybody")
            self.assertEqual(client.send(client.request(password)).status, SUCCESS)
        # Even then the request must be sound.
        client, other = Client(server, bundle, "anybody"), Client(server, bundle, "other")
        self.assertEqual(client.send(client.sign(client.envelop(other.csr(None)))).status, FAILURE)


if __name__ == "__main__":
    unittest.main()
