"""Many SCEP clients at once, made cheaply (python3-cryptography in place of a dozen openssl processes a request), that behave as devices
do: the same message again until there is an answer. Each remembers what it was told, so that a test can tell a retry from a refusal.
"""
import collections
import datetime
import functools
import http.client
import itertools
import os
import pathlib
import tempfile
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from scep_client import PENDING, SUCCESS, Client, children, content, from_pem, issuer_and_serial, oid, sequence, tlv

KEYS = 8
AES_128_CBC = "2.16.840.1.101.3.4.1.2"
CHALLENGE_PASSWORD = x509.ObjectIdentifier("1.2.840.113549.1.9.7")
_numbers = itertools.count()


class _Keys:
    """A few keys with self-signed certificates that the clients of a crowd take in turn; to the server each transaction is another client's."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="countersign-crowd-")
        self.all = [self._make(number) for number in range(KEYS)]

    def _make(self, number):
        key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"crowd {number}")])
        now = datetime.datetime.utcnow()
        certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                       .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                       .not_valid_after(now + datetime.timedelta(days=2)).sign(key, hashes.SHA256()))
        file = pathlib.Path(self.directory.name) / f"{number}.pem"
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return key, file


@functools.cache
def _keys():
    return _Keys()


@functools.cache
def _recipient(file):
    return x509.load_pem_x509_certificate(pathlib.Path(file).read_bytes())


class QuickClient(Client):
    """As Client, without a process or a file for each step."""

    def __init__(self, instance, bundle, name):  # pylint: disable=super-init-not-called
        number = next(_numbers)
        self.instance, self.bundle, self.name = instance, bundle, name
        self.key, self.signer = _keys().all[number % KEYS]
        self.subject = f"/CN={name}"
        self.transaction = os.urandom(16).hex().upper()
        self.certificate = None
        self.nonces = {}

    def csr(self, challenge=None, subject=None, extensions=(), key=None):
        assert subject is None and not extensions
        builder = x509.CertificateSigningRequestBuilder().subject_name(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)]))
        if challenge is not None:
            builder = builder.add_attribute(CHALLENGE_PASSWORD, challenge.encode())
        return builder.sign(key or self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def envelop(self, octets, cipher=None):
        recipient = _recipient(self.bundle["encryption"])
        secret, vector = os.urandom(16), os.urandom(16)
        padder = padding.PKCS7(128).padder()
        encryptor = Cipher(algorithms.AES(secret), modes.CBC(vector)).encryptor()
        hidden = encryptor.update(padder.update(octets) + padder.finalize()) + encryptor.finalize()
        name = issuer_and_serial(from_pem(self.bundle["encryption"].read_text()))
        to = sequence(tlv(0x02, b"\x00"), name, sequence(oid("1.2.840.113549.1.1.1"), tlv(0x05)),
                      tlv(0x04, recipient.public_key().encrypt(secret, rsa_padding.PKCS1v15())))
        enveloped = sequence(tlv(0x02, b"\x00"), tlv(0x31, to),
                             sequence(oid("1.2.840.113549.1.7.1"), sequence(oid(AES_128_CBC), tlv(0x04, vector)), tlv(0x80, hidden)))
        return sequence(oid("1.2.840.113549.1.7.3"), tlv(0xA0, enveloped))

    def signature(self, octets, key=None):
        return (key or self.key).sign(octets, rsa_padding.PKCS1v15(), hashes.SHA256())

    def _keep(self, pem):
        self.certificate = pem

    def _verify(self, reply):
        """That the agent of GetCACert signed it; test clients that look closer are in the other scripts."""
        signer = children(children(children(children(reply.der)[1])[0])[-1])[0]
        parts = children(signer)
        at = next(number for number, part in enumerate(parts) if part[0] == 0xA0)
        agent = x509.load_pem_x509_certificate(self.bundle["agent"].read_bytes())
        agent.public_key().verify(content(parts[at + 2]), b"\x31" + parts[at][1:], rsa_padding.PKCS1v15(), hashes.SHA256())
        digest = hashes.Hash(hashes.SHA256())
        digest.update(reply.envelope or b"")
        assert reply.one("1.2.840.113549.1.9.4") == digest.finalize(), "the reply's digest is of something else"

    def _open(self, reply):
        enveloped = children(children(children(reply.envelope)[1])[0])
        to = children(children(enveloped[1])[0])
        secret = self.key.decrypt(content(to[3]), rsa_padding.PKCS1v15())
        hidden = children(enveloped[2])
        vector = content(children(hidden[1])[1])
        decryptor = Cipher(algorithms.AES(secret), modes.CBC(vector)).decryptor()
        octets = content(hidden[2])
        if hidden[2][0] & 0x20:
            octets = b"".join(content(part) for part in children(hidden[2]))
        unpadder = padding.PKCS7(128).unpadder()
        opened = unpadder.update(decryptor.update(octets) + decryptor.finalize()) + unpadder.finalize()
        (certificate,) = pkcs7.load_der_pkcs7_certificates(opened)
        assert certificate.public_key().public_numbers() == self.key.public_key().public_numbers(), "a certificate for another key"
        return certificate.public_bytes(serialization.Encoding.PEM).decode()


class Device:
    """One device of a crowd: its password, its client, and all it was answered."""

    def __init__(self, client, password):
        self.client, self.password = client, password
        self.name = client.name
        self.answers = []  # an HTTP status, "pending", or "none" where the connection ended without an answer
        self.outcome = None  # SUCCESS, or the failInfo of a refusal
        self.serials = set()  # of every certificate it was given
        self.last_words = None  # the last HTTP answer that was no 200
        self.ended = threading.Event()

    def ask(self, message):
        """One message, sent once. True: it is answered for good."""
        try:
            answer = self.client.post(message)
        except (OSError, http.client.HTTPException):
            self.answers.append("none")
            return False
        if answer.status != 200:
            self.answers.append(answer.status)
            self.last_words = answer
            return False
        reply = self.client.read_reply(answer, self.client.nonces[message])
        if reply.status == PENDING:
            self.answers.append("pending")
            return False
        self.answers.append(200)
        if reply.status == SUCCESS:
            self.serials.add(x509.load_pem_x509_certificate(self.client.certificate.encode()).serial_number)
            self.outcome = SUCCESS
        else:
            self.outcome = f"refused: {reply.fail_info}"
        return True

    def enroll(self, seconds, pause=0.2):
        """The same message again until it is answered; after PENDING a poll. Whatever was refused is not asked for again."""
        asked, deadline = self.client.request(self.password), time.monotonic() + seconds
        self.first_message = asked
        try:
            while time.monotonic() < deadline:
                if self.ask(asked):
                    return self.outcome
                if self.answers[-1] == "pending":
                    asked = self.client.poll()
                time.sleep(pause)
            self.outcome = f"never answered in {seconds} s"
            return self.outcome
        finally:
            self.ended.set()


class Crowd:
    """Devices that keep coming, a few at a time, until they are told to stop; each ends with an outcome.

    `mint(number)` makes a one-time password; `front(number)` says where the device knocks.
    """

    def __init__(self, name, bundle, mint, front, width=6, seconds=90):
        self.name, self.bundle, self.mint, self.front = name, bundle, mint, front
        self.width, self.seconds = width, seconds
        self.devices = []
        self.trouble = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = []

    def __enter__(self):
        _keys()
        self._threads = [threading.Thread(target=self._come, daemon=True) for _ in range(self.width)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.finish()

    def finish(self):
        """Nobody comes any more; waits until those who are there have their answers."""
        self._stop.set()
        for thread in self._threads:
            thread.join(self.seconds + 120)
        assert not any(thread.is_alive() for thread in self._threads), "clients hang"
        return self.devices

    def served(self):
        return sum(device.outcome == SUCCESS for device in list(self.devices))

    def _come(self):
        while not self._stop.is_set():
            try:
                with self._lock:
                    number = len(self.devices)
                    device = Device(QuickClient(self.front(number), self.bundle, f"{self.name}-{number}"), None)
                    self.devices.append(device)
                device.password = self.mint(number)
                device.enroll(self.seconds)
            except Exception as trouble:  # pylint: disable=broad-except
                self.trouble.append(repr(trouble))
                return

    def answers(self):
        """How often each was heard by all together."""
        return collections.Counter(str(answer) for device in self.devices for answer in device.answers)

    def retried(self):
        return sum(len(device.answers) > 1 for device in self.devices)
