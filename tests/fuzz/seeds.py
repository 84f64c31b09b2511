#!/usr/bin/env python3
"""Makes the first corpora of the fuzz targets out of the vectors that other programs made.

Usage: tests/fuzz/seeds.py DIRECTORY

Writes DIRECTORY/TARGET/NAME for every target. What fuzzing finds later stands beside it in tests/fuzz/corpus.
"""
import base64
import json
import pathlib
import re
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
VECTORS = TESTS / "vectors"


def openssl(*arguments, data=b""):
    done = subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def pem_blocks(text):
    for label, body in re.findall(r"-----BEGIN ([A-Z0-9 ]+)-----\n(.*?)-----END", text, re.S):
        yield label, base64.b64decode("".join(line for line in body.splitlines() if ":" not in line))


def messages():
    """pkiMessages of real clients, with what is inside them opened."""
    for file in sorted((VECTORS / "clients").glob("*.der")):
        yield file.stem, file.read_bytes()


def client_seeds():
    key, certificate = VECTORS / "clients/encryption.key.pem", VECTORS / "clients/encryption.pem"
    for name, message in messages():
        yield "signed_data", name, message
        content = openssl("cms", "-verify", "-noverify", "-inform", "DER", "-binary", data=message)
        if not content:
            continue
        yield "enveloped_data", name, content
        request = openssl("cms", "-decrypt", "-inform", "DER", "-binary", "-recip", certificate, "-inkey", key, data=content)
        if request:
            yield "certificate_request", name, request


def file_seeds():
    for file in sorted((VECTORS / "cms").glob("*.der")):
        data = file.read_bytes()
        for target in ("signed_data", "enveloped_data", "certificate_bag"):
            yield target, file.stem, data
    for file in sorted((VECTORS / "crypto").glob("*.pem")) + sorted((VECTORS / "clients").glob("*.pem")):
        text = file.read_text()
        for number, (label, der) in enumerate(pem_blocks(text)):
            if label == "CERTIFICATE":
                yield "certificate", f"{file.stem}-{number}", der
                yield "certificate", f"{file.stem}-pem", text.encode()
                yield "name_text", f"{file.stem}-{number}", subject_of("x509", der)
            elif label in ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"):
                yield "certificate_request", f"{file.stem}-{number}", der
                yield "certificate_request", f"{file.stem}-pem", text.encode()
                yield "name_text", f"{file.stem}-{number}", subject_of("req", der)
    for file in sorted((VECTORS / "clients").glob("*.query")):
        yield "scep_query", file.stem, b"operation=PKIOperation&" + file.read_bytes()
    for file in sorted((VECTORS / "crl").glob("revoked.pem")) + sorted((VECTORS / "crl").glob("*.crl")):
        yield "revocation_list", file.name, file.read_bytes()
    for file in sorted((VECTORS / "registry").glob("*.reg")):
        yield "registry_export", file.stem, file.read_bytes()


def subject_of(command, der):
    text = openssl(command, "-inform", "DER", "-noout", "-subject", "-nameopt", "RFC2253,utf8", data=der) or b"subject=CN=x"
    return text.strip().removeprefix(b"subject=")


def challenge_seeds():
    document = json.loads((VECTORS / "challenge/signed.json").read_text())
    yield "signed_challenge", "claims", json.dumps(document["claims"]).encode()
    for number, text in enumerate(texts_of(document)):
        if text.count(".") in (2, 4) and text.startswith("eyJ"):
            yield "signed_challenge", f"token-{number}", text.encode()


def texts_of(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts_of(part)


def written_seeds():
    head = "GET /certsrv/mscep/mscep.dll?operation=GetCACaps&message=x HTTP/1.1\r\nHost: ra.example\r\n"
    for number, text in enumerate((
            head + "User-Agent: mscep\r\nAccept: */*\r\n\r\n",
            "POST /certsrv/mscep/mscep.dll/pkiclient.exe?operation=PKIOperation HTTP/1.0\r\nContent-Length: 10\r\n\r\n0123456789",
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
            head + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            head + "Authorization: Basic dTpw\r\nConnection: close\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")):
        yield "http_head", str(number), text.encode()
    for number, text in enumerate(("5\r\nhello\r\n0\r\n\r\n", "1;name=value\r\nx\r\nA\r\n0123456789\r\n0\r\n\r\n", "0\r\nTrailer: x\r\n\r\n",
                                   "ffffffffffffffff\r\n", "5\nhello\n0\n\n")):
        yield "http_chunks", str(number), text.encode()
    for number, text in enumerate(("operation=GetCACert", "operation=pkioperation&message=MIIB%2B%0A", "message=a+b&operation=GetCACaps", "%7Boperation")):
        yield "scep_query", str(number), text.encode()
    for number, text in enumerate(('{"profile": "default", "subject": "CN=a", "sans": ["dns:a.example"], "count": 3}', '{"a": {"b": {"c": {}}}}',
                                   "state=outstanding&limit=10&all=true", '{"subject": "\\u0000"}')):
        yield "admin_json", str(number), text.encode()
    for number, text in enumerate(("dns:host.example", "upn:user@example.com", "ip:2001:db8::1", "email:a@b.example", "uri:https://a.example/b",
                                   "dirname:CN=a,O=b", "CN=a\\,b+OU=c,DC=example,DC=com", "CN=#0c0161")):
        yield "name_text", f"text-{number}", text.encode()


def configuration_seeds():
    for file in sorted((TESTS.parent / "config").glob("*.toml")) + sorted((TESTS.parent / "docs").glob("*.md")):
        text = file.read_text()
        parts = [text] if file.suffix == ".toml" else re.findall(r"```toml\n(.*?)```", text, re.S)
        for number, part in enumerate(parts):
            yield "configuration", f"{file.stem}-{number}", part.encode()


def ntlm_seeds():
    negotiate = b"NTLMSSP\0" + (1).to_bytes(4, "little") + bytes.fromhex("078208a2") + bytes(16)
    user, domain = "anna".encode("utf-16-le"), "EXAMPLE".encode("utf-16-le")
    fields, at, payload = b"", 64, b""
    for part in (bytes(24), bytes(24), domain, user, b"", b""):
        fields += len(part).to_bytes(2, "little") * 2 + (at + len(payload)).to_bytes(4, "little")
        payload += part
    authenticate = b"NTLMSSP\0" + (3).to_bytes(4, "little") + fields + bytes.fromhex("058288a2") + payload
    for name, message in (("negotiate", negotiate), ("authenticate", authenticate), ("short", negotiate[:12])):
        yield "ntlm_message", name, message


def soap_seeds():
    envelope = ('<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>{}</s:Body></s:Envelope>')
    issued = ('<RequestSecurityTokenResponseCollection xmlns="http://docs.oasis-open.org/ws-sx/ws-trust/200512"><RequestSecurityTokenResponse>'
              '<DispositionMessage xmlns="http://schemas.microsoft.com/windows/pki/2009/01/enrollment">Issued</DispositionMessage>'
              '<BinarySecurityToken ValueType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3" '
              'xmlns="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">MIIB</BinarySecurityToken>'
              '<RequestID xmlns="http://schemas.microsoft.com/windows/pki/2009/01/enrollment">65</RequestID>'
              '</RequestSecurityTokenResponse></RequestSecurityTokenResponseCollection>')
    fault = '<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text>denied</s:Text></s:Reason></s:Fault>'
    yield "soap_answer", "issued", envelope.format(issued).encode()
    yield "soap_answer", "fault", envelope.format(fault).encode()
    yield "policy_answer", "fault", envelope.format(fault).encode()
    for published in ("0", "1"):
        yield "policy_answer", f"published-{published}", envelope.format(policies(published)).encode()


def policies(published):
    """An answer of GetPolicies ([MS-XCEP] 3.1.4.1) with one template; CA 0 is that of tests/fuzz/targets/policy_answer.cpp."""
    def ca(number, pem):
        (_, der), = pem_blocks((VECTORS / pem).read_text())
        return (f"<cA><certificate>{base64.b64encode(der).decode()}</certificate><enrollPermission>true</enrollPermission>"
                f"<cAReferenceID>{number}</cAReferenceID></cA>")

    oids = ("1.3.6.1.4.1.311.20.2.1", "2.5.29.15", "2.5.29.37", "1.2.840.113549.1.1.1")
    table = "".join(f"<oID><value>{oid}</value><oIDReferenceID>{number}</oIDReferenceID></oID>" for number, oid in enumerate(oids))
    return ('<GetPoliciesResponse xmlns="http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><response><policies><policy>'
            f"<cAs><cAReference>{published}</cAReference></cAs><attributes><commonName>device</commonName>"
            "<certificateValidity><validityPeriodSeconds>17280000</validityPeriodSeconds></certificateValidity>"
            "<permission><enroll>true</enroll></permission><privateKeyAttributes><minimalKeyLength>2048</minimalKeyLength>"
            "<algorithmOIDReference>3</algorithmOIDReference></privateKeyAttributes><rARequirements><rASignatures>1</rASignatures>"
            '<rAEKUs><oIDReference>0</oIDReference></rAEKUs><rAPolicies xsi:nil="true"/></rARequirements><extensions>'
            "<extension><oIDReference>1</oIDReference><value>AwIFoA==</value></extension>"
            "<extension><oIDReference>2</oIDReference><value>MAoGCCsGAQUFBwMC</value></extension></extensions></attributes></policy>"
            f"</policies></response><cAs>{ca(0, 'cms/ec-signer.pem')}{ca(1, 'clients/ca.pem')}</cAs><oIDs>{table}</oIDs></GetPoliciesResponse>")


def ca_seeds():
    for file in sorted((VECTORS / "cmp").glob("*.der")):
        yield "ca_answer", file.stem, file.read_bytes()
    yield "ca_answer", "cmc", cmc_response()


def cmc_response():
    """PKIResponse (RFC 5272 3.2.2) with one CMCStatusInfoV2: failed, "no", badRequest."""
    def tlv(tag, *parts):
        value = b"".join(parts)
        return bytes((tag, len(value))) + value

    one = tlv(0x02, b"\1")
    status = tlv(0x30, tlv(0x02, b"\2"), tlv(0x30, one), tlv(0x0c, b"no"), tlv(0x02, b"\2"))
    control = tlv(0x30, one, tlv(0x06, bytes.fromhex("2b06010505070719")), tlv(0x31, status))
    return tlv(0x30, tlv(0x30, control), tlv(0x30), tlv(0x30))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1])
    counts = {}
    for source in (client_seeds, file_seeds, challenge_seeds, written_seeds, configuration_seeds, ntlm_seeds, soap_seeds, ca_seeds):
        for target, name, data in source():
            (root / target).mkdir(parents=True, exist_ok=True)
            (root / target / f"seed-{name}").write_bytes(data)
            counts[target] = counts.get(target, 0) + 1
    missing = {file.stem for file in (TESTS / "fuzz/targets").glob("*.cpp")} - counts.keys()
    for target, count in sorted(counts.items()):
        print(f"{target}: {count}")
    if missing:
        sys.exit(f"no seeds for {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main()
