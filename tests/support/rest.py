"""Stand-ins for CAs with REST interfaces of their own, strict about what they are sent: EJBCA, HashiCorp Vault or OpenBao, step-ca.

Written from their public API documentation: paths, members, status codes and error bodies. What they do not document is a violation,
answered with HTTP 400 and kept in `violations`. Runs in this process or by itself: rest.py DIRECTORY ejbca|vault|step; needs Debian's
own Python.
"""
import base64
import hashlib
import json
import pathlib
import re
import sys
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

from adcs import Authority, Handler, Server, drive, openssl, require

TOKEN = "hvs.a-token"
EJBCA = "/ejbca/ejbca-rest-api/v1"
REASONS = {"UNSPECIFIED": 0, "KEY_COMPROMISE": 1, "CA_COMPROMISE": 2, "AFFILIATION_CHANGED": 3, "SUPERSEDED": 4,
           "CESSATION_OF_OPERATION": 5, "CERTIFICATE_HOLD": 6, "REMOVE_FROM_CRL": 8, "PRIVILEGES_WITHDRAWN": 9, "AA_COMPROMISE": 10}


def to_der(pem):
    return openssl("x509", "-outform", "DER", stdin=pem.encode()).stdout


def from_pem(pem, label):
    match = re.fullmatch(rf"-----BEGIN {label}-----\n([A-Za-z0-9+/=\n]+)-----END {label}-----\n", pem)
    require(match, f"no PEM of a {label}")
    return base64.b64decode(match[1])


def unpadded(text):
    require("=" not in text and re.fullmatch("[A-Za-z0-9_-]*", text), "not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class RestAuthority(Authority):
    """An Authority that is asked for what is in PKCS#10 requests."""

    def __init__(self, directory):
        super().__init__(directory, demand="pkcs10")
        self.users = {}             # EJBCA: user: (request number, password)
        self.revoked = {}           # serial: reason
        self.bodies = []            # of what was submitted
        self.used = set()           # step-ca: identifiers of one-time tokens
        self.one_time = False       # refuse those that come again

    def subject(self):
        return x509.load_pem_x509_certificate((self.directory / "ca.pem").read_bytes()).subject.rfc4514_string()

    def serials(self):
        return {x509.load_pem_x509_certificate(content.encode()).serial_number: content
                for state, content in self.requests.values() if state == "issued"}


class RestHandler(Handler):
    do_PUT = Handler.do_POST

    def json(self, status, value):
        self.send(status, "application/json", json.dumps(value))

    def asked(self, body, *members, perhaps=()):
        """The request's JSON, which has these members."""
        require(self.headers.get("Content-Type") == "application/json", f"Content-Type {self.headers.get('Content-Type')}")
        value = json.loads(body)
        require(set(value) - set(perhaps) == set(members), f"members {sorted(value)}")
        return value

    def answer(self, how, value, status=200):
        text = json.dumps(value)
        if how in ("lose_the_answer", "cut_the_answer"):
            return self.lose(how, "application/json", text)
        if how == "html":
            return self.page(200, "<html>Welcome</html>")
        return self.send(status, "application/json", text)


class EjbcaHandler(RestHandler):
    """Certificate management REST interface v1."""

    def serve(self, body):
        authority = self.server_side.authority
        url = urllib.parse.urlsplit(self.path)
        if (self.command, url.path) == ("GET", EJBCA + "/ca"):
            return self.json(200, {"certificate_authorities": [{"id": 1, "name": "Device CA", "subject_dn": "CN=Countersign CA"}]})
        require(url.path.startswith(EJBCA + "/certificate/"), f"path {url.path}")
        words = url.path[len(EJBCA + "/certificate/"):].split("/")
        if self.command == "PUT":
            require(len(words) == 3 and words[2] == "revoke" and not body, f"{words}")
            return self.revoke(urllib.parse.unquote(words[0]), words[1], dict(urllib.parse.parse_qsl(url.query, strict_parsing=True)))
        require(self.command == "POST" and not url.query, f"{self.command} {self.path}")
        if words == ["pkcs10enroll"]:
            return self.enroll(body)
        if words == ["search"]:
            return self.search(body)
        require(len(words) == 2 and words[1] == "finalize", f"{words}")
        asked = self.asked(body, "response_format", "password")
        require(asked["response_format"] == "DER", "response_format")
        if words[0] not in authority.requests:
            return self.problem(404, "no such approval request")
        require(asked["password"] in [password for number, password in authority.users.values() if number == words[0]], "password")
        return self.certificate(words[0], "issue")

    def enroll(self, body):
        authority = self.server_side.authority
        asked = self.asked(body, "certificate_request", "certificate_profile_name", "end_entity_profile_name",
                           "certificate_authority_name", "username", "password", "include_chain")
        require(asked["include_chain"] is False and asked["username"] and asked["password"], "include_chain, username, password")
        if asked["certificate_authority_name"] != "Device CA" or asked["end_entity_profile_name"] != "Devices":
            return self.problem(404, "no such CA or end entity profile")
        number, how = authority.submit(from_pem(asked["certificate_request"], "CERTIFICATE REQUEST"), asked["certificate_profile_name"])
        authority.users[asked["username"]] = (number, asked["password"])
        return self.certificate(number, how)

    def certificate(self, number, how):
        state, content = self.server_side.authority.requests[number]
        if state == "held":
            return self.problem(202, f"Request with ID {number} is waiting for approval by an administrator")
        if state == "denied":
            return self.problem(400, content)
        der = to_der(content)
        serial = x509.load_der_x509_certificate(der).serial_number
        return self.answer(how, {"certificate": base64.b64encode(der).decode(), "serial_number": f"{serial:X}",
                                 "response_format": "DER"}, 201)

    def search(self, body):
        authority = self.server_side.authority
        asked = self.asked(body, "max_number_of_results", "criteria")
        require([set(one) for one in asked["criteria"]] == [{"property", "value", "operation"}], "criteria")
        criterion = asked["criteria"][0]
        require((criterion["property"], criterion["operation"]) == ("QUERY", "EQUAL"), f"{criterion}")
        number, _ = authority.users.get(criterion["value"], (None, None))
        state, content = authority.requests.get(number, ("unknown", ""))
        found = [{"certificate": base64.b64encode(to_der(content)).decode(), "response_format": "DER"}] if state == "issued" else []
        return self.json(200, {"certificates": found, "more_results": False})

    def revoke(self, issuer, serial, query):
        authority = self.server_side.authority
        require(issuer == authority.subject(), f"issuer {issuer}")
        require(re.fullmatch("[0-9A-F]+", serial), "serial number")
        require(set(query) == {"reason"} and query["reason"] in REASONS, f"query {query}")
        number = int(serial, 16)
        if number not in authority.serials():
            return self.problem(404, f"Certificate with serial number {serial} not found")
        if number in authority.revoked:
            return self.problem(409, "Certificate has already been revoked")
        authority.revoked[number] = REASONS[query["reason"]]
        return self.json(200, {"issuer_dn": issuer, "serial_number": serial, "revocation_reason": query["reason"],
                               "message": "Successfully revoked", "revoked": True})

    def problem(self, status, words):
        return self.json(status, {"error_code": status, "error_message": words})


class VaultHandler(RestHandler):
    """/v1/pki and /v1/auth/token/lookup-self."""

    def serve(self, body):
        authority = self.server_side.authority
        require(self.headers.get("X-Vault-Request") == "true", "X-Vault-Request")
        require(self.headers.get("X-Vault-Namespace") == "ns1", "X-Vault-Namespace")
        if self.headers.get("X-Vault-Token") != TOKEN:
            return self.problem(403, "permission denied")
        if (self.command, self.path) == ("GET", "/v1/auth/token/lookup-self"):
            return self.json(200, {"data": {"policies": ["pki"]}})
        require(self.path.startswith("/v1/pki_int/"), f"path {self.path}")
        word, _, rest = self.path[len("/v1/pki_int/"):].partition("/")
        if self.command == "GET":
            require(word == "cert", f"GET {word}")
            if rest == "ca":
                return self.json(200, {"data": {"certificate": (authority.directory / "ca.pem").read_text()}})
            number = int(rest.replace(":", ""), 16)
            if number not in authority.serials():
                return self.json(404, {"errors": []})
            return self.json(200, {"data": {"certificate": authority.serials()[number], "revocation_time": 0}})
        require(self.command == "POST", self.command)
        return self.sign(rest, body) if word == "sign" else self.revoke(word, body)

    def sign(self, role, body):
        authority = self.server_side.authority
        asked = self.asked(body, "common_name", "exclude_cn_from_sans", "not_after", "format", "csr", perhaps=("alt_names",))
        require(asked["format"] == "pem" and asked["exclude_cn_from_sans"] is True, "format, exclude_cn_from_sans")
        require(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", asked["not_after"]), "not_after")
        require(asked.get("alt_names", asked["common_name"] + ".example.com") == asked["common_name"] + ".example.com", "alt_names")
        authority.bodies.append(asked)
        number, how = authority.submit(from_pem(asked["csr"], "CERTIFICATE REQUEST"), role)
        state, content = authority.requests[number]
        if state == "denied":
            return self.problem(400, content)
        serial = f"{x509.load_pem_x509_certificate(content.encode()).serial_number:x}"
        serial = "0" * (len(serial) % 2) + serial
        colons = ":".join(serial[at:at + 2] for at in range(0, len(serial), 2))
        ca = (authority.directory / "ca.pem").read_text()
        return self.answer(how, {"lease_id": "", "data": {"certificate": content, "issuing_ca": ca, "ca_chain": [ca],
                                                          "serial_number": colons}})

    def revoke(self, word, body):
        authority = self.server_side.authority
        require(word == "revoke", word)
        serial = self.asked(body, "serial_number")["serial_number"]
        require(re.fullmatch("[0-9a-f]{2}(:[0-9a-f]{2})*", serial), f"serial number {serial}")
        number = int(serial.replace(":", ""), 16)
        if number not in authority.serials():
            return self.problem(400, f"certificate with serial {serial} not found")
        authority.revoked.setdefault(number, 0)
        return self.json(200, {"data": {"revocation_time": int(time.time()), "state": "revoked"}})

    def problem(self, status, words):
        return self.json(status, {"errors": [words]})


class StepHandler(RestHandler):
    """/1.0/sign, /1.0/revoke, /health, /roots; provisioner "ra@example.com" with the key in provisioner.pem."""

    def serve(self, body):
        authority = self.server_side.authority
        if self.command == "GET":
            require(self.path in ("/health", "/roots"), f"GET {self.path}")
            if self.path == "/health":
                return self.json(200, {"status": "ok"})
            return self.json(201, {"crts": [(authority.directory / "ca.pem").read_text()]})
        require(self.command == "POST" and self.path in ("/1.0/sign", "/1.0/revoke"), f"{self.command} {self.path}")
        if self.path == "/1.0/revoke":
            return self.revoke(body)
        asked = self.asked(body, "csr", "ott", "notBefore", "notAfter")
        for date in ("notBefore", "notAfter"):
            require(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", asked[date]), date)
        request = from_pem(asked["csr"], "CERTIFICATE REQUEST")
        claims = self.claims(asked["ott"])
        if claims is None:
            return self.problem(401, "The request lacked necessary authorization to be completed.")
        names = [attribute.value for attribute in x509.load_der_x509_csr(request).subject
                 if attribute.oid == x509.NameOID.COMMON_NAME]
        require(claims["sub"] == names[0], "sub")
        require(claims.get("sans", [names[0] + ".example.com"]) == [names[0] + ".example.com"], f"sans {claims.get('sans')}")
        number, how = authority.submit(request, "device")
        state, content = authority.requests[number]
        if state == "denied":
            return self.problem(403, "The request was forbidden by the certificate authority: " + content)
        ca = (authority.directory / "ca.pem").read_text()
        return self.answer(how, {"crt": content, "ca": ca, "certChain": [content, ca]}, 201)

    def claims(self, token):
        """What a one-time token says, verified; None: not let in."""
        parts = token.split(".")
        require(len(parts) == 3, "no JWT")
        header, claims = (json.loads(unpadded(part)) for part in parts[:2])
        authority = self.server_side.authority
        key = serialization.load_pem_public_key((authority.directory / "provisioner.pem").read_bytes())
        signed, signature = f"{parts[0]}.{parts[1]}".encode(), unpadded(parts[2])
        if isinstance(key, ec.EllipticCurvePublicKey):
            require(header["alg"] == "ES256" and len(signature) == 64, "ES256")
            pair = utils.encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
            key.verify(pair, signed, ec.ECDSA(hashes.SHA256()))
        else:
            require(header["alg"] == "RS256", "RS256")
            key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        require(header["typ"] == "JWT" and header["kid"] == thumbprint(key), f"kid {header['kid']}")
        audience = f"https://127.0.0.1:{self.server_side.port}{self.path}"
        require(claims["aud"] == audience, f"aud {claims['aud']}")
        now = time.time()
        require(claims["nbf"] <= now + 60 and claims["exp"] > now and claims["exp"] - claims["iat"] <= 300, "times")
        if claims["iss"] != "ra@example.com" or (authority.one_time and claims["jti"] in authority.used):
            return None
        authority.used.add(claims["jti"])
        return claims

    def revoke(self, body):
        authority = self.server_side.authority
        asked = self.asked(body, "serial", "ott", "reasonCode", "reason", "passive")
        require(asked["passive"] is True, "passive")
        claims = self.claims(asked["ott"])
        if claims is None:
            return self.problem(401, "The request lacked necessary authorization to be completed.")
        require(claims["sub"] == asked["serial"] and "sans" not in claims, "sub of a revocation")
        number = int(asked["serial"])
        if number not in authority.serials():
            return self.problem(404, "certificate not found")
        if number in authority.revoked:
            return self.problem(400, f"certificate with serial number '{number}' is already revoked")
        authority.revoked[number] = asked["reasonCode"]
        return self.json(200, {"status": "ok"})

    def problem(self, status, words):
        return self.json(status, {"status": status, "message": words})


def thumbprint(key):
    """RFC 7638."""
    def encoded(number):
        return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode().rstrip("=")

    numbers = key.public_numbers()
    if isinstance(key, ec.EllipticCurvePublicKey):
        jwk = {"crv": "P-256", "kty": "EC",
               **{name: base64.urlsafe_b64encode(value.to_bytes(32, "big")).decode().rstrip("=")
                  for name, value in (("x", numbers.x), ("y", numbers.y))}}
    else:
        jwk = {"e": encoded(numbers.e), "kty": "RSA", "n": encoded(numbers.n)}
    digest = hashlib.sha256(json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


HANDLERS = {"ejbca": EjbcaHandler, "vault": VaultHandler, "step": StepHandler}


def rest_server(kind, authority, certificate, key, **options):
    server_class = type("RestServer", (Server,), {"handler": HANDLERS[kind]})
    return server_class(authority, certificate, key, **options)


def main():
    directory = pathlib.Path(sys.argv[1])
    authority = RestAuthority(directory)
    authority.lie = directory / "lie.pem"
    options = {"sign_in": "certificate", "client_ca": directory / "ca.pem"} if sys.argv[2] == "ejbca" else {}
    server = rest_server(sys.argv[2], authority, directory / "server.pem", directory / "server.key", **options)
    drive(authority, server, revoked=lambda _: ",".join(str(reason) for reason in authority.revoked.values()),
          one_time=lambda _: setattr(authority, "one_time", True), forget=lambda _: authority.users.clear(),
          last=lambda member: authority.bodies[-1][member], templates=lambda word: setattr(authority, "templates", (word,)))


if __name__ == "__main__":
    main()
