"""A stand-in for Microsoft's CA behind IIS, strict about what it is sent: web enrollment pages and [MS-WSTEP] service over TLS.

What is submitted is checked with the openssl command: a CMS SignedData by the enrollment agent over the PKCS#10 (or CMC PKIData),
as [MS-WCCE] 3.1.1.4.3 has it. What violates a specification is answered with HTTP 400 and kept in `violations`. Sign-in: none, basic,
negotiate (real Kerberos, through python3-gssapi), certificate (TLS), username-token. Runs in this process, or by itself:
adcs.py DIRECTORY (then `next` and so on are files there, for tests in C++; it prints its port).
"""
import base64
import http.server
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

from stub_server import Listener, tls_context

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://www.w3.org/2005/08/addressing"
TRUST = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
SECEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
AUTHORIZATION = "http://schemas.xmlsoap.org/ws/2006/12/authorization"
ENROLLMENT = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
X509V3 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
PASSWORD_TEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"
TOKEN_TYPES = {SECEXT + "#PKCS7": "pkcs7", ENROLLMENT + "#CMC": "cmc", ENROLLMENT + "#PKCS10": "pkcs10"}
POLICY = "http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy"
REQUEST_AGENT = "1.3.6.1.4.1.311.20.2.1"
UNSUPPORTED = "Denied by Policy Module  0x80094800, The request was for a certificate template that is not supported by the CA."
FIELDS = {"Mode", "CertRequest", "CertAttrib", "FriendlyType", "ThumbPrint", "TargetStoreFlags", "SaveCert"}

ACCEPT = """
import base64, gssapi, sys
credentials = gssapi.Credentials(usage="accept", store={"keytab": "FILE:" + sys.argv[1]})
context = gssapi.SecurityContext(creds=credentials, usage="accept")
context.step(base64.b64decode(sys.stdin.read()))
assert context.complete
print(context.initiator_name)
"""


class Violation(Exception):
    """Something that a specification does not allow."""


def require(condition, words):
    if not condition:
        raise Violation(words)


def openssl(*words, stdin=b""):
    return subprocess.run(["openssl", *map(str, words)], input=stdin, capture_output=True, check=False)


def tag(namespace, name):
    return f"{{{namespace}}}{name}"


class DirectoryTemplate:
    """What the policy service tells of a template; attributes are as [MS-XCEP] 2.2.2 has them."""

    def __init__(self):
        self.signatures = 1
        self.purposes = [REQUEST_AGENT]     # rAEKUs; None: nil
        self.issuances = None               # rAPolicies
        self.enroll = "true"
        self.key_bits = 2048
        self.algorithm = None               # an OID; None: nil
        self.seconds = 200 * 86400
        self.published = ["ours"]           # "ours" and "another"; None: nil
        self.enroll_at_ca = "true"
        self.usages = {"2.5.29.15": "030205a0", "2.5.29.37": "300a06082b06010505070302"}  # extensions: hexadecimal DER

    def set(self, words):
        """NAME=VALUE: a number, text, comma-separated list in [], or nil."""
        name, value = words.split("=", 1)
        assert hasattr(self, name), name
        if value == "nil":
            value = None
        elif value.startswith("["):
            value = [entry for entry in value[1:-1].split(",") if entry]
        elif name == "usages":
            value = dict(entry.split(":") for entry in value.split(","))
        setattr(self, name, int(value) if name in ("signatures", "key_bits", "seconds") else value)


class Authority:
    """The CA: `directory` holds ca.pem, ca.key and agent.pem. `next` says how the next request is treated (as in the contract)."""

    def __init__(self, directory, templates=("device",), demand="pkcs7"):
        self.directory = pathlib.Path(directory)
        self.templates = templates
        self.demand = demand        # the form of request: pkcs7, cmc or pkcs10
        self.next = "issue"
        self.requests = {}          # id: ("issued", PEM) | ("held", CSR DER) | ("denied", words)
        self.keys = []              # public keys of what was issued, in order
        self.lie = None             # a certificate file
        self.delay = 0              # seconds that issuing takes
        self.directory_templates = {name: DirectoryTemplate() for name in templates}
        self.policies = "good"      # how the policy service answers: good, fault, html, nil, dangling, huge, cut
        self.lock = threading.Lock()

    def certification_request(self, submitted):
        """The PKCS#10 in what was submitted, after verifying the agent's signature over it."""
        if self.demand == "pkcs10":
            request = submitted
        else:
            with tempfile.NamedTemporaryFile() as message:
                message.write(submitted)
                message.flush()
                agent = self.directory / "agent.pem"
                verified = openssl("cms", "-verify", "-binary", "-inform", "DER", "-in", message.name, "-certfile", agent, "-nointern",
                                   "-CAfile", agent, "-partial_chain", "-purpose", "any")
                require(verified.returncode == 0, f"the countersignature does not verify: {verified.stderr[-300:]}")
                shown = openssl("cms", "-cmsout", "-print", "-noout", "-inform", "DER", "-in", message.name).stdout.decode()
            content_type = "1.3.6.1.5.5.7.12.2" if self.demand == "cmc" else "1.2.840.113549.1.7.1"
            require(re.search(rf"eContentType:[^\n]*\({re.escape(content_type)}\)|eContentType: id-cct-PKIData|eContentType: pkcs7-data",
                              shown), "another content type")
            require((self.demand == "cmc") == ("PKIData" in shown.split("eContent:")[0]), "not the form of request that is demanded")
            require(shown.count("signatureAlgorithm:") == 2 or shown.count("d.issuerAndSerialNumber") == 1, "not one signer")
            request = self.in_pki_data(verified.stdout) if self.demand == "cmc" else verified.stdout
        proof = openssl("req", "-inform", "DER", "-verify", "-noout", stdin=request)
        require(proof.returncode == 0, f"the PKCS#10 does not verify itself: {proof.stderr[-300:]}")
        return request

    def in_pki_data(self, data):
        """RFC 5272 3.2.1: SEQUENCE { controls, requests { [0] { bodyPartID, PKCS#10 } }, cms, other }."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            lines = openssl("asn1parse", "-inform", "DER", "-in", file.name).stdout.decode().splitlines()
        parsed = [re.match(r"\s*(\d+):d=(\d+)\s+hl=(\d+)\s+l=\s*(\d+) (\w+):\s+(.*?)\s*(:.*)?$", line).groups() for line in lines]
        outer = [(int(at), what) for at, depth, _, _, _, what, _ in parsed if depth == "1"]
        require([what for _, what in outer] == ["SEQUENCE"] * 4, f"PKIData has {outer}")
        requests = [entry for entry in parsed if entry[1] == "2"]
        require(len(requests) == 1 and requests[0][5] == "cont [ 0 ]", "not one tagged certification request")
        inner = [entry for entry in parsed if entry[1] == "3"]
        require([entry[5] for entry in inner] == ["INTEGER", "SEQUENCE"], "no TaggedCertificationRequest")
        at, header, length = (int(inner[1][index]) for index in (0, 2, 3))
        return data[at:at + header + length]

    def issue(self, request):
        with tempfile.TemporaryDirectory() as scratch:
            extensions = pathlib.Path(scratch) / "extensions"
            extensions.write_text("basicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature,keyEncipherment\n"
                                  "extendedKeyUsage = clientAuth\n")
            made = openssl("x509", "-req", "-inform", "DER", "-CA", self.directory / "ca.pem", "-CAkey", self.directory / "ca.key",
                           "-set_serial", "0x" + os.urandom(12).hex().replace("0", "1", 1), "-days", "200", "-sha256",
                           "-extfile", extensions, stdin=request)
        require(made.returncode == 0, made.stderr.decode())
        with self.lock:
            self.keys.append(openssl("x509", "-noout", "-pubkey", stdin=made.stdout).stdout)
        return made.stdout.decode()

    def treatment(self):
        with self.lock:
            how, self.next = self.next, "issue"
        return how

    def submit(self, submitted, template):
        """(id, how it was treated)."""
        request = self.certification_request(submitted)
        how = self.treatment()
        if template not in self.templates:
            how = "reject"
        with self.lock:
            number = str(len(self.requests) + 11)
            self.requests[number] = ("held", request)
        if how == "reject":
            self.requests[number] = ("denied", UNSUPPORTED)
        elif how == "lie":
            self.requests[number] = ("issued", pathlib.Path(self.lie).read_text())
        elif how != "hold":
            time.sleep(self.delay)
            self.requests[number] = ("issued", self.issue(request))
        return number, how

    def release(self):
        for number, (state, content) in list(self.requests.items()):
            if state == "held":
                self.requests[number] = ("issued", self.issue(content))

    def deny(self):
        for number, (state, _) in list(self.requests.items()):
            if state == "held":
                self.requests[number] = ("denied", "Denied by CORP\\officer")


class Server(Listener):
    """IIS in front of an Authority. Promises that close() ends its threads."""

    handler = None              # a subclass of Handler that speaks something else

    def __init__(self, authority, certificate=None, key=None, sign_in="none", users=None, client_ca=None, keytab=None,
                 host="127.0.0.1"):
        self.authority, self.sign_in, self.users, self.keytab = authority, sign_in, users or {}, keytab
        self.violations = []
        self.seen = []              # who signed in
        self.status = None          # answer everything with this status
        self.context = tls_context(certificate, key, client_ca)  # None: plain HTTP
        self.host = host
        self.start()

    def handler_class(self):
        return type("Handler", (self.handler or Handler,), {"server_side": self})

    def close(self):
        self.stop()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_side = None
    timeout = 60

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.handle_one(b"")

    def do_POST(self):
        self.handle_one(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def handle_one(self, body):
        side = self.server_side
        try:
            if side.status is not None:
                return self.page(side.status, "<html><body>Server Error in '/' Application.</body></html>")
            if not self.signed_in():
                return None
            return self.serve(body)
        except Violation as violation:
            side.violations.append(str(violation))
            return self.page(400, f"violation: {violation}")

    def serve(self, body):
        if self.path.startswith("/certsrv/"):
            return self.certsrv(body)
        if self.path == "/CEP/service.svc/CEP":
            return self.policy_service(body)
        require(self.path == "/CA_CES/service.svc/CES", f"path {self.path}")
        return self.service(body)

    # --- answering -----------------------------------------------------------------------------------------------------------

    def send(self, status, content_type, body, headers=()):
        octets = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(octets)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(octets)

    def page(self, status, text, headers=()):
        self.send(status, "text/html", text, headers)

    def lose(self, how, content_type, body):
        """Nothing, or half of it."""
        octets = body if isinstance(body, bytes) else body.encode()
        if how == "cut_the_answer":
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets[:len(octets) // 2])
            self.wfile.flush()
        self.close_connection = True
        self.connection.close()

    # --- sign-in -------------------------------------------------------------------------------------------------------------

    def signed_in(self):
        side, header = self.server_side, self.headers.get("Authorization", "")
        if side.sign_in == "basic":
            good = {"Basic " + base64.b64encode(f"{user}:{password}".encode()).decode(): user for user, password in side.users.items()}
            if header in good:
                side.seen.append(good[header])
                return True
            self.page(401, "401 - Unauthorized", [("WWW-Authenticate", 'Basic realm="certsrv"')])
            return False
        if side.sign_in == "negotiate":
            return self.negotiated(header)
        require(not header, "an Authorization header nobody asked for")
        if side.sign_in == "certificate":
            require(self.connection.getpeercert() is not None, "no client certificate")
            side.seen.append(dict(pair[0] for pair in self.connection.getpeercert()["subject"])["commonName"])
        return True

    def negotiated(self, header):
        if not header.startswith("Negotiate "):
            self.page(401, "401 - Unauthorized", [("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "NTLM")])
            return False
        # python3-gssapi belongs to Debian's Python, which need not be this one.
        accepted = subprocess.run(["/usr/bin/python3", "-c", ACCEPT, str(self.server_side.keytab)], input=header[10:].encode(),
                                  capture_output=True, check=False)
        if accepted.returncode != 0:
            self.page(401, "401 - Unauthorized", [("WWW-Authenticate", "Negotiate")])
            return False
        self.server_side.seen.append(accepted.stdout.decode().strip())
        return True

    # --- web enrollment pages ------------------------------------------------------------------------------------------------

    def certsrv(self, body):
        require("Mozilla" in self.headers.get("User-Agent", ""), "the pages are for browsers")
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        authority = self.server_side.authority
        if url.path == "/certsrv/certfnsh.asp":
            return self.certfnsh(body)
        if url.path == "/certsrv/certnew.cer":
            require(query.get("Enc") == "b64", "Enc")
            return self.certnew(query["ReqID"])
        if url.path == "/certsrv/certcarc.asp":
            return self.page(200, "<script>\nvar nRenewals=0;\n</script>")
        require(url.path == "/certsrv/certnew.p7b", f"page {url.path}")
        bag = openssl("crl2pkcs7", "-nocrl", "-certfile", authority.directory / "ca.pem", "-outform", "DER")
        return self.send(200, "application/x-pkcs7-certificates", bag.stdout)

    def certfnsh(self, body):
        require(self.command == "POST", "certfnsh.asp wants POST")
        require(self.headers.get("Content-Type") == "application/x-www-form-urlencoded", "not a form")
        form = dict(urllib.parse.parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True))
        require(set(form) == FIELDS, f"fields {sorted(form)}")
        require(form["Mode"] == "newreq" and form["TargetStoreFlags"] == "0", "Mode or TargetStoreFlags")
        pem = re.fullmatch(r"-----BEGIN ([A-Z0-9 ]+)-----\n([A-Za-z0-9+/=\n]+)-----END \1-----\n", form["CertRequest"])
        require(pem, "CertRequest is no PEM")
        attributes = dict(line.split(":", 1) for line in form["CertAttrib"].split("\r\n") if line)
        require(set(attributes) == {"CertificateTemplate"}, f"attributes {attributes}")
        authority = self.server_side.authority
        number, how = authority.submit(base64.b64decode(pem[2]), attributes["CertificateTemplate"])
        state, content = authority.requests[number]
        if state == "denied":
            text = ("<html><title>Microsoft Active Directory Certificate Services</title><P ID=locPageTitle><B>Certificate Request Denied"
                    f"</B><P> Your certificate request was denied.<P> Your Request Id is {number}. The disposition message is "
                    f"\"{content}\".</html>")
        elif state == "held":
            text = ("<html><P ID=locPageTitle> <B> Certificate Pending </B> <P> Your certificate request has been received. However, you "
                    f"must wait for an administrator to issue the certificate you requested. <P> Your Request Id is {number}.</html>")
        else:
            text = ("<html><P ID=locPageTitle> <B> Certificate Issued </B> <P> The certificate you requested was issued to you. "
                    f"<A Href=\"certnew.cer?ReqID={number}&amp;Enc=b64\">Download certificate</A> "
                    f"<script>location=\"certnew.cer?ReqID={number}&\"+getEncoding();</script></html>")
        if how == "html":
            return self.page(200, "<html><body>Welcome to our new portal</body></html>")
        if how in ("lose_the_answer", "cut_the_answer"):
            return self.lose(how, "text/html", "<html>" + " " * 2000 + text)
        return self.page(200, text)

    def certnew(self, number):
        state, content = self.server_side.authority.requests.get(number, ("denied", "0x80094002"))
        if state == "issued":
            return self.send(200, "application/pkix-cert", content)
        if state == "held":
            return self.page(200, f"<html>The request {number} is Taken Under Submission</html>")
        return self.page(200, f"<html>Certificate Request Denied. The disposition message is \"{content}\".</html>")

    # --- the enrollment web service ------------------------------------------------------------------------------------------

    def service(self, body):
        if self.command == "GET":
            return self.page(200, "<html>This is a Windows Communication Foundation service.</html>")
        require(self.headers.get("Content-Type", "").replace(" ", "") == "application/soap+xml;charset=utf-8", "Content-Type")
        root = ElementTree.fromstring(body)
        require(root.tag == tag(SOAP, "Envelope"), "no SOAP 1.2 envelope")
        require([child.tag for child in root] == [tag(SOAP, "Header"), tag(SOAP, "Body")], "header and body")
        header, soap_body = root
        self.check_header(header)
        require(len(soap_body) == 1 and soap_body[0].tag == tag(TRUST, "RequestSecurityToken"), "one RequestSecurityToken")
        request = soap_body[0]
        require(request.findtext(tag(TRUST, "TokenType")) == X509V3, "TokenType")
        kind = request.findtext(tag(TRUST, "RequestType"))
        message_id = header.findtext(tag(ADDRESSING, "MessageID"))
        if kind == ENROLLMENT + "/QueryTokenStatus":
            require([child.tag for child in request[2:]] == [tag(ENROLLMENT, "RequestID")], "elements of QueryTokenStatus")
            return self.token_answer(request.findtext(tag(ENROLLMENT, "RequestID")), "issue", message_id)
        require(kind == TRUST + "/Issue", f"RequestType {kind}")
        return self.issue_token(request, message_id)

    def check_header(self, header, wanted_action=ENROLLMENT + "/RST/wstep", path="/CA_CES/service.svc/CES"):
        side = self.server_side
        action, to = header.find(tag(ADDRESSING, "Action")), header.find(tag(ADDRESSING, "To"))
        require(action.text == wanted_action, f"Action {action.text}")
        require(action.get(tag(SOAP, "mustUnderstand")) == to.get(tag(SOAP, "mustUnderstand")) == "1", "mustUnderstand")
        require(to.text.endswith(path) and to.text.startswith("https://"), f"To {to.text}")
        require(re.fullmatch("urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
                             header.findtext(tag(ADDRESSING, "MessageID"))), "MessageID")
        security = header.find(tag(SECEXT, "Security"))
        require((security is not None) == (side.sign_in == "username-token"), "WS-Security header")
        if security is not None:
            token = security.find(tag(SECEXT, "UsernameToken"))
            password = token.find(tag(SECEXT, "Password"))
            require(password.get("Type") == PASSWORD_TEXT, "password type")
            user = token.findtext(tag(SECEXT, "Username"))
            require(side.users.get(user) == password.text, "wrong user name or password")
            side.seen.append(user)

    def issue_token(self, request, message_id):
        require([child.tag for child in request[2:]] == [tag(SECEXT, "BinarySecurityToken"), tag(AUTHORIZATION, "AdditionalContext"),
                                                         tag(ENROLLMENT, "RequestID")], "elements of the request")
        token, context, number = request[2:]
        require(number.get(tag(INSTANCE, "nil")) == "true", "RequestID must be nil")
        require(TOKEN_TYPES.get(token.get("ValueType")) == self.server_side.authority.demand, f"ValueType {token.get('ValueType')}")
        require(token.get("EncodingType") == SECEXT + "#base64binary", "EncodingType")
        items = {item.get("Name"): item.findtext(tag(AUTHORIZATION, "Value")) for item in context}
        require(set(items) == {"CertificateTemplate"}, f"context {items}")
        number, how = self.server_side.authority.submit(base64.b64decode(token.text, validate=True), items["CertificateTemplate"])
        return self.token_answer(number, how, message_id)

    def token_answer(self, number, how, message_id):
        state, content = self.server_side.authority.requests.get(number, ("denied", "no such request 0x80094002"))
        if state == "denied":
            return self.fault(number, content, message_id)
        token = ""
        if state == "issued":
            der = re.sub("-----[A-Z ]+-----|\n", "", content[content.index("-----BEGIN"):])
            wrapped = "\r\n".join(der[at:at + 64] for at in range(0, len(der), 64))
            token = (f'<RequestedSecurityToken><BinarySecurityToken ValueType="{X509V3}" EncodingType="{SECEXT}#base64binary" '
                     f'xmlns="{SECEXT}">{wrapped}</BinarySecurityToken></RequestedSecurityToken>')
        disposition = "Issued" if state == "issued" else "Taken Under Submission"
        text = (f'<s:Envelope xmlns:a="{ADDRESSING}" xmlns:s="{SOAP}"><s:Header><a:Action s:mustUnderstand="1">{ENROLLMENT}/RSTRC/wstep'
                f'</a:Action><a:RelatesTo>{message_id}</a:RelatesTo></s:Header><s:Body>'
                f'<RequestSecurityTokenResponseCollection xmlns="{TRUST}"><RequestSecurityTokenResponse><TokenType>{X509V3}</TokenType>'
                f'<DispositionMessage xml:lang="en-US" xmlns="{ENROLLMENT}">{disposition}</DispositionMessage>{token}'
                f'<RequestID xmlns="{ENROLLMENT}">{number}</RequestID></RequestSecurityTokenResponse>'
                '</RequestSecurityTokenResponseCollection></s:Body></s:Envelope>')
        if how == "html":
            return self.page(200, "<html><body>Welcome to our new portal</body></html>")
        if how in ("lose_the_answer", "cut_the_answer"):
            return self.lose(how, "application/soap+xml; charset=utf-8", text)
        return self.send(200, "application/soap+xml; charset=utf-8", text)

    # --- the enrollment policy service ---------------------------------------------------------------------------------------

    def policy_service(self, body):
        """[MS-XCEP] 3.1.4.1: GetPolicies, all of them."""
        require(self.command == "POST", f"{self.command} of the policy service")
        require(self.headers.get("Content-Type", "").replace(" ", "") == "application/soap+xml;charset=utf-8", "Content-Type")
        root = ElementTree.fromstring(body)
        require(root.tag == tag(SOAP, "Envelope"), "no SOAP 1.2 envelope")
        require([child.tag for child in root] == [tag(SOAP, "Header"), tag(SOAP, "Body")], "header and body")
        header, soap_body = root
        self.check_header(header, POLICY + "/IPolicy/GetPolicies", "/CEP/service.svc/CEP")
        require(len(soap_body) == 1 and soap_body[0].tag == tag(POLICY, "GetPolicies"), "one GetPolicies")
        request = soap_body[0]
        require([child.tag for child in request] == [tag(POLICY, "client"), tag(POLICY, "requestFilter")], "elements of GetPolicies")
        client, request_filter = request
        require([child.tag for child in client] == [tag(POLICY, "lastUpdate"), tag(POLICY, "preferredLanguage")], "elements of client")
        for node in (*client, request_filter):
            require(node.get(tag(INSTANCE, "nil")) == "true" and not len(node) and not node.text, f"{node.tag} must be nil")
        message_id = header.findtext(tag(ADDRESSING, "MessageID"))
        how = self.server_side.authority.policies
        if how == "html":
            return self.page(200, "<html><body>Welcome to our new portal</body></html>")
        if how == "fault":
            return self.soap(500, "<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en-US\">"
                             "The directory is away</s:Text></s:Reason></s:Fault>", "fault", message_id)
        text = self.policies_answer(how)
        if how == "cut":
            return self.lose("cut_the_answer", "application/soap+xml; charset=utf-8", text)
        return self.soap(200, text, POLICY + "/IPolicy/GetPoliciesResponse", message_id)

    def soap(self, status, body, action, message_id):
        self.send(status, "application/soap+xml; charset=utf-8",
                  f'<s:Envelope xmlns:a="{ADDRESSING}" xmlns:s="{SOAP}"><s:Header><a:Action s:mustUnderstand="1">{action}</a:Action>'
                  f'<a:RelatesTo>{message_id}</a:RelatesTo></s:Header><s:Body xmlns:xsi="{INSTANCE}">{body}</s:Body></s:Envelope>')

    def policies_answer(self, how):
        authority = self.server_side.authority
        oids = {}

        def reference(oid):
            number = oids.setdefault(oid, len(oids))
            return number + 1000 if how == "dangling" else number

        def collection(name, entry, values):
            if values is None:
                return f'<{name} xsi:nil="true"/>'
            return f"<{name}>" + "".join(f"<{entry}>{value}</{entry}>" for value in values) + f"</{name}>"

        def references(name, values):
            return collection(name, "oIDReference", None if values is None else map(reference, values))

        def policy(name, one):
            cas = None if one.published is None else [{"ours": 0, "another": 1}[which] for which in one.published]
            extensions = "".join(f"<extension><oIDReference>{reference(oid)}</oIDReference><critical>false</critical>"
                                 f"<value>{base64.b64encode(bytes.fromhex(der)).decode()}</value></extension>"
                                 for oid, der in one.usages.items())
            algorithm = '<algorithmOIDReference xsi:nil="true"/>' if one.algorithm is None else \
                f"<algorithmOIDReference>{reference(one.algorithm)}</algorithmOIDReference>"
            requirements = '<rARequirements xsi:nil="true"/>' if one.signatures == 0 else \
                (f"<rARequirements><rASignatures>{one.signatures}</rASignatures>{references('rAEKUs', one.purposes)}"
                 f"{references('rAPolicies', one.issuances)}</rARequirements>")
            return (f"<policy><policyOIDReference>{reference('1.3.6.1.4.1.311.21.8.1.2.3')}</policyOIDReference>"
                    f"{collection('cAs', 'cAReference', cas)}<attributes><commonName>{name}</commonName><policySchema>2</policySchema>"
                    f"<certificateValidity><validityPeriodSeconds>{one.seconds}</validityPeriodSeconds><renewalPeriodSeconds>3628800"
                    f"</renewalPeriodSeconds></certificateValidity><permission><enroll>{one.enroll}</enroll><autoEnroll>false</autoEnroll>"
                    f"</permission><privateKeyAttributes><minimalKeyLength>{one.key_bits}</minimalKeyLength><keySpec>1</keySpec>"
                    f'<keyUsageProperty xsi:nil="true"/><permissions xsi:nil="true"/>{algorithm}<cryptoProviders xsi:nil="true"/>'
                    "</privateKeyAttributes><revision><majorRevision>100</majorRevision><minorRevision>3</minorRevision></revision>"
                    '<supersededPolicies xsi:nil="true"/><privateKeyFlags>0</privateKeyFlags><subjectNameFlags>1</subjectNameFlags>'
                    "<enrollmentFlags>0</enrollmentFlags><generalFlags>131649</generalFlags>"
                    f'<hashAlgorithmOIDReference xsi:nil="true"/>{requirements}<keyArchivalAttributes xsi:nil="true"/>'
                    f"<extensions>{extensions}</extensions></attributes></policy>")

        def ca(number, file, enroll):
            der = re.sub("-----[A-Z ]+-----|\n", "", file.read_text())
            return ("<cA><uris><cAURI><clientAuthentication>2</clientAuthentication><uri>https://ces.example/CES</uri><priority>1</priority>"
                    f"<renewalOnly>false</renewalOnly></cAURI></uris><certificate>{der}</certificate><enrollPermission>{enroll}"
                    f"</enrollPermission><cAReferenceID>{number}</cAReferenceID></cA>")

        known = authority.directory_templates
        policies = None if how == "nil" else "".join(policy(name, one) for name, one in known.items())
        enroll = next((one.enroll_at_ca for one in known.values()), "true")
        text = ('<policyID>{9d4a3a1e}</policyID><policyFriendlyName xsi:nil="true"/><nextUpdateHours>8</nextUpdateHours>'
                '<policiesNotChanged xsi:nil="true"/>' +
                ('<policies xsi:nil="true"/>' if policies is None else f"<policies>{policies}</policies>"))
        table = "".join(f"<oID><value>{oid}</value><group>7</group><oIDReferenceID>{number}</oIDReferenceID><defaultName>{oid}"
                        "</defaultName></oID>" for oid, number in oids.items())
        filler = " " * (5 * 1024 * 1024) if how == "huge" else ""
        return (f'<GetPoliciesResponse xmlns="{POLICY}"><response>{text}</response><cAs>{ca(0, authority.directory / "ca.pem", enroll)}'
                f'{ca(1, authority.directory / "agent.pem", "true")}</cAs><oIDs>{table}</oIDs>{filler}</GetPoliciesResponse>')

    def fault(self, number, words, message_id):
        code = re.search("0x[0-9A-Fa-f]{8}", words)
        signed = int(code[0], 16) - 2**32 if code else -2146885612
        self.send(500, "application/soap+xml; charset=utf-8",
                  f'<s:Envelope xmlns:a="{ADDRESSING}" xmlns:s="{SOAP}"><s:Header><a:Action s:mustUnderstand="1">{ENROLLMENT}'
                  f'/CertificateEnrollmentWSDetailFault</a:Action><a:RelatesTo>{message_id}</a:RelatesTo></s:Header><s:Body><s:Fault>'
                  f'<s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text xml:lang="en-US">{words}</s:Text></s:Reason>'
                  f'<s:Detail><CertificateEnrollmentWSDetail xmlns="{ENROLLMENT}"><BinaryResponse xsi:nil="true" xmlns:xsi="{INSTANCE}"/>'
                  f'<ErrorCode>{signed}</ErrorCode><InvalidRequest>true</InvalidRequest><RequestID>{number}</RequestID>'
                  '</CertificateEnrollmentWSDetail></s:Detail></s:Fault></s:Body></s:Envelope>')


def drive(authority, server, **more):
    """Commands on standard input, an answer line for each: next HOW, release, made, status N, stop, start, violations, and `more`."""
    known = {
        "next": lambda word: setattr(authority, "next", word),
        "release": lambda _: authority.release(),
        "deny": lambda _: authority.deny(),
        "made": lambda _: sum(state == "issued" for state, _ in authority.requests.values()),
        "status": lambda word: setattr(server, "status", int(word) or None),
        "template": lambda words: authority.directory_templates["device"].set(words),
        "policies": lambda word: setattr(authority, "policies", word),
        "stop": lambda _: server.stop(),
        "start": lambda _: server.start(),
        "violations": lambda _: " | ".join(server.violations).replace("\n", " "),
        **more,
    }
    print(server.port, flush=True)
    for line in sys.stdin:
        word, _, argument = line.strip().partition(" ")
        answer = known[word](argument)
        print("done" if answer is None else answer, flush=True)


def main():
    directory = pathlib.Path(sys.argv[1])
    authority = Authority(directory, demand=sys.argv[2])
    authority.lie = directory / "lie.pem"
    drive(authority, Server(authority, directory / "server.pem", directory / "server.key"))


if __name__ == "__main__":
    main()
