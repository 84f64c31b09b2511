// Keys of issuers: what is read as one, and what never is.
#include "signed_fixture.hpp"

#include <gmock/gmock.h>

namespace countersign::challenge {
namespace {

TEST(IssuerKeys, ComeAsPemOrJwkAndNeverAsSecrets) {
    const auto count = [](const std::string& text) {
        const auto keys = IssuerKey::from_text(text);
        return keys ? static_cast<int>(keys->size()) : -1;
    };
    const auto& jwks = vectors()["issuer_keys"];
    EXPECT_EQ(count(jwks.dump()), 4);
    EXPECT_EQ(count(jwks["keys"][2].dump()), 1);
    const std::string pem = vectors()["issuer_pem"];
    const std::string ed25519 = vectors()["ed25519_pem"];
    EXPECT_EQ(count(pem + ed25519), 2);
    EXPECT_EQ(IssuerKey::from_text(ed25519)->front().algorithms(), std::vector<std::string>{"EdDSA"});
    EXPECT_EQ(count(test::vector_text("crypto/root.pem")), 1) << "a certificate";
    EXPECT_EQ(count(""), -1);
    EXPECT_EQ(count(pem + pem), -1) << "one key twice";
    EXPECT_EQ(count(vectors()["challenge_keys"]["rsa"]), -1) << "a private key";
    EXPECT_EQ(count(R"({"keys":[]})"), -1);
    EXPECT_EQ(count(R"({"kty":"oct","k":"AAAA"})"), -1);
    json with_private = jwks["keys"][2];
    with_private["d"] = "AAAA";
    EXPECT_EQ(count(with_private.dump()), -1);
    json for_encryption = jwks["keys"][2];
    for_encryption["use"] = "enc";
    EXPECT_EQ(count(for_encryption.dump()), -1);
    json narrowed = jwks["keys"][0];
    narrowed["alg"] = "PS256";
    EXPECT_EQ(IssuerKey::from_text(narrowed.dump())->front().algorithms(), std::vector<std::string>{"PS256"});
    narrowed["alg"] = "HS256";
    EXPECT_EQ(count(narrowed.dump()), -1);
    json off_curve = jwks["keys"][2];
    off_curve["x"] = off_curve["y"];
    EXPECT_EQ(count(off_curve.dump()), -1);
    // RFC 7638 3.1.
    EXPECT_EQ(
        IssuerKey::from_text(
            R"({"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256"})")
            ->front()
            .id(),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

}  // namespace
}  // namespace countersign::challenge
