#!/bin/sh
# Makes the files of this directory anew, with the openssl command line (3.0) and strongSwan's pki (5.9) and micromdm's scepclient (2.1).
# The results are checked in: the tests read the files and never run this.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

rsa() { openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:"$2" -out "$work/$1.key" 2>/dev/null; }
ec() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:"$2" -pkeyopt ec_param_enc:named_curve -out "$work/$1.key"; }

rsa root 2048; rsa device 2048; rsa weak 1024
ec p256 P-256; ec p384 P-384; ec p521 P-521; ec other secp256k1
openssl genpkey -algorithm ED25519 -out "$work/ed25519.key"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit -out "$work/explicit.key"

cat > "$work/openssl.cnf" <<'CNF'
[req]
distinguished_name = dn
prompt = no
[dn]
C = DE
O = Example Works
OU = Plant 7
CN = device-7
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[leaf]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = clientAuth,1.3.6.1.4.1.311.20.2.2
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = @san
crlDistributionPoints = URI:http://crl.example/root.crl
authorityInfoAccess = caIssuers;URI:http://ca.example/root.cer
[san]
DNS.1 = host.example
email.1 = device@host.example
URI.1 = urn:example:7
IP.1 = 192.0.2.7
IP.2 = 2001:db8::7
dirName.1 = san_dn
otherName.1 = 1.3.6.1.4.1.311.20.2.3;UTF8:user@example
otherName.2 = 1.2.3.4;UTF8:else
RID.1 = 1.2.3.4
[san_dn]
CN = inside
[request]
distinguished_name = dn
attributes = challenge
req_extensions = wanted
prompt = no
[challenge]
challengePassword = 3AB7C1DE9F024586
unstructuredName = a device
[wanted]
keyUsage = digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = DNS:host.example
CNF
conf="-config $work/openssl.cnf"

openssl req -x509 $conf -extensions root -key "$work/root.key" -subj "/O=Example Works/CN=Root" -days 36500 -sha256 -out root.pem
openssl req -new $conf -key "$work/p384.key" -subj "/O=Example Works/CN=Issuing" -out "$work/issuing.csr"
openssl x509 -req -in "$work/issuing.csr" -CA root.pem -CAkey "$work/root.key" -set_serial 0x0080000000000000000001 -days 36000 \
  -sha384 -extfile "$work/openssl.cnf" -extensions intermediate -out issuing.pem 2>/dev/null
openssl req -new $conf -key "$work/device.key" -out "$work/device.csr"
openssl x509 -req -in "$work/device.csr" -CA issuing.pem -CAkey "$work/p384.key" -set_serial 7 -days 35000 -sha256 \
  -extfile "$work/openssl.cnf" -extensions leaf -out leaf.pem 2>/dev/null
# What old routers sign with: version 1, MD5.
openssl x509 -req -in "$work/device.csr" -signkey "$work/device.key" -md5 -days 30000 -out v1-md5.pem 2>/dev/null
openssl req -x509 $conf -key "$work/device.key" -days 30000 -sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -out pss-sha512.pem
openssl req -x509 $conf -key "$work/device.key" -days 30000 -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:10 -out pss-odd-salt.pem
openssl req -x509 $conf -key "$work/p521.key" -days 30000 -sha512 -out p521.pem
openssl req -x509 $conf -key "$work/ed25519.key" -days 30000 -out ed25519.pem

for key in root weak p256 p384 p521 other ed25519 explicit; do openssl pkey -in "$work/$key.key" -pubout -out "spki-$key.pem"; done
openssl ec -in "$work/p256.key" -pubout -conv_form compressed -out spki-compressed.pem 2>/dev/null

openssl req -new -config "$work/openssl.cnf" -section request -key "$work/device.key" -sha256 -out request.pem
openssl req -new -config "$work/openssl.cnf" -section request -key "$work/p256.key" -sha256 -out request-p256.pem
pki --req --in "$work/device.key" --type priv --dn "C=CH, O=strongSwan, CN=pki" --san pki.example --password "päss wörd" --outform pem > request-pki.pem
pki --self --in "$work/device.key" --type priv --dn "C=CH, O=strongSwan, CN=pki" --san pki.example --digest sha256 --lifetime 30000 --outform pem > pki.pem
# micromdm's scepclient writes request and certificate beside its key before it asks the server, which need not exist.
mkdir "$work/scep"
(cd "$work/scep" && scepclient -server-url http://127.0.0.1:1/scep -private-key "$work/scep/key.pem" -challenge s3cret-Ä \
  -cn scepclient -organization "micromdm" -country US >/dev/null 2>&1) || true
cp "$work/scep/csr.pem" request-scepclient.pem
cp "$work/scep/self.pem" scepclient.pem

# Signatures over message.txt.
printf 'to be signed' > message.txt
openssl dgst -sha256 -sign "$work/device.key" -out rsa-sha256.sig message.txt
openssl dgst -sha384 -sign "$work/device.key" -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -out pss-sha384.sig message.txt
openssl dgst -sha256 -sign "$work/p256.key" -out p256-sha256.sig message.txt
openssl dgst -sha512 -sign "$work/p521.key" -out p521-sha512.sig message.txt

# The same text under every content cipher, key 00 01 02 ..., IV f0 f1 f2 ...
key=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
iv=f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff
enc() { openssl enc "-$1" -K "$(printf %.$2s $key)" -iv "$(printf %.$3s $iv)" -in message.txt -out "$1.bin" $4; }
enc aes-128-cbc 32 32 ""; enc aes-192-cbc 48 32 ""; enc aes-256-cbc 64 32 ""; enc des-ede3-cbc 48 16 ""
enc des-cbc 16 16 "-provider legacy -provider default"
