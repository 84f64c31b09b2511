#!/bin/sh
# Makes the revocation lists in this directory, by `openssl ca` (3.0) and one by Python's cryptography (38). Their keys are thrown
# away: each run makes other ones.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > base.cnf <<'END'
[ca]
default_ca = here
[here]
database = index.txt
crlnumber = crlnumber
certificate = ca.pem
private_key = ca.key
default_md = sha256
[req]
distinguished_name = name
prompt = no
[name]
CN = nobody
[authority]
basicConstraints = critical,CA:TRUE
subjectKeyIdentifier = hash
END
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 36500 -subj '/O=Example/CN=Their CA' \
  -config base.cnf -extensions authority
echo 1001 > crlnumber
: > index.txt

# list NAME [EXTENSION LINES]
list() {
  { cat base.cnf; printf '[list]\nauthorityKeyIdentifier = keyid\n%b\n' "${2:-}"; } > crl.cnf
  openssl ca -gencrl -config crl.cnf -crlexts list -out crl.pem -crl_lastupdate 261121050000Z -crl_nextupdate 261122050000Z
  openssl crl -in crl.pem -outform DER -out "$here/$1.crl"
}
revoke() { printf 'R\t401101120000Z\t%s\t%s\tunknown\t/CN=device\n' "$2" "$1" >> index.txt; }

list empty
revoke 7F '261101120000Z,keyCompromise'
revoke 0A '261031000000Z'
revoke 10 '261103000000Z,holdInstruction,holdInstructionReject'
revoke 00D2000000000000000000000000000000000001 '261102000000Z,CAkeyTime,20261101000000Z'
list revoked
cp crl.pem "$here/revoked.pem"
list delta '2.5.29.27 = critical,DER:02:02:10:00'
idp='issuingDistributionPoint = critical,@idp\n[idp]\n'
list partition "${idp}onlyuser = TRUE\nfullname = URI:http://pki.example/1.crl"
list indirect "${idp}indirectCRL = TRUE"
list some-reasons "${idp}onlysomereasons = keyCompromise, CACompromise"
list unknown-extension '1.2.3.4 = critical,DER:05:00'
sed -i '/^crlnumber/d' base.cnf
openssl ca -gencrl -config base.cnf -out crl.pem -crl_lastupdate 261121050000Z -crl_nextupdate 261122050000Z
openssl crl -in crl.pem -outform DER -out "$here/version-1.crl"

/usr/bin/python3 - "$here" <<'END'
import datetime
import pathlib
import sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

def at(day, hour):
    return datetime.datetime(2026, 11, day, hour)

name = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Example"), x509.NameAttribute(x509.NameOID.COMMON_NAME, "Python CA")])
key = ec.generate_private_key(ec.SECP256R1())
builder = x509.CertificateRevocationListBuilder().issuer_name(name).last_update(at(21, 5)).next_update(at(22, 5))
builder = builder.add_extension(x509.CRLNumber(2 ** 63), False)
builder = builder.add_extension(x509.IssuingDistributionPoint(None, None, True, False, None, False, False), True)
for serial, reason in ((0x7F, x509.ReasonFlags.key_compromise), (0xD2 << 150, None), (0x10, x509.ReasonFlags.certificate_hold)):
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at(1, 12))
    builder = builder.add_revoked_certificate((entry.add_extension(x509.CRLReason(reason), False) if reason else entry).build())
here = pathlib.Path(sys.argv[1])
here.joinpath("python.crl").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))
here.joinpath("python-key.pem").write_bytes(key.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
END
