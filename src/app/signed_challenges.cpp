#include "signed_challenges.hpp"

#include "assembly.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/keys/unwrap.hpp"
#include "files.hpp"

namespace countersign::app {

Result<challenge::ChallengeKey> open_challenge_key(keys::KeySource& source, const std::string& uri) {
    auto key = source.open(uri);
    if (!key) return within("the challenge key", std::move(key).error());
    constexpr crypto::KeyTransport oaep{true, crypto::DigestAlgorithm::sha256, crypto::DigestAlgorithm::sha256};
    const bool opens = (*key)->public_key().is_rsa()
                           ? keys::unwraps(**key, oaep)
                           : (*key)->agrees() && (*key)->public_key().algorithm() != crypto::KeyAlgorithm::ec_p521;
    if (!opens && (*key)->public_key().is_rsa()) {
        return fail::denied((*key)->describe() +
                            ": the token offers neither raw RSA (CKM_RSA_X_509) nor RSA-OAEP with SHA-256, so it "
                            "cannot open challenges (SoftHSM 2.6 knows OAEP with SHA-1 alone); allow CKM_RSA_X_509 for "
                            "this key, or keep the challenge key in a file");
    }
    if (!opens) {
        return fail::denied((*key)->describe() +
                            ": ECDH-ES needs a P-256 or P-384 key in a file; in a token use an RSA key");
    }
    const std::string id = challenge::jwk_thumbprint((*key)->public_key());
    return challenge::ChallengeKey{*std::move(key), id};
}

Result<std::vector<challenge::TrustedIssuer>> read_issuers(const config::Settings& settings) {
    std::vector<challenge::TrustedIssuer> issuers;
    for (const auto& [name, one] : settings.challenge_issuers) {
        TRY(const std::string text, read_file(one.keys));
        auto keys = challenge::IssuerKey::from_text(text);
        if (!keys) return within("challenge_issuer." + name + ": " + one.keys.string(), std::move(keys).error());
        issuers.push_back({name, one.issuer, *std::move(keys), one.profiles, one.templates, one.subject_patterns,
                           one.san_patterns, std::chrono::minutes{one.max_lifetime_minutes}});
    }
    return issuers;
}

Result<challenge::SignedOptions> signed_options(const config::Settings& settings, const std::string& profile,
                                                keys::KeySource& source) {
    const auto& challenge = settings.profiles.at(profile).challenge;
    challenge::SignedOptions options;
    options.profile = profile;
    options.audience = challenge.audience.empty() ? profile : challenge.audience;
    for (const auto& uri : {challenge.key, challenge.previous_key}) {
        if (uri.empty()) continue;
        TRY(auto key, open_challenge_key(source, uri));
        options.keys.push_back(std::move(key));
    }
    TRY(options.issuers, read_issuers(settings));
    return options;
}

Result<std::shared_ptr<challenge::Verifier>> Assembly::open_signed_verifier(const config::ProfileSettings& profile) {
    TRY(auto options, signed_options(settings_, profile.name, parts_.keys));
    const Secret substitute(
        crypto::hmac_sha256(pepper_->reveal(), as_bytes("countersign implicit rejection of signed challenges")));
    return std::shared_ptr<challenge::Verifier>(std::make_shared<challenge::SignedChallenges>(
        std::move(options), substitute, parts_.database.used_challenges()));
}

}  // namespace countersign::app
