// Signed challenges made by another implementation (tests/vectors/challenge), and a verifier that trusts their issuer.
#pragma once

#include "countersign/challenge/mint.hpp"
#include "countersign/challenge/signed.hpp"
#include "countersign/keys/file_key.hpp"
#include "one_time_fixture.hpp"
#include "vectors.hpp"

#include <nlohmann/json.hpp>

namespace countersign::challenge {

using nlohmann::json;

inline const json& vectors() {
    static const json all = json::parse(test::vector_text("challenge/signed.json"));
    return all;
}

inline std::shared_ptr<keys::Key> key_from(const std::string& pem) {
    return keys::key_from_pem(Secret(std::string_view(pem)), "test key").value();
}

inline ChallengeKey challenge_key(const std::string& name) {
    auto key = key_from(vectors()["challenge_keys"][name]);
    const auto id = jwk_thumbprint(key->public_key());
    return {std::move(key), id};
}

inline std::string good(const std::string& name) {
    return vectors()["good"][name];
}

class SignedTest : public OneTimeTest {
protected:
    static SignedOptions options() {
        static const std::vector<ChallengeKey> keys{challenge_key("rsa"), challenge_key("p256"), challenge_key("p384")};
        TrustedIssuer mdm;
        mdm.name = "mdm";
        mdm.issuer = "https://mdm.example";
        mdm.keys = IssuerKey::from_text(vectors()["issuer_keys"].dump()).value();
        mdm.profiles = {"default"};
        mdm.subject_patterns = {"CN=device-*,O=Example"};
        mdm.san_patterns = {"*"};
        return {"default", "", keys, {mdm}};
    }
    SignedChallenges verifier(const SignedOptions& with = options()) const {
        return SignedChallenges(with, test_pepper(), database_->used_challenges());
    }
    std::string verdict(const std::string& challenge, const SignedOptions& with = options(),
                        Time now = test::at_minute(1)) const {
        auto signed_challenges = verifier(with);
        const auto claim = signed_challenges.reserve(facts_with(challenge, with.profile, now));
        return claim ? "Success" : claim.error().detail;
    }
    // A challenge with these claims, signed with a key of our own that the issuer has too.
    static std::string minted(const json& claims, std::string_view receiver = "rsa") {
        test::CountingRandom random;
        const auto jws = sign_statement(claims.dump(), *own_key()).value();
        return seal_challenge(jws, challenge_key(std::string(receiver)).key->public_key(), random).value();
    }
    static const std::shared_ptr<keys::Key>& own_key() {
        static const auto key =
            keys::key_from_pem(keys::generate_private_key_pem(keys::GeneratedKey::ec_p256).value(), "own").value();
        return key;
    }
    static SignedOptions options_with_own_key() {
        auto with = options();
        with.issuers.front().keys.push_back(IssuerKey::from_public_key(own_key()->public_key()).value());
        return with;
    }
    // The claims of the vectors with one member changed; a null removes it.
    static json claims(const std::string& pointer = "", const json& value = nullptr) {
        json result = vectors()["claims"];
        if (pointer.empty()) return result;
        const json::json_pointer at(pointer);
        if (value.is_null())
            result[at.parent_pointer()].erase(at.back());
        else
            result[at] = value;
        return result;
    }
};

}  // namespace countersign::challenge
