"""A SCEP client for tests, made of Python's standard library and the `openssl` command.

It shares nothing with the product, reads replies with a parser of its own, and can say things that no honest client says.
"""
import base64
import hashlib
import itertools
import os
import re
import time
import urllib.parse

from instance import run_ok, text

PKCS_REQ, RENEWAL_REQ, GET_CERT, GET_CRL, CERT_POLL = "19", "17", "21", "22", "20"
SUCCESS, FAILURE, PENDING = "0", "2", "3"
BAD_ALG, BAD_MESSAGE_CHECK, BAD_REQUEST, BAD_TIME, BAD_CERT_ID = "0", "1", "2", "3", "4"

MESSAGE_TYPE = "2.16.840.1.113733.1.9.2"
PKI_STATUS = "2.16.840.1.113733.1.9.3"
FAIL_INFO = "2.16.840.1.113733.1.9.4"
SENDER_NONCE = "2.16.840.1.113733.1.9.5"
RECIPIENT_NONCE = "2.16.840.1.113733.1.9.6"
TRANSACTION_ID = "2.16.840.1.113733.1.9.7"

_serial = itertools.count()


# --- DER ---------------------------------------------------------------------------------------------------------------------

def tlv(tag, *parts):
    body = b"".join(parts)
    length = len(body)
    if length < 0x80:
        return bytes([tag, length]) + body
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + body


def oid(dotted):
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    body = b""
    for arc in [first * 40 + second, *rest]:
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.insert(0, 0x80 | arc & 0x7F)
        body += bytes(digits)
    return tlv(0x06, body)


def sequence(*parts):
    return tlv(0x30, *parts)


def set_of(*parts):
    return tlv(0x31, *sorted(parts))


def read(der, at=0):
    """(tag, content begin, end) of the element at an offset."""
    tag, length, begin = der[at], der[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(der[begin:begin + count], "big")
        begin += count
    return tag, begin, begin + length


def children(der):
    """The elements inside an element, each whole."""
    _, at, end = read(der)
    found = []
    while at < end:
        _, _, stop = read(der, at)
        found.append(der[at:stop])
        at = stop
    return found


def content(der):
    _, begin, end = read(der)
    return der[begin:end]


def from_pem(pem):
    return base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-----")))


def issuer_and_serial(certificate_der):
    tbs = children(children(certificate_der)[0])
    fields = tbs[1:] if tbs[0][0] == 0xA0 else tbs
    return sequence(fields[2], fields[0])


def subject_of(certificate_der):
    tbs = children(children(certificate_der)[0])
    return (tbs[1:] if tbs[0][0] == 0xA0 else tbs)[4]


# --- client ------------------------------------------------------------------------------------------------------------------

class Reply:
    """A CertRep whose signature has been verified to be that of a certificate below the CA."""

    def __init__(self, der):
        self.der = der
        signed = children(children(children(der)[1])[0])
        inner = children(signed[2])
        # Absent or empty, as servers differ, when there is nothing to deliver.
        self.envelope = (content(content_element(inner[1])) if len(inner) > 1 else None) or None
        signer = children(children(signed[-1])[0])
        attributes = next(element for element in signer if element[0] == 0xA0)
        self.attributes = {}
        for attribute in children(attributes):
            name, values = children(attribute)
            self.attributes[bytes(name)] = [content(value) for value in children(values)]
        self.certificate = None

    def one(self, dotted):
        values = self.attributes.get(oid(dotted))
        if values is None:
            return None
        assert len(values) == 1, f"{dotted} has {len(values)} values"
        return values[0]

    @property
    def status(self):
        return self.one(PKI_STATUS).decode()

    @property
    def fail_info(self):
        value = self.one(FAIL_INFO)
        return value.decode() if value is not None else None


def content_element(explicit):
    return children(explicit)[0]


class Client:
    """One device: a key, a self-signed certificate and what it got. Files go to `directory`."""

    def __init__(self, instance, bundle, name="device"):
        self.instance = instance
        self.bundle = bundle
        self.name = name
        number = next(_serial)
        self.file = lambda what: instance.path(f"client-{number}-{what}")
        self.key = self.file("key.pem")
        self.subject = f"/CN={name}"
        run_ok("openssl", "genrsa", "-out", self.key, "2048")
        self.signer = self.file("self.pem")
        run_ok("openssl", "req", "-new", "-x509", "-key", self.key, "-subj", self.subject, "-days", "2", "-out", self.signer)
        public = run_ok("openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER").stdout
        self.transaction = hashlib.sha256(public).hexdigest().upper()
        self.certificate = None
        self.nonces = {}  # by message, to compare with the reply's

    def csr(self, challenge=None, subject=None, extensions=(), key=None):
        """DER of a request; `extensions` are lines of an openssl extension section."""
        config = self.file("req.cnf")
        lines = ["[req]", "prompt = no", "distinguished_name = name", "attributes = attributes", "string_mask = utf8only"]
        lines += ["req_extensions = extensions"] if extensions else []
        # Not by -subj: with it, openssl leaves the attributes out.
        names = (self.subject if subject is None else subject).strip("/").split("/")
        lines += ["[name]", *(f"{number}.{name}" for number, name in enumerate(names)), "[attributes]"]
        lines += [f"challengePassword = {challenge}"] if challenge is not None else []
        lines += ["[extensions]", *extensions]
        config.write_text("\n".join(lines) + "\n")
        return run_ok("openssl", "req", "-new", "-key", key or self.key, "-config", config, "-outform",
                      "DER").stdout

    def envelop(self, octets, cipher="-aes-128-cbc"):
        return run_ok("openssl", "cms", "-encrypt", "-binary", "-outform", "DER", cipher, self.bundle["encryption"],
                      stdin=octets).stdout

    def sign(self, envelope, message_type=PKCS_REQ, transaction=None, nonce=None, signer=None, key=None, leave_out=(), extra=(), unsigned=()):
        """SignedData over an envelope. `leave_out` names attributes by OID; `extra` are DER attributes added to the signed ones, `unsigned`
        stand where no signature covers them."""
        certificate = from_pem((signer or self.signer).read_text())
        self.nonce = os.urandom(16) if nonce is None else nonce
        values = {
            "1.2.840.113549.1.9.3": oid("1.2.840.113549.1.7.1"),
            "1.2.840.113549.1.9.4": tlv(0x04, hashlib.sha256(envelope).digest()),
            "1.2.840.113549.1.9.5": tlv(0x17, time.strftime("%y%m%d%H%M%SZ", time.gmtime()).encode()),
            MESSAGE_TYPE: tlv(0x13, message_type.encode()),
            TRANSACTION_ID: tlv(0x13, (transaction or self.transaction).encode()),
            SENDER_NONCE: tlv(0x04, self.nonce),
        }
        attributes = [sequence(oid(name), tlv(0x31, value)) for name, value in values.items() if name not in leave_out]
        attributes = sorted([*attributes, *extra])
        to_sign = tlv(0x31, *attributes)
        signature = self.signature(to_sign, key)
        sha256 = sequence(oid("2.16.840.1.101.3.4.2.1"), tlv(0x05))
        signer_info = sequence(tlv(0x02, b"\x01"), issuer_and_serial(certificate), sha256, tlv(0xA0, *attributes),
                               sequence(oid("1.2.840.113549.1.1.1"), tlv(0x05)), tlv(0x04, signature),
                               *([tlv(0xA1, *unsigned)] if unsigned else []))
        signed_data = sequence(tlv(0x02, b"\x01"), tlv(0x31, sha256),
                               sequence(oid("1.2.840.113549.1.7.1"), tlv(0xA0, tlv(0x04, envelope))),
                               tlv(0xA0, certificate), tlv(0x31, signer_info))
        message = sequence(oid("1.2.840.113549.1.7.2"), tlv(0xA0, signed_data))
        self.nonces[message] = self.nonce
        return message

    def signature(self, octets, key=None):
        return run_ok("openssl", "dgst", "-sha256", "-sign", key or self.key, stdin=octets).stdout

    def request(self, challenge=None, **options):
        """A PKCSReq for this device."""
        subject, extensions = options.pop("subject", None), options.pop("extensions", ())
        cipher = options.pop("cipher", "-aes-128-cbc")
        return self.sign(self.envelop(self.csr(challenge, subject, extensions), cipher), **options)

    def poll(self, **options):
        """A CertPoll for this device's transaction."""
        ca = from_pem(self.bundle["ca"].read_text())
        body = sequence(subject_of(ca), subject_of(from_pem(self.signer.read_text())))
        return self.sign(self.envelop(body), CERT_POLL, **options)

    def post(self, message, headers=(("Content-Type", "application/x-pki-message"),)):
        return self.instance.http("POST", self.instance.scep_target("PKIOperation"), message, headers)

    def get(self, message):
        encoded = urllib.parse.quote(base64.b64encode(message).decode(), safe="")
        return self.instance.http("GET", self.instance.scep_target("PKIOperation", encoded))

    def send(self, message):
        """Posts a message and reads the CertRep; anything else is an AssertionError."""
        answer = self.post(message)
        assert answer.status == 200, answer
        return self.read_reply(answer, self.nonces[message])

    def read_reply(self, answer, nonce=None):
        assert answer.content_type == "application/x-pki-message", answer
        reply = Reply(answer.body)
        self._verify(reply)
        assert reply.one(MESSAGE_TYPE) == b"3", reply.attributes
        assert reply.one(SENDER_NONCE), "no senderNonce"
        if nonce is not None:
            assert reply.one(RECIPIENT_NONCE) == nonce, "the recipientNonce is not ours"
        if reply.status == SUCCESS:
            reply.certificate = self._open(reply)
            self._keep(reply.certificate)
        else:
            assert reply.envelope is None, "a reply that is no success has an envelope"
        return reply

    def _keep(self, pem):
        self.certificate = self.file("certificate.pem")
        self.certificate.write_text(pem)

    def _verify(self, reply):
        der = self.file("reply.der")
        der.write_bytes(reply.der)
        empty = self.file("empty")
        empty.write_bytes(b"")
        content_option = [] if reply.envelope is not None else ["-content", empty]
        run_ok("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", der, "-CAfile", self.bundle["ca"], "-purpose", "any",
               *content_option, "-signer", self.file("reply-signer.pem"), "-out", self.file("envelope.der"))
        assert from_pem(self.file("reply-signer.pem").read_text()) == from_pem(self.bundle["agent"].read_text()), \
            "the reply is not signed by the agent of GetCACert"

    def _open(self, reply):
        opened = run_ok("openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", self.file("envelope.der"), "-inkey",
                        self.key).stdout
        pem = run_ok("openssl", "pkcs7", "-inform", "DER", "-print_certs", stdin=opened).stdout.decode()
        blocks = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", pem, re.DOTALL)
        assert len(blocks) == 1, f"{len(blocks)} certificates in the reply"
        return blocks[0]


def serial_of(pem):
    """Lower-case hexadecimal serial number of a PEM certificate, as openssl prints it."""
    return run_ok("openssl", "x509", "-noout", "-serial", stdin=pem.encode()).stdout.decode().strip().split("=")[1].lower()


def says(done, *words):
    """Whether a program's output contains all the words, in any letter case."""
    said = text(done).lower()
    return all(word.lower() in said for word in words)


