"""Mints a signed challenge with jwcrypto. Usage: mint_challenge.py CHALLENGE_KEY.jwk ISSUER_KEY.pem CLAIMS.json"""
import json
import secrets
import sys
import time

from jwcrypto import jwe, jwk, jws

challenge_key = jwk.JWK.from_json(open(sys.argv[1]).read())  # from `countersign challenge key`
issuer_key = jwk.JWK.from_pem(open(sys.argv[2], "rb").read())  # RSA, P-256 or Ed25519; the public half is configured
claims = {"jti": secrets.token_hex(16), "iat": int(time.time()), "exp": int(time.time()) + 3600, **json.load(open(sys.argv[3]))}

inner = jws.JWS(json.dumps(claims))
alg = {"RSA": "PS256", "EC": "ES256", "OKP": "EdDSA"}[issuer_key["kty"]]
inner.add_signature(issuer_key, None, json.dumps({"alg": alg, "kid": issuer_key.thumbprint(), "typ": "scep-challenge+jwt"}))

alg = {"RSA": "RSA-OAEP-256", "EC": "ECDH-ES"}[challenge_key["kty"]]
header = {"alg": alg, "enc": "A256GCM", "cty": "JWT", "kid": challenge_key["kid"]}
outer = jwe.JWE(inner.serialize(compact=True), json.dumps(header))
outer.add_recipient(challenge_key)
print(outer.serialize(compact=True))
