#!/bin/sh
# Once: a token, and an instance whose keys are made in it. The PIN is the compose secret hsm-pin.
set -eu
mkdir -p -m 0700 /var/lib/countersign/tokens
pin=$(cat /run/secrets/hsm-pin)
softhsm2-util --init-token --free --label ra --pin "$pin" --so-pin "$(openssl rand -hex 16)"
exec countersign init /var/lib/countersign/instance --listen 0.0.0.0:8080 \
  --token "pkcs11:token=ra?pin-source=file:/run/secrets/hsm-pin&module-path=/usr/lib/softhsm/libsofthsm2.so"
