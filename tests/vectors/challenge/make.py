#!/usr/bin/python3
"""Makes signed.json: signed challenges of every accepted combination, and some no issuer may make, by jwcrypto.

Run by hand when the format changes (keys are new each time); the result is committed. Needs python3-jwcrypto.
"""
import json
import pathlib

from jwcrypto import jwe, jwk, jws

NOW = 1795240800  # 2026-11-21T06:00:00Z, as the tests' clock shows it

CLAIMS = {
    "iss": "https://mdm.example", "aud": "default", "jti": "enrollment-0001", "iat": NOW, "exp": NOW + 3600,
    "device": "4711",
    "request": {
        "subject": "CN=device-7,O=Example", "subject_alt_names": ["dns:device-7.example.com", "upn:device-7@example.com"],
        "key_usage": ["digitalSignature", "keyEncipherment"], "extended_key_usage": ["clientAuth"],
        "key": {"type": "RSA", "size": 2048}, "template": "device", "validity": 2592000,
    },
}

challenge_keys = {"rsa": jwk.JWK.generate(kty="RSA", size=2048), "p256": jwk.JWK.generate(kty="EC", crv="P-256"),
                  "p384": jwk.JWK.generate(kty="EC", crv="P-384")}
issuer_keys = {"RS256": jwk.JWK.generate(kty="RSA", size=2048, kid="rs"), "PS256": jwk.JWK.generate(kty="RSA", size=2048, kid="ps"),
               "ES256": jwk.JWK.generate(kty="EC", crv="P-256", kid="es"), "EdDSA": jwk.JWK.generate(kty="OKP", crv="Ed25519", kid="ed")}


def sign(key, alg, claims=CLAIMS, **header):
    token = jws.JWS(json.dumps(claims))
    token.allowed_algs = [alg]
    header = {"alg": alg, "kid": key["kid"], "typ": "scep-challenge+jwt", **header}
    token.add_signature(key, None, json.dumps({name: value for name, value in header.items() if value is not None}))
    return token.serialize(compact=True)


def seal(key, payload, **header):
    alg = "RSA-OAEP-256" if key["kty"] == "RSA" else "ECDH-ES"
    header = {"alg": alg, "enc": "A256GCM", "cty": "JWT", "kid": key.thumbprint(), **header}
    token = jwe.JWE(payload, json.dumps({name: value for name, value in header.items() if value is not None}))
    token.allowed_algs = [header["alg"], header["enc"], "RSA1_5"]
    token.add_recipient(jwk.JWK.from_json(key.export_public()))
    return token.serialize(compact=True)


good = {f"{name} {alg}": seal(key, sign(issuer_keys[alg], alg)) for name, key in challenge_keys.items() for alg in issuer_keys}
good["no kid outside"] = seal(challenge_keys["rsa"], sign(issuer_keys["ES256"], "ES256"), kid=None)
good["agreement info"] = seal(challenge_keys["p256"], sign(issuer_keys["ES256"], "ES256"), apu="QWxpY2U", apv="Qm9i")

rsa, inner = challenge_keys["rsa"], sign(issuer_keys["ES256"], "ES256")
secret = jwk.JWK.generate(kty="oct", size=256, kid="es")
confused = jwk.JWK(kty="oct", kid="es", k=json.loads(issuer_keys["ES256"].export_public())["x"])
from jwcrypto.common import base64url_encode as b64  # noqa: E402
unsigned = b64(json.dumps({"alg": "none", "typ": "scep-challenge+jwt"})) + "." + b64(json.dumps(CLAIMS)) + "."
bad = {
    "ChallengeAlgorithmForbidden: RSA1_5": seal(rsa, inner, alg="RSA1_5"),
    "ChallengeAlgorithmForbidden: RSA-OAEP": seal(rsa, inner, alg="RSA-OAEP"),
    "ChallengeAlgorithmForbidden: A128GCM": seal(rsa, inner, enc="A128GCM"),
    "ChallengeAlgorithmForbidden: CBC": seal(rsa, inner, enc="A256CBC-HS512"),
    "ChallengeAlgorithmForbidden: key wrapping": seal(challenge_keys["p256"], inner, alg="ECDH-ES+A256KW"),
    "ChallengeDeserializationError: compressed": seal(rsa, inner, zip="DEF"),
    "ChallengeDeserializationError: no content type": seal(rsa, inner, cty=None),
    "ChallengeDeserializationError: not nested": seal(rsa, json.dumps(CLAIMS)),
    "ChallengeDeserializationError: only signed": inner,
    "ChallengeDecryptionError: for somebody else": seal(jwk.JWK.generate(kty="RSA", size=2048), inner),
    "ChallengeAlgorithmForbidden: none": seal(rsa, unsigned),
    "ChallengeAlgorithmForbidden: HMAC": seal(rsa, sign(secret, "HS256")),
    "ChallengeAlgorithmForbidden: HMAC with the public key": seal(rsa, sign(confused, "HS256")),
    "ChallengeAlgorithmForbidden: key of another kind": seal(rsa, sign(issuer_keys["RS256"], "RS256", kid="es")),
    "ChallengeKeyUnknown: kid": seal(rsa, sign(issuer_keys["ES256"], "ES256", kid="other")),
    "ChallengeKeyUnknown: no kid": seal(rsa, sign(issuer_keys["ES256"], "ES256", kid=None)),
    "ChallengeDeserializationError: another type of JWT": seal(rsa, sign(issuer_keys["ES256"], "ES256", typ="JWT")),
    "SignatureValidationFailed: another key": seal(rsa, sign(jwk.JWK.generate(kty="EC", crv="P-256", kid="es"), "ES256")),
    "SignatureValidationFailed: made up": seal(rsa, inner.rsplit(".", 1)[0] + "." + b64(b"\x01" * 64)),
    "ChallengeIssuerUnknown: iss": seal(rsa, sign(issuer_keys["ES256"], "ES256", {**CLAIMS, "iss": "https://other.example"})),
    "ChallengeAudienceMismatch: aud": seal(rsa, sign(issuer_keys["ES256"], "ES256", {**CLAIMS, "aud": "vpn"})),
}

out = {
    "claims": CLAIMS,
    "challenge_keys": {name: key.export_to_pem(private_key=True, password=None).decode() for name, key in challenge_keys.items()},
    "issuer_keys": {"keys": [json.loads(key.export_public()) for key in issuer_keys.values()]},
    "issuer_pem": issuer_keys["ES256"].export_to_pem().decode(),
    "ed25519_pem": issuer_keys["EdDSA"].export_to_pem().decode(),
    "good": good,
    "bad": bad,
}
pathlib.Path(__file__).with_name("signed.json").write_text(json.dumps(out, indent=1) + "\n")
