"""Thousands of broken, cut and forged messages: the daemon answers each, issues nothing, and neither dies nor grows."""
import http.client
import os
import pathlib
import random
import unittest

from instance import InstanceTest, program
from scep_client import Client, FAILURE, Reply, SUCCESS, sequence, tlv

WRONG = "0011223344556677"
SEED = int(os.environ.get("COUNTERSIGN_TEST_SEED", "20241101"))
GROWTH_KIB = 24 * 1024


class HostileTest(InstanceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.shared_instance()
        # One line on the disk for each of thousands of refusals is not what is tested here.
        cls.server.set("audit", sync=False)
        cls.server.start()
        cls.bundle = cls.server.ca_bundle()
        cls.random = random.Random(SEED)
        cls.client = Client(cls.server, cls.bundle, "hostile")
        cls.message = cls.client.request(WRONG)
        cls.connection = None

    def post(self, octets):
        """One message on a kept connection; returns (status, body)."""
        cls = type(self)
        for _ in range(2):
            if cls.connection is None:
                host, _, port = self.server.address.rpartition(":")
                cls.connection = http.client.HTTPConnection(host, int(port), timeout=60)
            try:
                cls.connection.request("POST", self.server.scep_target("PKIOperation"), octets)
                answer = cls.connection.getresponse()
                body = answer.read()
                if answer.will_close:
                    cls.connection = None
                return answer.status, body
            except (http.client.RemoteDisconnected, ConnectionError):
                cls.connection = None
        raise AssertionError(f"no answer; seed {SEED}\n{octets.hex()[:4000]}")

    def assert_refused(self, octets):
        """4xx, or a CertRep that says FAILURE; never 5xx, never a certificate."""
        status, body = self.post(octets)
        if status == 200:
            self.assertEqual(Reply(body).status, FAILURE, octets.hex()[:4000])
        else:
            self.assertEqual(status, 400, octets.hex()[:4000])
        return status

    def tearDown(self):
        self.assertTrue(self.server.is_up(), f"the daemon died; seed {SEED}")
        self.assertEqual(self.server.certificates(), [])

    def test_cut_off_everywhere(self):
        for length in range(0, len(self.message), 3):
            self.assertEqual(self.assert_refused(self.message[:length]), 400)

    def test_followed_by_rubbish(self):
        for tail in (b"\0", b"\0\0", self.message, os.urandom(1000)):
            self.assert_refused(self.message + tail)

    def flipped(self, count):
        octets = bytearray(self.message)
        for _ in range(count):
            octets[self.random.randrange(len(octets))] = self.random.randrange(256)
        return bytes(octets)

    def test_changed_octets(self):
        statuses = [self.assert_refused(self.flipped(self.random.choice((1, 1, 1, 2, 5, 30)))) for _ in range(1500)]
        self.assertGreater(statuses.count(400), 1000)

    def test_noise(self):
        for _ in range(300):
            self.assertEqual(self.assert_refused(self.random.randbytes(self.random.randrange(0, 3000))), 400)
            self.assertEqual(self.assert_refused(sequence(self.random.randbytes(self.random.randrange(0, 300)))), 400)

    def test_absurd_structures(self):
        deep = b""
        for _ in range(3000):
            deep = sequence(deep)
        for octets in (deep, b"\x30\x80" * 50000, b"\x30\x80" * 1000 + b"\0\0" * 1000, b"\x30\x84\xff\xff\xff\xff", b"\x30\x88" + b"\xff" * 8,
                       b"\x30\x89" + b"\x01" * 9, b"\x1f" + b"\xff" * 5000, tlv(0x30, *[tlv(0x31)] * 100000), bytes(1 << 20), b"0" * (1 << 20),
                       tlv(0x04, bytes(1 << 20)), b"\x24\x80" + b"\x04\x01a" * 100000 + b"\0\0"):
            self.assertEqual(self.assert_refused(octets), 400)

    def test_properly_signed_nonsense(self):
        envelope = self.client.envelop(self.client.csr(WRONG))
        nonsense = [b"", b"\0", b"hello", envelope[:-1], envelope[:100], envelope + b"\0", self.message, sequence(), deepened(envelope, 200)]
        for _ in range(30):
            octets = bytearray(envelope)
            octets[self.random.randrange(len(octets))] ^= 1 << self.random.randrange(8)
            nonsense.append(bytes(octets))
        for octets in nonsense:
            self.assertIn(self.assert_refused(self.client.sign(octets)), (200, 400))

    def test_properly_enveloped_nonsense(self):
        csr = self.client.csr(WRONG)
        contents = [b"\0", csr[:-1], csr + b"\0", csr[:50], sequence(), deepened(csr, 500), csr.replace(b"\x30\x82", b"\x30\x80", 1), bytes(100000)]
        for _ in range(12):
            octets = bytearray(csr)
            octets[self.random.randrange(len(octets))] ^= 1 << self.random.randrange(8)
            contents.append(bytes(octets))
        for octets in contents:
            # Whatever it is, the signed answer is the same.
            self.assertEqual(self.assert_refused(self.client.sign(self.client.envelop(octets))), 200)

    def test_the_same_broken_key_transport_always_looks_the_same(self):
        envelope = bytearray(self.client.envelop(self.client.csr(WRONG)))
        place = envelope.index(b"\x04\x82\x01\x00") + 100  # in the encrypted content key
        envelope[place] ^= 0x55
        message = self.client.sign(bytes(envelope))
        replies = [Reply(self.post(message)[1]) for _ in range(5)]
        self.assertEqual({(reply.status, reply.fail_info) for reply in replies}, {(FAILURE, "1")})

    def test_memory_stays_flat_and_service_goes_on(self):
        def round_of_everything():
            for _ in range(400):
                self.assert_refused(self.flipped(3))
                self.assert_refused(self.message[:self.random.randrange(len(self.message))])
            for _ in range(20):
                self.assert_refused(self.message)
                self.post(bytes(1 << 20))

        round_of_everything()
        before = self.server.resident_kib()
        round_of_everything()
        round_of_everything()
        grown = self.server.resident_kib() - before
        if b"__asan_init" not in pathlib.Path(program("countersignd")).read_bytes():  # its quarantine grows on purpose
            self.assertLess(grown, GROWTH_KIB)


class AfterwardsTest(InstanceTest):
    def test_every_refusal_is_in_the_log_without_control_characters(self):
        server = self.instance().start()
        client = Client(server, server.ca_bundle(), "log")
        nasty = "x\x1b[31m\n2024-01-01T00:00:00Z info audit {\"event\":\"enrollment.issued\"}"
        client.post(client.request(WRONG, transaction=nasty))
        server.http("GET", "/certsrv/mscep/mscep.dll?operation=%1b%5b31m%0aforged")
        server.http("GET", "/%1b%0a%00")
        client.send(client.request(WRONG, subject="/CN=evil\x1b[2J"))
        log = server.log() + (server.home / "audit.log").read_text()
        self.assertNotIn("\x1b", log)
        self.assertNotRegex(log, r"(?m)^forged")
        self.assertEqual(server.audit("enrollment.issued"), [])
        good = Client(server, server.ca_bundle(), "good")
        self.assertEqual(good.send(good.request(server.challenge())).status, SUCCESS)


def deepened(octets, levels):
    for _ in range(levels):
        octets = sequence(octets)
    return octets


if __name__ == "__main__":
    unittest.main()
