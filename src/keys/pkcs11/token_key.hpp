// A private key that lives in a token. Private to the keys room; any thread.
#pragma once

#include "countersign/keys/key.hpp"

#include "token.hpp"

#include <set>

namespace countersign::keys::pkcs11 {

class TokenKey final : public Key {
public:
    // Finds the key and tries what it is good for. Errors as KeySource::open.
    static Result<std::shared_ptr<TokenKey>> open(std::shared_ptr<Token> token, Uri uri);

    const crypto::PublicKey& public_key() const override { return public_key_; }
    // What the token signed is verified before it is believed.
    Result<Bytes> sign(crypto::SignatureScheme scheme, ByteView message) override;
    bool offers(DecryptScheme scheme) const override { return decrypts_.contains(scheme); }
    Result<Secret> decrypt(DecryptScheme scheme, ByteView ciphertext) override;
    Result<void> suits(KeyUse use) const override;
    std::string describe() const override { return description_; }

    // Looks for the key on its token again.
    Result<void> probe();

private:
    TokenKey(std::shared_ptr<Token> token, Uri uri, crypto::PublicKey public_key);

    // Gets the session, the key's handle, and what says the PIN again where the key wants that; returns whether it
    // succeeded.
    using Work = std::function<bool(Session&, CK_OBJECT_HANDLE, const Session::Reauthenticate&)>;
    // Whether the input may be what the token dislikes.
    enum class Blame { token, input };

    // Retries, and finds the token again, as far as that can help. malformed: the input is to blame.
    Result<void> perform(Blame blame, const Work& work);
    // malformed likewise; not_found: the key is not there; denied: another key is; unavailable: a call failed.
    Result<void> perform_once(Token::Lease& lease, Blame blame, const Work& work);
    Result<CK_OBJECT_HANDLE> handle(Token::Lease& lease);

    // abilities.cpp: an error says that the token could not be asked.
    Result<void> learn_abilities();
    Result<void> learn_signing(bool permitted, bool listed);
    Result<void> learn_opening(bool permitted, const std::set<DecryptScheme>& listed);
    // The reason for which it does not work; empty: it does.
    Result<std::string> try_out(Blame blame, const Work& work);
    Result<std::string> try_opening(DecryptScheme scheme);
    bool sign_digest(Session& session, CK_OBJECT_HANDLE key, const Session::Reauthenticate& again,
                     crypto::SignatureScheme scheme, ByteView message, Bytes& signature) const;

    const std::shared_ptr<Token> token_;
    const Uri uri_;
    const crypto::PublicKey public_key_;
    const Bytes modulus_;
    const std::string description_;

    // Settled by open(), constant afterwards.
    bool reauthenticates_ = false;
    std::set<DecryptScheme> decrypts_;
    std::string cannot_sign_;  // the reason; empty: it can
    std::string cannot_open_;

    std::mutex mutex_;
    std::uint64_t handle_epoch_ = 0;
    CK_OBJECT_HANDLE handle_ = 0;
    std::string missing_;  // why the key was not on its token when last looked for
    std::chrono::steady_clock::time_point look_again_{};
};

// The mechanism of a scheme; its parameters live in the object.
class DecryptMechanism {
public:
    explicit DecryptMechanism(DecryptScheme scheme);
    CK_MECHANISM get() { return mechanism_; }
    CK_MECHANISM_TYPE type() const { return mechanism_.mechanism; }
    DecryptMechanism(const DecryptMechanism&) = delete;
    DecryptMechanism& operator=(const DecryptMechanism&) = delete;

private:
    CK_RSA_PKCS_OAEP_PARAMS oaep_{};
    CK_MECHANISM mechanism_{};
};

}  // namespace countersign::keys::pkcs11
