"""A stand-in for a CA that speaks CMP (RFC 4210, RFC 9480), strict about what it is sent; requests are read with pyasn1's RFC 4210.

Every message is taken apart with an implementation that is not ours, its protection computed again (password based MAC) or verified
(the agent's signature), its nonces and transaction checked. What violates the RFC is kept in `violations` and answered with HTTP 400.
Runs in this process or by itself: cmp.py DIRECTORY signature|secret [WORD...] with `ca.pem`, `ca.key` and `agent.pem` there; needs
Debian's own Python.
"""
import hashlib
import hmac
import os
import pathlib
import re
import sys
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from pyasn1.codec.der import decoder, encoder
from pyasn1.type import univ
from pyasn1_modules import rfc2459, rfc4210

from adcs import Authority, Handler, Server, drive, openssl, require

PASSWORD_BASED_MAC = "1.2.840.113533.7.66.13"
SIGNATURES = {"1.2.840.113549.1.1.11": padding.PKCS1v15(), "1.2.840.10045.4.3.2": None}
CERTIFICATE_PROFILE = "1.3.6.1.5.5.7.4.21"
SECRET, REFERENCE = b"a shared secret", b"ra-1"
BODIES = {4: "p10cr", 11: "rr", 21: "genm", 24: "certConf", 25: "pollReq"}


# --- DER out --------------------------------------------------------------------------------------------------------------------

def tlv(tag, *parts):
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def seq(*parts):
    return tlv(0x30, *parts)


def ctx(number, *parts):
    return tlv(0xa0 | number, *parts)


def integer(value):
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def text(words):
    return seq(tlv(0x0c, words.encode()))


def status_info(status, words="", failures=()):
    bits = b""
    if failures:
        octets = bytearray(max(failures) // 8 + 1)
        for bit in failures:
            octets[bit // 8] |= 0x80 >> bit % 8
        bits = tlv(3, bytes([7 - max(failures) % 8]), bytes(octets))
    return seq(integer(status), text(words) if words else b"", bits)


def parts_of(der):
    """The TLVs inside a TLV."""
    found, at = [], header_length(der)
    while at < len(der):
        size = header_length(der[at:]) + content_length(der[at:])
        found.append(der[at:at + size])
        at += size
    return found


def header_length(der):
    return 2 + (der[1] & 0x7f if der[1] & 0x80 else 0)


def content_length(der):
    return int.from_bytes(der[2:header_length(der)], "big") if der[1] & 0x80 else der[1]


def inside(der):
    return der[header_length(der):]


def mac(parameter, part):
    """PasswordBasedMac (RFC 4210 5.1.3.1): the parameter's DER."""
    salt, owf, count, algorithm = parts_of(parameter)
    owf = rfc2459_oid(parts_of(owf)[0])
    require(owf == "2.16.840.1.101.3.4.2.1", f"owf {owf}")
    require(rfc2459_oid(parts_of(algorithm)[0]) == "1.2.840.113549.2.9", "mac algorithm")
    require(len(inside(salt)) >= 16, "a short salt")
    iterations = int.from_bytes(inside(count), "big")
    require(500 <= iterations <= 100000, f"{iterations} iterations")
    key = SECRET + inside(salt)
    for _ in range(iterations):
        key = hashlib.sha256(key).digest()
    return hmac.new(key, part, "sha256").digest()


def rfc2459_oid(der):
    return str(decoder.decode(der)[0])


class CmpAuthority(Authority):
    """An Authority whose requests are transactions; `known` are those whose answers may be asked for by pollReq."""

    def __init__(self, directory, protection):
        super().__init__(directory, demand="pkcs10")
        self.protection = protection
        self.known = {}             # our nonce: [transaction, request number]
        self.hows = {}              # request number: how its confirmation is treated
        self.confirmed = []         # "accepted" or the client's reason
        self.profiles = []          # certProfiles named
        self.revoked = {}           # serial: reason
        self.remembers = False      # a pollReq of a transaction whose answer was lost finds it
        self.certificate = x509.load_pem_x509_certificate((self.directory / "ca.pem").read_bytes())
        self.key = serialization.load_pem_private_key((self.directory / "ca.key").read_bytes(), None)

    def agents(self):
        return re.findall(b"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", (self.directory / "agent.pem").read_bytes(), re.S)


class CmpHandler(Handler):
    """POST /cmp."""

    def serve(self, body):
        require(self.path == "/cmp" and self.command == "POST", f"{self.command} {self.path}")
        require(self.headers.get("Content-Type") == "application/pkixcmp", "Content-Type")
        message, rest = decoder.decode(body, asn1Spec=rfc4210.PKIMessage())
        require(not rest, "octets behind the message")
        require(encoder.encode(message) == body, "not DER")
        self.header_der, self.body_der = parts_of(body)[:2]
        header = message["header"]
        self.nonce_in = bytes(header["senderNonce"])
        self.transaction = bytes(header["transactionID"])
        self.check_header(header)
        self.check_protection(message)
        kind = BODIES.get(self.body_der[0] & 0x1f)
        require(kind, f"body {self.body_der[0]:x}")
        return getattr(self, kind)(message["body"])

    def check_header(self, header):
        authority = self.server_side.authority
        require(int(header["pvno"]) == 2, "pvno")
        require(len(self.nonce_in) == 16, "senderNonce")
        require(2 <= len(self.transaction) <= 32, "transactionID")
        require(header["messageTime"].isValue, "messageTime")
        recipient = encoder.encode(header["recipient"]["directoryName"])
        require(inside(recipient) == authority.certificate.subject.public_bytes(), "recipient")
        for information in header["generalInfo"] if header["generalInfo"].isValue else ():
            require(str(information["infoType"]) == CERTIFICATE_PROFILE, "generalInfo")
            require((self.body_der[0] & 0x1f) == 4, "a certProfile in another message than the request")
            profile = bytes(information["infoValue"])
            authority.profiles.append(inside(parts_of(profile)[0]).decode())

    def check_protection(self, message):
        authority, header = self.server_side.authority, message["header"]
        part = seq(self.header_der, self.body_der)
        algorithm = str(header["protectionAlg"]["algorithm"])
        protection = message["protection"].asOctets()
        if authority.protection == "secret":
            require(algorithm == PASSWORD_BASED_MAC, f"protection {algorithm}")
            require(bytes(header["senderKID"]) == REFERENCE, "reference")
            require(hmac.compare_digest(mac(bytes(header["protectionAlg"]["parameters"]), part), protection), "the MAC")
            return
        agent = x509.load_pem_x509_certificate(authority.agents()[0])
        require(algorithm in SIGNATURES, f"protection {algorithm}")
        sender = encoder.encode(header["sender"]["directoryName"])
        require(inside(sender) == agent.subject.public_bytes(), "sender")
        key_identifier = agent.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        require(bytes(header["senderKID"]) == key_identifier, "senderKID")
        first = encoder.encode(message["extraCerts"][0])
        require(agent.public_bytes(serialization.Encoding.DER) in first, "extraCerts do not begin with the signer")
        if isinstance(agent.public_key(), ec.EllipticCurvePublicKey):
            agent.public_key().verify(protection, part, ec.ECDSA(hashes.SHA256()))
        else:
            agent.public_key().verify(protection, part, padding.PKCS1v15(), hashes.SHA256())

    # --- the requests --------------------------------------------------------------------------------------------------------

    def p10cr(self, _):
        authority = self.server_side.authority
        request = inside(self.body_der)
        if authority.next == "busy":
            authority.next = "issue"
            return self.error(24, "we are being mended")
        if authority.next in ("unprotected_error", "stranger"):
            return self.error(1, "who are you?", how=authority.treatment())
        number, how = authority.submit(request, "device")
        authority.hows[number] = how
        return self.certificate(number, how)

    def certificate(self, number, how):
        """cp about a request."""
        authority = self.server_side.authority
        state, content = authority.requests[number]
        if state == "held":
            body = seq(integer(0), status_info(3, "an officer looks at it"))
        elif state == "denied":
            body = seq(integer(0), status_info(2, content, [19]))
        else:
            der = openssl("x509", "-outform", "DER", stdin=content.encode()).stdout
            body = seq(integer(0), status_info(0), seq(ctx(0, der)))
        return self.answer(ctx(3, seq(seq(body))), how, number)

    def pollReq(self, body):
        authority = self.server_side.authority
        require(len(body["pollReq"]) == 1, "one pollReq")
        request_id = int(body["pollReq"][0]["certReqId"])
        nonce = self.nonce_out()
        if nonce is None:
            require(request_id == -1, f"certReqId {request_id}")
            lost = [number for transaction, number in authority.known.values() if transaction == self.transaction]
            if authority.remembers and lost:
                return self.certificate(lost[0], "issue")
            return self.error(2, "no such transaction")
        require(request_id == 0, f"certReqId {request_id}")
        number = authority.known[nonce][1]
        if authority.requests[number][0] == "held":
            return self.answer(ctx(26, seq(seq(integer(0), integer(1)))), "issue", number)
        return self.certificate(number, "issue")

    def nonce_out(self):
        """The nonce of ours that is answered; None: none was given."""
        header, _ = decoder.decode(self.header_der, asn1Spec=rfc4210.PKIHeader())
        if not header["recipNonce"].isValue:
            return None
        nonce = bytes(header["recipNonce"])
        require(self.server_side.authority.known.get(nonce, [None])[0] == self.transaction, "recipNonce")
        return nonce

    def certConf(self, body):
        authority = self.server_side.authority
        nonce = self.nonce_out()
        require(nonce is not None, "no recipNonce")
        number = authority.known[nonce][1]
        require(len(body["certConf"]) == 1, "one CertStatus")
        status = body["certConf"][0]
        require(int(status["certReqId"]) == 0, "certReqId")
        der = openssl("x509", "-outform", "DER", stdin=authority.requests[number][1].encode()).stdout
        require(bytes(status["certHash"]) == hashlib.sha256(der).digest(), "certHash")
        refused = status["statusInfo"].isValue and int(status["statusInfo"]["status"]) == 2
        how = authority.hows[number]
        if how == "refuse_confirmation":
            return self.error(11 if authority.confirmed else 2, "no", how)
        authority.confirmed.append(str(status["statusInfo"]["statusString"][0]) if refused else "accepted")
        if how == "lose_confirmation":
            authority.hows[number] = "issue"
            return self.lose("lose_the_answer", "application/pkixcmp", b"")
        return self.answer(ctx(19, tlv(5)), "issue", number)

    def rr(self, _):
        authority = self.server_side.authority
        details = parts_of(inside(self.body_der))
        require(len(details) == 1, "one RevDetails")
        template, extensions = parts_of(details[0])
        fields = {part[0]: inside(part) for part in parts_of(template)}
        require(set(fields) == {0x81, 0xa3}, f"CertTemplate {fields}")
        require(fields[0xa3] == authority.certificate.subject.public_bytes(), "issuer")
        serial = int.from_bytes(fields[0x81], "big")
        extension, _ = decoder.decode(parts_of(extensions)[0], asn1Spec=rfc2459.Extension())
        require(str(extension["extnID"]) == "2.5.29.21", "crlEntryDetails")
        reason = int(decoder.decode(bytes(extension["extnValue"]), asn1Spec=univ.Enumerated())[0])
        issued = [x509.load_pem_x509_certificate(content.encode()).serial_number
                  for state, content in authority.requests.values() if state == "issued"]
        if serial not in issued:
            return self.answer(ctx(12, seq(seq(status_info(2, "not ours", [4])))), "issue", None)
        if serial in authority.revoked:
            return self.answer(ctx(12, seq(seq(status_info(2, "again?", [10])))), "issue", None)
        authority.revoked[serial] = reason
        return self.answer(ctx(12, seq(seq(status_info(0)))), "issue", None)

    def genm(self, _):
        require(inside(inside(self.body_der)) == b"", "genm that asks for something")
        return self.answer(ctx(22, seq()), "issue", None)

    # --- answering -----------------------------------------------------------------------------------------------------------

    def error(self, failure, words, how="issue"):
        return self.answer(ctx(23, seq(status_info(2, words, [failure]))), how, None)

    def answer(self, body, how, number):
        authority = self.server_side.authority
        nonce = os.urandom(16)
        with authority.lock:
            authority.known[nonce] = [self.transaction, number]
        transaction = os.urandom(16) if how == "wrong_transaction" else self.transaction
        recipient_nonce = os.urandom(16) if how == "wrong_nonce" else self.nonce_in
        parameter = seq(tlv(4, os.urandom(16)), seq(tlv(6, bytes.fromhex("608648016503040201"))), integer(1000),
                        seq(tlv(6, bytes.fromhex("2a864886f70d0209"))))
        by_secret = authority.protection == "secret"
        algorithm = seq(tlv(6, bytes.fromhex("2a864886f67d07420d")), parameter) if by_secret else \
            seq(tlv(6, bytes.fromhex("2a864886f70d01010b")), tlv(5))
        subject = authority.certificate.subject.public_bytes()
        unprotected = how in ("unprotected_error", "unprotected")
        header = seq(integer(2), ctx(4, seq() if by_secret else subject), ctx(4, seq()),
                     ctx(0, tlv(0x18, time.strftime("%Y%m%d%H%M%SZ", time.gmtime()).encode())),
                     b"" if unprotected else ctx(1, algorithm), ctx(2, tlv(4, REFERENCE)) if by_secret else b"",
                     ctx(4, tlv(4, transaction)), ctx(5, tlv(4, nonce)), ctx(6, tlv(4, recipient_nonce)))
        part = seq(header, body)
        protection = mac(parameter, part) if by_secret else authority.key.sign(part, padding.PKCS1v15(), hashes.SHA256())
        if how in ("bad_protection", "stranger"):
            protection = protection[:-1] + bytes([protection[-1] ^ 1])
        message = seq(header, body, b"" if unprotected else ctx(0, tlv(3, b"\0", protection)))
        if how in ("lose_the_answer", "cut_the_answer"):
            return self.lose(how, "application/pkixcmp", message)
        if how == "html":
            return self.page(200, "<html>Welcome</html>")
        return self.send(200, "application/pkixcmp", message)


class CmpServer(Server):
    handler = CmpHandler


def main():
    directory = pathlib.Path(sys.argv[1])
    authority = CmpAuthority(directory, sys.argv[2])
    authority.lie = directory / "lie.pem"
    tls = (directory / "server.pem", directory / "server.key") if "tls" in sys.argv[3:] else ()
    drive(authority, CmpServer(authority, *tls), confirmed=lambda _: ",".join(authority.confirmed),
          profiles=lambda _: ",".join(authority.profiles), remember=lambda _: setattr(authority, "remembers", True),
          revoked=lambda _: ",".join(str(reason) for reason in authority.revoked.values()))


if __name__ == "__main__":
    main()
