#include "token_key.hpp"

#include "countersign/crypto/ossl.hpp"
#include "objects.hpp"
#include "return_value.hpp"
#include "signature.hpp"

#include <algorithm>

namespace countersign::keys::pkcs11 {

namespace {

std::string kind_of(const crypto::PublicKey& key) {
    return std::string(crypto::name(key.algorithm())) + (key.is_rsa() ? " " + std::to_string(key.bits()) : "");
}

Result<CK_OBJECT_HANDLE> look_up(Session& session, const Uri& uri) {
    const auto found = find_objects(session, uri, CKO_PRIVATE_KEY);
    if (!found) return fail::unavailable("looking for the key: " + name_of(session.failure()));
    if (found->empty()) return fail::not_found("there is no such private key on the token");
    if (found->size() > 1) return fail::malformed("several private keys fit; name one by object and id");
    return found->front();
}

}  // namespace

TokenKey::TokenKey(std::shared_ptr<Token> token, Uri uri, crypto::PublicKey public_key)
    : token_(std::move(token)),
      uri_(std::move(uri)),
      public_key_(std::move(public_key)),
      modulus_(public_key_.rsa_modulus()),
      description_(uri_.text() + " (" + kind_of(public_key_) + ")") {}

Result<std::shared_ptr<TokenKey>> TokenKey::open(std::shared_ptr<Token> token, Uri uri) {
    constexpr int tries = 3;
    for (int count = 1;; ++count) {
        std::uint64_t epoch = 0;
        std::optional<Result<crypto::PublicKey>> found;
        {
            TRY(Token::Lease lease, token->lease());
            epoch = lease.connection().epoch;
            auto object = look_up(lease.session(), uri);
            found = object ? read_public_key(lease.session(), *object) : Result<crypto::PublicKey>(object.error());
            if (*found) lease.succeeded();
        }
        if (*found) {
            std::shared_ptr<TokenKey> key(new TokenKey(token, uri, **std::move(found)));
            CHECK(key->learn_abilities());
            return key;
        }
        if (found->error().kind != ErrorKind::unavailable || count == tries) return within(uri.text(), found->error());
        token->reconnect(epoch, count > 1);
    }
}

Result<void> TokenKey::perform(Blame blame, const Work& work) {
    // What is tried before each new attempt: the cheapest first.
    enum Step { another_session, another_connection, restarted_module, nothing };
    constexpr int most_stale = 8;
    int step = another_session;
    int stale = 0;
    {
        const std::lock_guard lock(mutex_);
        if (!missing_.empty() && token_->options().now() < look_again_) return fail::unavailable(missing_);
    }
    for (;;) {
        std::optional<Error> error;
        std::uint64_t epoch = 0;
        CK_RV failure = CKR_OK;
        {
            auto lease = token_->lease();
            if (!lease) return fail::unavailable(lease.error().detail);
            epoch = lease->connection().epoch;
            const auto done = perform_once(*lease, blame, work);
            if (done) {
                lease->succeeded();
                return boost::system::in_place_value;
            }
            error = done.error();
            failure = lease->session().failure();
            // An answer about the input has ended the operation (PKCS#11 v2.40 section 5.9), and the session is as good
            // as after a success. Were it closed, the next who needs one would pay for it, and tell good from bad
            // padding by that.
            if (error->kind == ErrorKind::malformed && failure != CKR_BUFFER_TOO_SMALL) lease->succeeded();
        }
        if (error->kind == ErrorKind::malformed) return *error;
        if (error->kind == ErrorKind::denied) return fail::unavailable(error->detail);
        // Somebody else has found the token again meanwhile.
        if (!token_->is_current(epoch) && ++stale < most_stale) continue;
        if (step == another_session && !only_the_session(failure)) step = another_connection;
        if (step == nothing) {
            if (error->kind != ErrorKind::not_found) return token_->give_up(epoch, error->detail);
            // The token is there and the key is not: other keys on it go on.
            const std::lock_guard lock(mutex_);
            missing_ = error->detail;
            look_again_ = token_->options().now() + token_->options().longest_pause;
            return fail::unavailable(missing_);
        }
        if (step != another_session) token_->reconnect(epoch, step == restarted_module);
        ++step;
    }
}

Result<void> TokenKey::perform_once(Token::Lease& lease, Blame blame, const Work& work) {
    TRY(const CK_OBJECT_HANDLE key, handle(lease));
    Session::Reauthenticate again;
    if (reauthenticates_) {
        again = [this, &lease](Session& session) { return token_->authenticate_again(session, lease.connection()); };
    }
    Session& session = lease.session();
    if (work(session, key, again)) return boost::system::in_place_value;
    const std::string reason = uri_.text() + ": " + name_of(session.failure());
    if (blame == Blame::input && session.failed_on_input() && may_be_about_the_input(session.failure()))
        return fail::malformed(reason);
    const std::lock_guard lock(mutex_);
    handle_epoch_ = 0;
    return fail::unavailable(reason);
}

// Handles are good as long as the connection. What is found after a new one must be the same key: a token with another
// key of that name must not sign for us.
Result<CK_OBJECT_HANDLE> TokenKey::handle(Token::Lease& lease) {
    const std::uint64_t epoch = lease.connection().epoch;
    {
        const std::lock_guard lock(mutex_);
        if (handle_epoch_ == epoch) return handle_;
    }
    auto found = look_up(lease.session(), uri_);
    if (!found) {
        const bool several = found.error().kind == ErrorKind::malformed;
        return within(uri_.text(), several ? fail::denied(found.error().detail) : found.error());
    }
    const auto now_there = read_public_key(lease.session(), *found);
    if (!now_there && now_there.error().kind == ErrorKind::unavailable) return now_there.error();
    if (!now_there || !(*now_there == public_key_)) {
        return fail::denied(uri_.text() +
                            ": the token now holds another key of this name; reload the configuration "
                            "if that is meant");
    }
    const std::lock_guard lock(mutex_);
    handle_epoch_ = epoch;
    handle_ = *found;
    missing_.clear();
    return *found;
}

Result<Bytes> TokenKey::sign(crypto::SignatureScheme scheme, ByteView message) {
    if ((scheme.padding == crypto::Padding::ecdsa) == public_key_.is_rsa() ||
        scheme.digest == crypto::DigestAlgorithm::md5) {
        return fail::malformed(crypto::name(scheme) + " with " + description_);
    }
    Bytes signature;
    CHECK(perform(Blame::token, [&](Session& session, CK_OBJECT_HANDLE key, const Session::Reauthenticate& again) {
        return sign_digest(session, key, again, scheme, message, signature);
    }));
    if (!public_key_.verify(scheme, message, signature))
        return fail::unavailable(description_ + ": the token made a signature that does not hold");
    return signature;
}

bool TokenKey::sign_digest(Session& session, CK_OBJECT_HANDLE key, const Session::Reauthenticate& again,
                           crypto::SignatureScheme scheme, ByteView message, Bytes& signature) const {
    SignatureInput input(scheme, message, public_key_.bits());
    auto made = session.sign(key, input.mechanism(), input.octets(), again);
    if (!made) return false;
    signature = to_wire_form(scheme, *std::move(made));
    return true;
}

Result<Secret> TokenKey::decrypt(DecryptScheme scheme, ByteView ciphertext) {
    if (!offers(scheme)) return fail::malformed("a decryption that " + description_ + " does not offer");
    if (ciphertext.size() != modulus_.size() ||
        !std::lexicographical_compare(ciphertext.begin(), ciphertext.end(), modulus_.begin(), modulus_.end())) {
        return fail::malformed("a ciphertext that is not below the RSA modulus");
    }
    DecryptMechanism mechanism(scheme);
    std::optional<Secret> plaintext;
    CHECK(perform(Blame::input, [&](Session& session, CK_OBJECT_HANDLE key, const Session::Reauthenticate& again) {
        plaintext = session.decrypt(key, mechanism.get(), ciphertext, again);
        return plaintext.has_value();
    }));
    if (scheme != DecryptScheme::rsa_raw || plaintext->size() == modulus_.size()) return *std::move(plaintext);
    // Some tokens leave out leading zeros.
    Secret block = Secret::of_size(modulus_.size());
    std::ranges::copy(plaintext->reveal(), block.writable().last(plaintext->size()).begin());
    return block;
}

Result<void> TokenKey::suits(KeyUse use) const {
    const std::string& reason = use == KeyUse::sign ? cannot_sign_ : cannot_open_;
    if (reason.empty()) return boost::system::in_place_value;
    return fail::denied(description_ + ": " + reason);
}

Result<void> TokenKey::probe() {
    {
        const std::lock_guard lock(mutex_);
        handle_epoch_ = 0;
    }
    return perform(Blame::token, [](Session&, CK_OBJECT_HANDLE, const Session::Reauthenticate&) { return true; });
}

}  // namespace countersign::keys::pkcs11
