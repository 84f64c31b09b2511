"""A stand-in for Entra, Microsoft Graph and Intune, as microsoft/Intune-Resource-Access (Java and C#) speaks to them.

Strict about what it is sent: what those libraries would never send is kept in `violations` and answered with HTTP 400. Runs in this
process, all three services on one port. Tokens, service addresses, challenges and revocation requests are the test's to change.
"""
import base64
import datetime
import hashlib
import json
import re
import secrets
import time
import urllib.parse

from instance import run, run_ok
from stub_server import StubServer

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
ISO8601 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)")
SERVICE_APPLICATION = "0000000a-0000-0000-c000-000000000000"
CODES = """CertificateRequestDecodingFailed ChallengePasswordMissing ChallengeDeserializationError ChallengeDecryptionError
ChallengeDecodingError ChallengeInvalidTimestamp ChallengeExpired SubjectNameMissing SubjectNameMismatch SubjectAltNameMissing
SubjectAltNameMismatch KeyUsageMismatch KeyLengthMismatch EnhancedKeyUsageMissing EnhancedKeyUsageMismatch AadKeyIdentifierListMissing
RegisteredKeyMismatch SigningCertThumbprintMismatch ScepProfileNoLongerTargetedToTheClient SignatureValidationFailed
BadCertificateRequestIdInChallenge BadDeviceIdInChallenge BadUserIdInChallenge""".split()
REVOCATION_CODES = """None NonRetryableServiceException DataSerializationError ParameterDataInvalidError CryptographyError
CertificateNotFoundError ConflictError NotSupportedError PayloadTooLargeError RetryableServiceException ServiceUnavailableException
ServiceTooBusyException AuthenticationException""".split()


class Violation(Exception):
    """Something that Microsoft's own libraries never send."""


def require(condition, words):
    if not condition:
        raise Violation(words)


def segment(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Intune(StubServer):
    def __init__(self, certificate, key, tenant="example.onmicrosoft.com", client_id="11111111-2222-3333-4444-555555555555",
                 secret="s3cr&t=%", assertion_certificate=None, **options):
        self.tenant, self.client_id, self.secret, self.assertion_certificate = tenant, client_id, secret, assertion_certificate
        self.violations = []
        self.life = 3600              # of tokens, in seconds
        self.tokens = {}              # token -> (scope, end)
        self.place = "scep-1"         # part of the services' address
        self.challenges = {}          # text -> expected subject, as openssl prints it
        self.verdict = None           # a code that every validateRequest is answered with
        self.report_verdict = "Success"
        self.troubles = {}            # action -> a status, "slow", "garbage", "flood", "lose", "empty"
        self.delay = 0
        self.validated = []           # transactions, each time one is asked about
        self.successes, self.failures = {}, {}  # by transaction: the notification taken last
        self.revocations = {}         # context -> request, until a result was uploaded
        self.results = []
        self.count = {}               # calls by action
        super().__init__(certificate, key, **options)

    # --- for tests -------------------------------------------------------------------------------------------------------------

    def challenge(self, subject):
        """A challenge as an MDM profile carries it: kilobytes of base64, meaningless to everybody else."""
        text = base64.b64encode(b"\x30\x82" + secrets.token_bytes(3000)).decode()
        self.challenges[text] = subject
        return text

    def revoke_tokens(self):
        self.tokens.clear()

    def move(self):
        self.place += "x"

    def ask_revocation(self, serial, ca="default", issuer="CN=CA"):
        context = "context-" + secrets.token_hex(8)
        self.revocations[context] = {"requestContext": context, "serialNumber": serial, "issuerName": issuer, "caConfiguration": ca}
        return context

    # --- the services ----------------------------------------------------------------------------------------------------------

    def answer(self, method, path, headers, body):
        action = self.action_of(path)
        with self.lock:
            self.count[action] = self.count.get(action, 0) + 1
            trouble = self.troubles.get(action)
        if trouble == "slow":
            time.sleep(self.delay)
        elif trouble == "lose":
            return None
        elif trouble == "garbage":
            return 200, {"Content-Type": "application/json"}, b"\xff\xfe<html>"
        elif trouble == "empty":
            return 200, {"Content-Type": "application/json"}, b"{}"
        elif trouble == "flood":
            return 200, {"Content-Type": "application/json"}, b'{"code":"Success","x":"' + b"x" * (8 * 1024 * 1024) + b'"}'
        elif trouble is not None:
            return self.json(trouble, {"errorCode": "InternalError", "message": "as the test wants it"})
        try:
            return getattr(self, action)(method, path, headers, body)
        except Violation as violation:
            self.violations.append(str(violation))
            return self.json(400, {"error": str(violation)})

    def action_of(self, path):
        if path == f"/{self.tenant}/oauth2/v2.0/token":
            return "token"
        if path == f"/v1.0/servicePrincipals/appId={SERVICE_APPLICATION}/endpoints":
            return "discovery"
        service = f"/{self.place}/"
        actions = {f"{service}ScepActions/{name}": name for name in ("validateRequest", "successNotification", "failureNotification")}
        actions |= {f"{service}pki/CertificateAuthorityRequests/{name}": name
                    for name in ("downloadRevocationRequests", "uploadRevocationResults")}
        return actions.get(path, "nothing")

    @staticmethod
    def json(status, value):
        return status, {"Content-Type": "application/json"}, json.dumps(value).encode()

    def nothing(self, *_):
        return self.json(404, {"error": {"code": "NotFound", "message": "no such resource"}})

    def token(self, method, _path, headers, body):
        require(method == "POST" and headers.get("content-type") == "application/x-www-form-urlencoded", "token request")
        form = {name: values[0] for name, values in urllib.parse.parse_qs(body.decode(), strict_parsing=True).items()}
        require(form.get("grant_type") == "client_credentials" and form.get("client_id") == self.client_id, f"token form {form}")
        scopes = (f"{self.url}/.default", "https://api.manage.microsoft.com//.default")
        require(form.get("scope") in scopes, f"scope {form.get('scope')}")
        if not self.known(form):
            return self.json(401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."})
        token = secrets.token_urlsafe(900)
        self.tokens[token] = (form["scope"], time.time() + self.life)
        return self.json(200, {"token_type": "Bearer", "expires_in": self.life, "ext_expires_in": self.life, "access_token": token})

    def known(self, form):
        if self.assertion_certificate is None:
            return form.get("client_secret") == self.secret
        require("client_secret" not in form, "both a secret and an assertion")
        require(form.get("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "assertion type")
        header, claims, signature = form["client_assertion"].split(".")
        said = json.loads(segment(claims))
        der = run_ok("openssl", "x509", "-in", self.assertion_certificate, "-outform", "DER").stdout
        require(segment(json.loads(segment(header))["x5t"]) == hashlib.sha1(der).digest(), "x5t")
        require(said["iss"] == said["sub"] == self.client_id and said["aud"].endswith(f"/{self.tenant}/oauth2/v2.0/token"), "claims")
        require(said["nbf"] <= time.time() <= said["exp"] and GUID.fullmatch(said["jti"]), "times of the assertion")
        directory = self.assertion_certificate.parent
        (directory / "assertion.sig").write_bytes(segment(signature))
        public = run_ok("openssl", "x509", "-in", self.assertion_certificate, "-noout", "-pubkey").stdout
        (directory / "assertion.pub").write_bytes(public)
        return run("openssl", "dgst", "-sha256", "-verify", directory / "assertion.pub", "-signature", directory / "assertion.sig",
                   stdin=f"{header}.{claims}".encode()).returncode == 0

    def authorized(self, headers, scope):
        require(GUID.fullmatch(headers.get("client-request-id", "")), "client-request-id")
        scheme, _, token = headers.get("authorization", "").partition(" ")
        require(scheme == "Bearer", "no bearer token")
        known = self.tokens.get(token)
        return known is not None and known[0] == scope and time.time() < known[1]

    def discovery(self, method, _path, headers, _body):
        require(method == "GET", "discovery by " + method)
        if not self.authorized(headers, f"{self.url}/.default"):
            return self.json(401, {"error": {"code": "InvalidAuthenticationToken", "message": "Access token has expired."}})
        address = f"{self.url}/{self.place}"
        return self.json(200, {"value": [{"providerName": "SomethingElse", "uri": self.url},
                                         {"providerName": "ScepRequestValidationFEService", "uri": address},
                                         {"providerName": "PkiConnectorFEService", "uri": address + "/pki"}]})

    def request_of(self, method, headers, body, version):
        """The JSON of a call to Intune; None: the token is no good."""
        require(method == "POST" and headers.get("content-type", "").startswith("application/json"), "not a POST of JSON")
        require(headers.get("api-version") == version, f"api-version {headers.get('api-version')}")
        require(headers.get("useragent"), "no header UserAgent")
        if not self.authorized(headers, "https://api.manage.microsoft.com//.default"):
            return None
        return json.loads(body)

    UNAUTHORIZED = {"errorCode": "Unauthorized", "message": "the token is expired"}

    def members(self, value, names):
        require(isinstance(value, dict) and set(value) == set(names.split()), f"members {value}")
        for name, member in value.items():
            require(name == "hResult" or (isinstance(member, str) and member), f"member {name}")

    def csr(self, encoded):
        """(subject, challenge) of a PKCS#10."""
        done = run("openssl", "req", "-inform", "DER", "-noout", "-text", "-verify", stdin=base64.b64decode(encoded, validate=True))
        require(done.returncode == 0, "no PKCS#10")
        text = done.stdout.decode()
        challenge = re.search(r"challengePassword\s*:(\S+)", text)
        return re.search(r"Subject: (.*)", text).group(1), challenge.group(1) if challenge else None

    def validateRequest(self, method, _path, headers, body):
        asked = self.request_of(method, headers, body, "2018-02-20")
        if asked is None:
            return self.json(401, self.UNAUTHORIZED)
        require(set(asked) == {"request"}, f"members {asked}")
        self.members(asked["request"], "transactionId certificateRequest callerInfo")
        self.validated.append(asked["request"]["transactionId"])
        subject, challenge = self.csr(asked["request"]["certificateRequest"])
        code = self.verdict or self.judge(subject, challenge)
        return self.json(200, {"code": code, "errorDescription": "" if code == "Success" else f"words about {code}"})

    def judge(self, subject, challenge):
        if challenge is None:
            return "ChallengePasswordMissing"
        if challenge not in self.challenges:
            return "ChallengeDecryptionError"
        return "Success" if self.challenges[challenge] == subject else "SubjectNameMismatch"

    def successNotification(self, method, _path, headers, body):
        told = self.request_of(method, headers, body, "2018-02-20")
        if told is None:
            return self.json(401, self.UNAUTHORIZED)
        told = told["notification"]
        self.members(told, "transactionId certificateRequest certificateThumbprint certificateSerialNumber certificateExpirationDateUtc "
                           "issuingCertificateAuthority callerInfo caConfiguration certificateAuthority")
        require(told["transactionId"] in self.validated, "a certificate without validation")
        require(re.fullmatch(r"[0-9A-F]{40}", told["certificateThumbprint"]), "thumbprint")
        require(ISO8601.fullmatch(told["certificateExpirationDateUtc"]), "expiration")
        require(datetime.datetime.fromisoformat(told["certificateExpirationDateUtc"].replace("Z", "+00:00")), "expiration")
        self.csr(told["certificateRequest"])
        if self.report_verdict == "Success":
            self.successes[told["transactionId"]] = told
        return self.json(200, {"code": self.report_verdict, "errorDescription": ""})

    def failureNotification(self, method, _path, headers, body):
        told = self.request_of(method, headers, body, "2018-02-20")
        if told is None:
            return self.json(401, self.UNAUTHORIZED)
        told = told["notification"]
        self.members(told, "transactionId certificateRequest hResult errorDescription callerInfo")
        require(isinstance(told["hResult"], int) and told["hResult"] != 0, "hResult")
        require(len(told["errorDescription"]) <= 255, "errorDescription")
        self.csr(told["certificateRequest"])
        if self.report_verdict == "Success":
            self.failures[told["transactionId"]] = told
        return self.json(200, {"code": self.report_verdict, "errorDescription": ""})

    def downloadRevocationRequests(self, method, _path, headers, body):
        asked = self.request_of(method, headers, body, "5019-05-05")
        if asked is None:
            return self.json(401, self.UNAUTHORIZED)
        parameters = asked["downloadParameters"]
        require(set(parameters) == {"maxRequests", "issuerName"} and 1 <= parameters["maxRequests"] <= 500, f"parameters {parameters}")
        return self.json(200, {"value": list(self.revocations.values())[:parameters["maxRequests"]]})

    def uploadRevocationResults(self, method, _path, headers, body):
        told = self.request_of(method, headers, body, "5019-05-05")
        if told is None:
            return self.json(401, self.UNAUTHORIZED)
        for result in told["results"]:
            require(set(result) == {"requestContext", "succeeded", "errorCode", "errorMessage"}, f"members {result}")
            require(isinstance(result["succeeded"], bool) and result["errorCode"] in REVOCATION_CODES, f"result {result}")
            require(result["succeeded"] == (result["errorCode"] == "None"), f"result {result}")
            self.results.append(result)
            self.revocations.pop(result["requestContext"], None)
        return self.json(200, {"value": True})
