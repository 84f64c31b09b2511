// What a key in a token can do: what its attributes permit, what the token lists, and what works when tried. Tokens
// list mechanisms that their policy refuses.
#include "countersign/core/text.hpp"

#include "objects.hpp"
#include "return_value.hpp"
#include "token_key.hpp"

namespace countersign::keys::pkcs11 {

namespace {

constexpr std::string_view way_out =
    "; keep the CEP encryption key in a file (countersign key generate file:PATH) or in another token, and leave the "
    "agent key in this one";

std::string_view name(DecryptScheme scheme) {
    switch (scheme) {
        case DecryptScheme::rsa_raw: return "CKM_RSA_X_509";
        case DecryptScheme::rsa_pkcs1: return "CKM_RSA_PKCS";
        case DecryptScheme::rsa_oaep_sha1: return "CKM_RSA_PKCS_OAEP with SHA-1";
        case DecryptScheme::rsa_oaep_sha256: break;
    }
    return "CKM_RSA_PKCS_OAEP with SHA-256";
}

crypto::KeyTransport transport_of(DecryptScheme scheme) {
    if (scheme == DecryptScheme::rsa_oaep_sha1)
        return {true, crypto::DigestAlgorithm::sha1, crypto::DigestAlgorithm::sha1};
    if (scheme == DecryptScheme::rsa_oaep_sha256)
        return {true, crypto::DigestAlgorithm::sha256, crypto::DigestAlgorithm::sha256};
    return {};
}

}  // namespace

DecryptMechanism::DecryptMechanism(DecryptScheme scheme) {
    switch (scheme) {
        case DecryptScheme::rsa_raw: mechanism_ = {CKM_RSA_X_509, nullptr, 0}; return;
        case DecryptScheme::rsa_pkcs1: mechanism_ = {CKM_RSA_PKCS, nullptr, 0}; return;
        case DecryptScheme::rsa_oaep_sha1: oaep_ = {CKM_SHA_1, CKG_MGF1_SHA1, 1, nullptr, 0}; break;
        case DecryptScheme::rsa_oaep_sha256: oaep_ = {CKM_SHA256, CKG_MGF1_SHA256, 1, nullptr, 0}; break;
    }
    mechanism_ = {CKM_RSA_PKCS_OAEP, &oaep_, sizeof oaep_};
}

Result<void> TokenKey::learn_abilities() {
    bool may_sign = false;
    bool may_open = false;
    bool lists_signing = false;
    std::set<DecryptScheme> listed;
    {
        TRY(Token::Lease lease, token_->lease());
        TRY(const CK_OBJECT_HANDLE key, handle(lease));
        reauthenticates_ = flag(lease.session(), key, CKA_ALWAYS_AUTHENTICATE, false);
        may_sign = flag(lease.session(), key, CKA_SIGN, true);
        may_open = flag(lease.session(), key, CKA_DECRYPT, true);
        lists_signing = Token::has_mechanism(lease, public_key_.is_rsa() ? CKM_RSA_PKCS : CKM_ECDSA, CKF_SIGN);
        for (const auto scheme : {DecryptScheme::rsa_raw, DecryptScheme::rsa_pkcs1, DecryptScheme::rsa_oaep_sha1,
                                  DecryptScheme::rsa_oaep_sha256}) {
            if (Token::has_mechanism(lease, DecryptMechanism(scheme).type(), CKF_DECRYPT)) listed.insert(scheme);
        }
        if (lease.session().failure() == CKR_OK) lease.succeeded();
    }
    CHECK(learn_signing(may_sign, lists_signing));
    return learn_opening(may_open, listed);
}

Result<void> TokenKey::learn_signing(bool permitted, bool listed) {
    const std::string mechanism = public_key_.is_rsa() ? "CKM_RSA_PKCS" : "CKM_ECDSA";
    if (!permitted) cannot_sign_ = "the key is not for signing (CKA_SIGN is false)";
    if (permitted && !listed) cannot_sign_ = "the token lacks " + mechanism + " for signing";
    if (!cannot_sign_.empty()) return boost::system::in_place_value;

    const auto message = as_bytes("countersign: does this key work?");
    const auto scheme = public_key_.scheme_with(crypto::DigestAlgorithm::sha256);
    Bytes signature;
    TRY(const std::string reason,
        try_out(Blame::token, [&](Session& session, CK_OBJECT_HANDLE key, const Session::Reauthenticate& again) {
            return sign_digest(session, key, again, scheme, message, signature);
        }));
    if (!reason.empty()) {
        cannot_sign_ = "the token refuses to sign with " + mechanism + " (" + reason + ")";
    } else if (!public_key_.verify(scheme, message, signature)) {
        cannot_sign_ = "what the token signs does not verify with the public half it shows";
    }
    return boost::system::in_place_value;
}

Result<void> TokenKey::learn_opening(bool permitted, const std::set<DecryptScheme>& listed) {
    if (!public_key_.is_rsa()) {
        cannot_open_ = "only an RSA key opens envelopes";
        return boost::system::in_place_value;
    }
    if (!permitted) {
        cannot_open_ = "the key is not for decrypting (CKA_DECRYPT is false)";
        return boost::system::in_place_value;
    }
    std::vector<std::string> lacking;
    for (const DecryptScheme scheme : {DecryptScheme::rsa_raw, DecryptScheme::rsa_pkcs1, DecryptScheme::rsa_oaep_sha1,
                                       DecryptScheme::rsa_oaep_sha256}) {
        if (!listed.contains(scheme)) {
            lacking.push_back(std::string(name(scheme)));
            continue;
        }
        TRY(const std::string reason, try_opening(scheme));
        if (reason.empty()) {
            decrypts_.insert(scheme);
        } else {
            lacking.push_back(std::string(name(scheme)) + " (" + reason + ")");
        }
        // With raw RSA the paddings are our own; the token's are of no use.
        if (decrypts_.contains(DecryptScheme::rsa_raw)) return boost::system::in_place_value;
    }
    if (!decrypts_.contains(DecryptScheme::rsa_pkcs1)) {
        cannot_open_ =
            "the token does not decrypt what SCEP clients send; lacking: " + join(lacking, ", ") + std::string(way_out);
    }
    return boost::system::in_place_value;
}

Result<std::string> TokenKey::try_opening(DecryptScheme scheme) {
    const auto content = as_bytes("countersign key!");
    Bytes wrapped;
    if (auto made = public_key_.encrypt(transport_of(scheme), content)) wrapped = *std::move(made);
    std::optional<Secret> opened;
    DecryptMechanism mechanism(scheme);
    TRY(std::string reason,
        try_out(Blame::input, [&](Session& session, CK_OBJECT_HANDLE key, const Session::Reauthenticate& again) {
            opened = session.decrypt(key, mechanism.get(), wrapped, again);
            return opened.has_value();
        }));
    if (!reason.empty()) return reason;
    const bool same = scheme == DecryptScheme::rsa_raw
                          ? opened->size() >= content.size() && equal(opened->reveal().last(content.size()), content)
                          : equal(opened->reveal(), content);
    return same ? std::string() : std::string("it decrypts to something else");
}

Result<std::string> TokenKey::try_out(Blame blame, const Work& work) {
    constexpr int tries = 3;
    for (int count = 1;; ++count) {
        std::uint64_t epoch = 0;
        std::optional<Error> error;
        {
            TRY(Token::Lease lease, token_->lease());
            epoch = lease.connection().epoch;
            const auto done = perform_once(lease, blame, work);
            if (done) {
                lease.succeeded();
                return std::string();
            }
            const CK_RV failure = lease.session().failure();
            if (done.error().kind == ErrorKind::malformed || is_inability(failure)) return name_of(failure);
            error = done.error();
        }
        if (count == tries) return *error;
        token_->reconnect(epoch, count > 1);
    }
}

}  // namespace countersign::keys::pkcs11
