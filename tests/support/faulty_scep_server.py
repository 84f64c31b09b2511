"""A SCEP server that is wrong in one chosen way: a proxy in front of a real daemon that changes what goes by.

Replies are changed and then signed again with the instance's own agent key, so that nothing but the chosen fault is wrong with
them. The faults are the names in FAULTS; a test sets `fault` and asks what a client makes of it.
"""
import hashlib
import http.server
import os
import re
import threading
import time
import urllib.parse

from instance import run_ok
from scep_client import (MESSAGE_TYPE, PKI_STATUS, RECIPIENT_NONCE, SENDER_NONCE, SUCCESS, TRANSACTION_ID, children, content,
                         from_pem, issuer_and_serial, oid, sequence, set_of, tlv)

SIGNED_DATA = "1.2.840.113549.1.7.2"
KEY_USAGE = "2.5.29.15"
CA_TYPE, BUNDLE_TYPE, REPLY_TYPE = "application/x-x509-ca-cert", "application/x-x509-ca-ra-cert", "application/x-pki-message"


class Answer:
    def __init__(self, status, content_type, body):
        self.status, self.content_type, self.body = status, content_type, body


def to_pem(der):
    return run_ok("openssl", "x509", "-inform", "DER", stdin=der).stdout


def certs_only(certificates, content_octets=b""):
    """A SignedData without a signer: a bag of certificates, or content that nobody signed."""
    inner = sequence(oid("1.2.840.113549.1.7.1"), *([tlv(0xA0, tlv(0x04, content_octets))] if content_octets else []))
    signed = sequence(tlv(0x02, b"\x01"), tlv(0x31), inner, tlv(0xA0, *certificates), tlv(0x31))
    return sequence(oid(SIGNED_DATA), tlv(0xA0, signed))


def certificates_of(bag):
    signed = children(children(children(bag)[1])[0])
    return children(next(element for element in signed if element[0] == 0xA0))


def is_ca(certificate):
    return b"CA:TRUE" in run_ok("openssl", "x509", "-inform", "DER", "-noout", "-text", stdin=certificate).stdout


class FaultySession:
    """The keys of an instance, used to make things that are wrong in one way alone."""

    def __init__(self, instance):
        self.home = instance.home
        self.agent = from_pem((self.home / "ra/agent.pem").read_text())

    def signature(self, key, octets):
        return run_ok("openssl", "dgst", "-sha256", "-sign", self.home / key, stdin=octets).stdout

    def reissue(self, certificate, change):
        """The certificate with `change` applied to its list of TBS elements, signed by the CA again."""
        tbs, algorithm, _ = children(certificate)
        changed = sequence(*change(children(tbs)))
        return sequence(changed, algorithm, tlv(0x03, b"\0", self.signature("ca/ca.key", changed)))

    def without_key_usage(self, certificate):
        def change(elements):
            extensions = children(children(elements[-1])[0])
            kept = [one for one in extensions if children(one)[0] != oid(KEY_USAGE)]
            assert len(kept) == len(extensions) - 1
            return [*elements[:-1], tlv(0xA3, sequence(*kept))]
        return self.reissue(certificate, change)

    def expired(self, certificate):
        year = time.gmtime().tm_year
        validity = sequence(tlv(0x17, f"{(year - 3) % 100:02d}0101000000Z".encode()), tlv(0x17, f"{(year - 1) % 100:02d}0101000000Z".encode()))
        return self.reissue(certificate, lambda elements: [validity if self._is_validity(one) else one for one in elements])

    @staticmethod
    def _is_validity(element):
        return element[0] == 0x30 and children(element)[0][0] in (0x17, 0x18)

    def resign(self, reply, change=lambda attributes: None, envelope=None):
        """The CertRep with its attributes changed (a dict from OID to DER value) and signed by the agent again."""
        signed = children(children(children(reply)[1])[0])
        old_envelope = content(children(children(signed[2])[1])[0])
        envelope = old_envelope if envelope is None else envelope
        signer = children(children(signed[-1])[0])
        received = next(element for element in signer if element[0] == 0xA0)
        attributes = {children(one)[0]: children(children(one)[1])[0] for one in children(received)}
        attributes[oid("1.2.840.113549.1.9.4")] = tlv(0x04, hashlib.sha256(envelope).digest())
        change(attributes)
        encoded = sorted(sequence(name, tlv(0x31, value)) for name, value in attributes.items())
        sha256 = sequence(oid("2.16.840.1.101.3.4.2.1"), tlv(0x05))
        info = sequence(tlv(0x02, b"\x01"), issuer_and_serial(self.agent), sha256, tlv(0xA0, *encoded),
                        sequence(oid("1.2.840.113549.1.1.1"), tlv(0x05)),
                        tlv(0x04, self.signature("ra/agent.key", tlv(0x31, *encoded))))
        data = sequence(tlv(0x02, b"\x01"), set_of(sha256), sequence(oid("1.2.840.113549.1.7.1"), tlv(0xA0, tlv(0x04, envelope))),
                        tlv(0xA0, self.agent), set_of(info))
        return sequence(oid(SIGNED_DATA), tlv(0xA0, data))


def transaction_of(reply):
    signed = children(children(children(reply)[1])[0])
    received = next(element for element in children(children(signed[-1])[0]) if element[0] == 0xA0)
    return {children(one)[0]: content(children(children(one)[1])[0]) for one in children(received)}


class FaultyServer:
    """`fault` names what is wrong; None: nothing. See FAULTS."""

    def __init__(self, instance):
        self.instance = instance
        self.session = FaultySession(instance)
        self.fault = None
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = server._answer(self.command, self.path, body)
                self.send_response(answer.status)
                if answer.content_type:
                    self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(answer.body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = serve

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        host, port = self.server.server_address[:2]
        self.url = f"http://{host}:{port}{urllib.parse.urlsplit(instance.scep_url).path}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def _answer(self, method, target, body):
        passed_on = self.instance.http(method, target, body if method == "POST" else None)
        answer = Answer(passed_on.status, passed_on.content_type, passed_on.body)
        operation = re.search(r"operation=(\w+)", target)
        change = FAULTS.get(self.fault, {}).get(operation.group(1).lower() if operation else "page")
        if change is None or (operation and answer.status != 200):
            return answer
        if operation and operation.group(1) == "PKIOperation":
            self.request = body
        return change(self, answer) or answer

    # --- what may be wrong -----------------------------------------------------------------------------------------------------

    def des_reply(self, answer):
        attributes = transaction_of(answer.body)
        if attributes[oid(PKI_STATUS)] != SUCCESS.encode():
            return
        issued = self.instance.certificates()
        newest = max(issued, key=lambda one: one["not_before"])
        pem = self.instance.command("certificate", "show", newest["serial"], "--pem").stdout
        signed = children(children(children(self.request)[1])[0])
        device = self.instance.path("faulty-device.pem")
        device.write_bytes(to_pem(children(next(element for element in signed if element[0] == 0xA0))[0]))
        envelope = run_ok("openssl", "cms", "-encrypt", "-binary", "-outform", "DER", "-provider", "default", "-provider", "legacy",
                          "-des-cbc", device, stdin=certs_only([from_pem(pem.decode())])).stdout
        answer.body = self.session.resign(answer.body, envelope=envelope)


def bundle(change):
    def changed(server, answer):
        answer.body = certs_only(change(server.session, certificates_of(answer.body)))
    return changed


def reply(change):
    def changed(server, answer):
        answer.body = server.session.resign(answer.body, change)
    return changed


def with_type(content_type):
    def changed(_, answer):
        answer.content_type = content_type
    return changed


def only_ca(_, certificates):
    return [one for one in certificates if is_ca(one)]


def each_ra(change):
    return lambda session, certificates: [one if is_ca(one) else change(session, one) for one in certificates]


def single_ca(server, answer):
    answer.body = certs_only(only_ca(server.session, certificates_of(answer.body)))


def truncated(_, answer):
    answer.body = answer.body[:len(answer.body) // 2]


def unsigned(_, answer):
    signed = children(children(children(answer.body)[1])[0])
    answer.body = certs_only([], content(children(children(signed[2])[1])[0]) or b"\x30\x00")


def broken_signature(_, answer):
    answer.body = answer.body[:-1] + bytes([answer.body[-1] ^ 1])


def foreign_transaction(attributes):
    attributes[oid(TRANSACTION_ID)] = tlv(0x13, b"0123456789ABCDEF")


def foreign_nonce(attributes):
    attributes[oid(RECIPIENT_NONCE)] = tlv(0x04, os.urandom(16))


def no_sender_nonce(attributes):
    del attributes[oid(SENDER_NONCE)]


def not_a_reply(attributes):
    attributes[oid(MESSAGE_TYPE)] = tlv(0x13, b"19")


# Fault -> operation (in lower case, "page" for none) -> what is done to its answer.
FAULTS = {
    "ra-key-usage-missing": {"getcacert": bundle(each_ra(FaultySession.without_key_usage))},
    "ra-certificate-expired": {"getcacert": bundle(each_ra(FaultySession.expired))},
    "single-ca-announced-as-ra-bundle": {"getcacert": single_ca},
    "ca-malformed": {"getcacert": truncated},
    "ca-content-type": {"getcacert": with_type("text/html")},
    "ca-status": {"getcacert": lambda server, answer: Answer(404, "text/plain", b"not here")},
    "capabilities-status": {"getcacaps": lambda server, answer: Answer(404, "text/plain", b"not here")},
    "server-error": {"page": lambda server, answer: Answer(500, "text/html", b"")},
    "reply-content-type": {"pkioperation": with_type("application/octet-stream")},
    "reply-transaction-id": {"pkioperation": reply(foreign_transaction)},
    "reply-recipient-nonce": {"pkioperation": reply(foreign_nonce)},
    "reply-sender-nonce": {"pkioperation": reply(no_sender_nonce)},
    "reply-malformed": {"pkioperation": reply(not_a_reply)},
    "reply-unsigned": {"pkioperation": unsigned},
    "reply-signature": {"pkioperation": broken_signature},
    "reply-cipher-weaker": {"pkioperation": FaultyServer.des_reply},
    "pki-operation-status": {"pkioperation": lambda server, answer: Answer(500, "text/html", b"")},
}
