#!/bin/sh
# Makes the requests of this directory anew, with the openssl command line (3.0). Checked in: the tests read the files and never run this.
# Not made here: moduli.txt, which says where its numbers come from.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/rsa.key" 2>/dev/null
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:named_curve -out "$work/ec.key"

# request NAME [KEY]: standard input holds the lines of [dn], then "--", then those of [extensions]
request() {
    key=${2:-rsa}
    {
        printf 'oid_section = oids\n[req]\nprompt = no\ndistinguished_name = dn\nstring_mask = %s\n' "${mask:-utf8only}"
        printf 'attributes = %s\nreq_extensions = extensions\n' "${attributes:-none}"
        printf '[oids]\nosVersion = 1.3.6.1.4.1.311.13.2.3\n[none]\n[windows]\nosVersion = 10.0.26100.2\n[dn]\n'
        sed 's/^--$/[extensions]/'
    } > "$work/$1.cnf"
    grep -q '^\[extensions\]' "$work/$1.cnf" || sed -i '/^req_extensions/d' "$work/$1.cnf"
    openssl req -new -utf8 -config "$work/$1.cnf" -key "$work/$key.key" -out "$1.pem"
}
# with NAME, the extension lines on standard input: the subject is always the same
with() { { printf 'O = Example\nCN = device-7\n--\n'; cat; } | request "$@"; }

printf 'O = Example\nCN = device-7\n' | request plain
attributes=windows; printf 'O = Example\nCN = device-7\n' | request attribute; attributes=none

# Key usage
echo 'keyUsage = critical,digitalSignature'                                   | with usage-signature
echo 'keyUsage = critical,keyEncipherment'                                    | with usage-encryption
echo 'keyUsage = critical,digitalSignature,keyEncipherment'                   | with usage-both
echo 'keyUsage = nonRepudiation,digitalSignature,keyEncipherment'             | with usage-repudiation
echo 'keyUsage = dataEncipherment'                                            | with usage-data
echo 'keyUsage = critical,keyCertSign,cRLSign,digitalSignature'               | with usage-ca
echo 'keyUsage = critical,digitalSignature,keyEncipherment'                   | with usage-both-ec ec
echo 'keyUsage = DER:0404030205a0'                                            | with usage-unreadable
echo 'extendedKeyUsage = clientAuth'                                          | with purpose-client
echo 'extendedKeyUsage = clientAuth,serverAuth'                               | with purpose-server
echo 'extendedKeyUsage = anyExtendedKeyUsage'                                 | with purpose-any
echo 'extendedKeyUsage = clientAuth,1.3.6.1.4.1.311.20.2.1'                   | with purpose-agent
echo 'extendedKeyUsage = OCSPSigning'                                         | with purpose-ocsp
echo 'extendedKeyUsage = codeSigning'                                         | with purpose-code
echo 'extendedKeyUsage = DER:3000'                                            | with purpose-empty

# Extensions with no place in a device certificate
echo 'basicConstraints = CA:TRUE'                                             | with ca
echo 'basicConstraints = critical,CA:TRUE,pathlen:3'                          | with ca-critical
echo 'basicConstraints = CA:FALSE'                                            | with no-ca
echo '1.3.6.1.4.1.311.25.2 = ASN1:SEQUENCE:sid
[sid]
name = IMPLICIT:0,SEQUENCE:sid_name
[sid_name]
oid = OID:1.3.6.1.4.1.311.25.2.1
value = EXPLICIT:0,FORMAT:ASCII,OCTETSTRING:S-1-5-21-1-2-3-500'               | with security-identifier
echo '1.3.6.1.4.1.311.21.10 = ASN1:SEQUENCE:policies
[policies]
one = SEQUENCE:policy
[policy]
oid = OID:1.3.6.1.4.1.311.20.2.1'                                             | with application-policies
echo '1.3.6.1.4.1.311.21.10 = ASN1:SEQUENCE:policies
[policies]
one = SEQUENCE:policy
[policy]
oid = OID:1.3.6.1.5.5.7.3.2'                                                  | with application-policies-client
echo '1.3.6.1.4.1.311.20.2 = ASN1:BMPSTRING:DomainController'                 | with template-name
echo '1.3.6.1.4.1.311.21.7 = ASN1:SEQUENCE:template
[template]
oid = OID:1.3.6.1.4.1.311.21.8.1.2.3'                                         | with template-oid
echo 'certificatePolicies = 1.2.3.4'                                          | with certificate-policies
echo 'nameConstraints = critical,permitted;DNS:example.com'                   | with name-constraints
echo 'tlsfeature = status_request'                                            | with must-staple
echo 'crlDistributionPoints = URI:http://169.254.169.254/'                    | with crl-url
echo 'authorityInfoAccess = caIssuers;URI:http://169.254.169.254/'            | with issuer-url
echo '1.2.3.4.5 = DER:0500'                                                   | with unknown
echo '1.2.3.4.5 = critical,DER:0500'                                          | with unknown-critical
echo 'subjectKeyIdentifier = hash'                                            | with key-identifier
echo 'basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
extendedKeyUsage = anyExtendedKeyUsage
subjectAltName = DNS:*.example.com,RID:1.2.3
1.2.3.4.5 = critical,DER:0500'                                                | with everything

# Alternative names
san() { echo "subjectAltName = $2" | with "$1"; }
san san-dns 'DNS:host.example.com'
san san-mixed 'DNS:host.example.com,email:a@example.com,URI:https://example.com/x,IP:192.0.2.7,IP:2001:db8::7,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:user@example.com'
san san-twice 'DNS:host.example.com,DNS:host.example.com'
san san-wildcard 'DNS:*.example.com'
san san-wildcard-inside 'DNS:a.*.example.com'
san san-wildcard-top 'DNS:*.com'
san san-empty-label 'DNS:a..example.com'
san san-final-dot 'DNS:host.example.com.'
san san-space 'DNS:host example.com'
san san-email-list 'email:a@b@example.com'
san san-uri-relative 'URI:/etc/passwd'
san san-rid 'RID:1.2.3.4'
san san-other 'otherName:1.2.3.4;UTF8:else'
printf 'subjectAltName = @names\n[names]\nURI = tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500\n' | with san-sid
printf 'subjectAltName = @names\n[names]\nURI = TAG:Microsoft.COM,2022-09-14:SID:S-1-5-21-1-2-3-500\n' | with san-sid-upper
echo 'subjectAltName = dirName:inside
[inside]
CN = inside'                                                                  | with san-directory
echo 'subjectAltName = DER:3000'                                              | with san-none
echo 'subjectAltName = DER:300587030a0000'                                    | with san-short-address
many=$(seq -f 'DNS:h%g.example.com' -s, 1 21)
san san-many "$many"

# Subjects
printf 'O = Example\n0.CN = device-7\n1.CN = admin\n'                         | request subject-two-names
printf 'O = Example\nCN = device-7\n+serialNumber = FTX1234\n'                | request subject-multi-valued
printf 'O = Example\nCN = device-7\n+CN = admin\n'                            | request subject-twice-in-one
printf 'O = Example\nCN = device-7\nserialNumber = FTX1234\nunstructuredName = router.example.com\nunstructuredAddress = 192.0.2.1\n' | request subject-router
printf 'O = Example\nCN = device-7\nrole = admin\n'                           | request subject-role
printf 'O = Example\nCN = device-7\nOU = Admins\n'                            | request subject-admins
printf 'O = Example, Admins\nCN = device-7\n'                                 | request subject-comma
printf 'O = Example\nCN = device\342\200\256-7\n'                             | request subject-reversed
printf 'O = Example\nCN = ger\303\244t-7\n'                                   | request subject-umlaut
printf 'O = example\nCN = DEVICE-7\n'                                         | request subject-upper
mask=MASK:0x800; printf 'O = Example\nCN = ger\303\244t-7\n'                  | request subject-bmp; mask=utf8only
mask=MASK:0x4; printf 'O = Example\nCN = ger\303\244t-7\n'                    | request subject-t61; mask=utf8only
printf 'CN = device-7\n--\nsubjectAltName = DNS:host.example.com\n'           | request scratch
openssl req -new -config "$work/scratch.cnf" -key "$work/rsa.key" -subj / -out empty-subject-san.pem
openssl req -new -config "$work/plain.cnf" -key "$work/rsa.key" -subj / -out empty-subject.pem
rm scratch.pem
for e in 3 17 65539; do
    openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:$e 2>/dev/null | openssl pkey -pubout > spki-exponent-$e.pem
done
cat > README.md <<'R'
# Vectors of the policy room

Certification requests of the `openssl` command line, one hostile or odd thing each (`make.sh` says which), and RSA moduli with known
weaknesses from Python's integers (`moduli.txt`).
R
