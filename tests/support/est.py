"""A stand-in for an EST server (RFC 7030), strict about what it is sent, octet for octet.

Paths, media types, the transfer encoding and the DER inside are checked; a full CMC request is verified and taken apart with the
openssl command (adcs.Authority); TLS client certificates or Basic in front. Runs in this process or by itself: est.py DIRECTORY
cmc|pkcs10 [certificate|basic].
"""
import base64
import pathlib
import re
import sys
import tempfile

from adcs import Authority, Handler, Server, drive, openssl, require

OPERATIONS = {"simpleenroll": "pkcs10", "simplereenroll": "pkcs10", "fullcmc": "cmc"}
TYPES = {"pkcs10": "application/pkcs10", "cmc": "application/pkcs7-mime; smime-type=CMC-request"}


class EstAuthority(Authority):
    """An Authority asked again with the same octets: `handed_in` maps them to the request."""

    def __init__(self, directory, demand):
        super().__init__(directory, demand=demand)
        self.handed_in = {}
        self.operations = []
        self.retry_after = "0"

    def enroll(self, submitted):
        if submitted in self.handed_in:
            return self.handed_in[submitted], self.treatment()
        number, how = self.submit(submitted, "device")
        if self.requests[number][0] == "held":
            self.handed_in[submitted] = number
        return number, how


class EstHandler(Handler):
    """/.well-known/est/LABEL/OPERATION."""

    def serve(self, body):
        match = re.fullmatch("/.well-known/est/devices/([a-z]+)", self.path)
        require(match, f"path {self.path}")
        operation = match[1]
        authority = self.server_side.authority
        if operation == "cacerts":
            require(self.command == "GET", "cacerts wants GET")
            return self.certificates((authority.directory / "ca.pem").read_bytes(), "issue")
        require(self.command == "POST" and operation in OPERATIONS, f"{self.command} {operation}")
        authority.operations.append(operation)
        require(OPERATIONS[operation] == authority.demand, f"{operation}, and {authority.demand} is demanded")
        require(self.headers.get("Content-Type") == TYPES[authority.demand], f"Content-Type {self.headers.get('Content-Type')}")
        require(self.headers.get("Content-Transfer-Encoding") == "base64", "Content-Transfer-Encoding")
        text = body.decode("ascii")
        submitted = base64.b64decode(text.replace("\n", ""), validate=True)
        lines = base64.b64encode(submitted).decode()
        require(text == "".join(lines[at:at + 64] + "\n" for at in range(0, len(lines), 64)), "not base64 in lines of 64")
        number, how = authority.enroll(submitted)
        state, content = authority.requests[number]
        if state == "held":
            return self.send(202, "text/plain", "an officer looks at it", [("Retry-After", authority.retry_after)])
        if state == "denied":
            return self.refuse(content)
        if how == "html":
            return self.page(200, "<html>Welcome</html>")
        if how == "nothing":
            return self.send(200, "application/pkcs7-mime; smime-type=certs-only", b"")
        if how == "full":
            return self.full_response(content, 0, 200)
        return self.certificates(content.encode(), how)

    def refuse(self, words):
        if self.server_side.authority.demand == "cmc":
            return self.full_response(None, 2, 400)
        return self.send(400, "text/plain", words)

    def encoded(self, der):
        text = base64.b64encode(der).decode()
        return "".join(text[at:at + 76] + "\r\n" for at in range(0, len(text), 76))

    def certificates(self, pem, how):
        with tempfile.NamedTemporaryFile() as file:
            file.write(pem)
            file.flush()
            bag = openssl("crl2pkcs7", "-nocrl", "-certfile", file.name, "-outform", "DER")
        body = self.encoded(bag.stdout)
        content_type = "application/pkcs7-mime; smime-type=certs-only"
        if how in ("lose_the_answer", "cut_the_answer"):
            return self.lose(how, content_type, body)
        return self.send(200, content_type, body, [("Content-Transfer-Encoding", "base64")])

    def full_response(self, pem, cmc_status, http_status):
        """A full PKI response (RFC 5272 3.2.2) by the CA, with CMCStatusInfoV2."""
        directory = self.server_side.authority.directory
        oid = bytes.fromhex("06082b06010505070719")
        words = b"Denied by Policy Module"
        failure = bytes.fromhex("020102") if cmc_status else b""
        status = der(0x30, bytes([2, 1, cmc_status]), der(0x30, b"\x02\x01\x01"), der(0x0c, words) if cmc_status else b"", failure)
        control = der(0x30, b"\x02\x01\x01", oid, der(0x31, status))
        response = der(0x30, der(0x30, control), der(0x30), der(0x30))
        with tempfile.TemporaryDirectory() as scratch:
            extra = []
            if pem:
                (pathlib.Path(scratch) / "issued.pem").write_text(pem)
                extra = ["-certfile", f"{scratch}/issued.pem"]
            signed = openssl("cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-econtent_type", "1.3.6.1.5.5.7.12.3",
                             "-signer", directory / "ca.pem", "-inkey", directory / "ca.key", *extra, stdin=response)
        require(signed.returncode == 0, signed.stderr)
        return self.send(http_status, "application/pkcs7-mime; smime-type=CMC-response", self.encoded(signed.stdout))


def der(tag, *parts):
    content = b"".join(parts)
    length = bytes([len(content)]) if len(content) < 0x80 else bytes([0x81, len(content)])
    return bytes([tag]) + length + content


class EstServer(Server):
    handler = EstHandler


def main():
    directory = pathlib.Path(sys.argv[1])
    authority = EstAuthority(directory, sys.argv[2])
    authority.lie = directory / "lie.pem"
    options = {}
    if "certificate" in sys.argv[3:]:
        options = {"sign_in": "certificate", "client_ca": directory / "ca.pem"}
    if "basic" in sys.argv[3:]:
        options = {"sign_in": "basic", "users": {"ra": "tea & biscuits"}}
    server = EstServer(authority, directory / "server.pem", directory / "server.key", **options)
    drive(authority, server, operations=lambda _: ",".join(authority.operations), forget=lambda _: authority.handed_in.clear(),
          retry_after=lambda word: setattr(authority, "retry_after", word), seen=lambda _: ",".join(server.seen))


if __name__ == "__main__":
    main()
