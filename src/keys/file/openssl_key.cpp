#include "openssl_key.hpp"

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <functional>
#include <mutex>

#include "countersign/crypto/ossl.hpp"

namespace countersign::keys {

namespace {

const char* openssl_name(crypto::DigestAlgorithm algorithm) {
    switch (algorithm) {
        case crypto::DigestAlgorithm::sha1: return "SHA1";
        case crypto::DigestAlgorithm::sha256: return "SHA256";
        case crypto::DigestAlgorithm::sha384: return "SHA384";
        case crypto::DigestAlgorithm::sha512: return "SHA512";
        case crypto::DigestAlgorithm::md5: break;  // this program never signs with it
    }
    return nullptr;
}

Error openssl_failed(std::string_view what) {
    crypto::openssl_refused();
    return fail::internal(std::string(what) + " failed in OpenSSL");
}

// One EVP_PKEY for all threads: OpenSSL locks what it shares (blinding) only for moments, so every operation
// needs no more than a context of its own.
//
// After want of memory it is replaced by a copy of the key as it was read. OpenSSL renews a key's blinding in two
// steps, and one that got no memory for the second leaves the results of the next operations wrong, on all threads.
class OpensslKey final : public Key {
public:
    OpensslKey(crypto::Ossl<EVP_PKEY> key, crypto::PublicKey public_key, std::string description)
        : as_read_(std::move(key)),
          public_key_(std::move(public_key)),
          modulus_(public_key_.rsa_modulus()),
          description_(std::move(description)) {}

    const crypto::PublicKey& public_key() const override { return public_key_; }
    Result<Bytes> sign(crypto::SignatureScheme scheme, ByteView message) override;
    bool offers(DecryptScheme scheme) const override {
        return public_key_.is_rsa() && (scheme == DecryptScheme::rsa_raw || scheme == DecryptScheme::rsa_pkcs1);
    }
    Result<Secret> decrypt(DecryptScheme scheme, ByteView ciphertext) override;
    bool agrees() const override { return !public_key_.is_rsa(); }
    Result<Secret> agree(const crypto::PublicKey& peer) override;
    std::string describe() const override { return description_; }

private:
    template <class T>
    Result<T> operate(const std::function<Result<T>(EVP_PKEY* key)>& operation);
    std::shared_ptr<EVP_PKEY> sound_key(std::uint64_t wants);
    Result<Bytes> sign_with(EVP_PKEY* key, crypto::SignatureScheme scheme, ByteView message) const;
    Result<Secret> decrypt_with(EVP_PKEY* key, DecryptScheme scheme, ByteView ciphertext) const;
    Result<Secret> agree_with(EVP_PKEY* key, const crypto::PublicKey& peer) const;

    const crypto::Ossl<EVP_PKEY> as_read_;  // copied, never used
    std::mutex mutex_;                      // of the next two
    std::shared_ptr<EVP_PKEY> key_;
    std::uint64_t copied_at_ = 0;  // wants of memory there had been then
    crypto::PublicKey public_key_;
    Bytes modulus_;
    std::string description_;
};

std::shared_ptr<EVP_PKEY> OpensslKey::sound_key(std::uint64_t wants) {
    const std::lock_guard lock(mutex_);
    if (key_ && copied_at_ == wants) return key_;
    crypto::Ossl<EVP_PKEY> copy(EVP_PKEY_dup(as_read_.get()));
    ERR_clear_error();
    if (!copy) throw std::bad_alloc();  // nothing else keeps a key in memory from being copied
    key_ = std::shared_ptr<EVP_PKEY>(std::move(copy));
    copied_at_ = wants;
    return key_;
}

// What came out while somebody wanted memory is not believed: he may have been renewing the blinding that we used.
template <class T>
Result<T> OpensslKey::operate(const std::function<Result<T>(EVP_PKEY* key)>& operation) {
    constexpr int most_tries = 3;
    for (int tries = 0; tries < most_tries; ++tries) {
        const auto wants = crypto::openssl_wants_of_memory();
        const auto key = sound_key(wants);
        auto result = operation(key.get());
        if (crypto::openssl_wants_of_memory() == wants) return result;
    }
    throw std::bad_alloc();
}

Result<Bytes> OpensslKey::sign(crypto::SignatureScheme scheme, ByteView message) {
    return operate<Bytes>([&](EVP_PKEY* key) { return sign_with(key, scheme, message); });
}

Result<Secret> OpensslKey::decrypt(DecryptScheme scheme, ByteView ciphertext) {
    return operate<Secret>([&](EVP_PKEY* key) { return decrypt_with(key, scheme, ciphertext); });
}

Result<Secret> OpensslKey::agree(const crypto::PublicKey& peer) {
    return operate<Secret>([&](EVP_PKEY* key) { return agree_with(key, peer); });
}

Result<Bytes> OpensslKey::sign_with(EVP_PKEY* key, crypto::SignatureScheme scheme, ByteView message) const {
    const char* digest = openssl_name(scheme.digest);
    if (digest == nullptr) return fail::malformed("no signatures with " + std::string(crypto::name(scheme.digest)));
    if ((scheme.padding == crypto::Padding::ecdsa) == public_key_.is_rsa()) {
        return fail::malformed(crypto::name(scheme) + " with a key of type " +
                               std::string(crypto::name(public_key_.algorithm())));
    }
    const crypto::Ossl<EVP_MD_CTX> context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* parameters = nullptr;  // owned by context
    if (!context || EVP_DigestSignInit_ex(context.get(), &parameters, digest, nullptr, nullptr, key, nullptr) != 1) {
        return openssl_failed("preparing a signature");
    }
    if (scheme.padding == crypto::Padding::rsa_pss &&
        (EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) != 1 ||
         EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) != 1)) {
        return openssl_failed("preparing a PSS signature");
    }
    // Named here because a default may change, and PKCS#1 v1.5 is meant.
    if (scheme.padding == crypto::Padding::rsa_pkcs1 &&
        EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PADDING) != 1) {
        return openssl_failed("preparing a PKCS#1 signature");
    }
    std::size_t size = static_cast<std::size_t>(EVP_PKEY_get_size(key));
    Bytes signature(size);
    if (EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1) {
        return openssl_failed("signing");
    }
    signature.resize(size);
    return signature;
}

Result<Secret> OpensslKey::decrypt_with(EVP_PKEY* key, DecryptScheme scheme, ByteView ciphertext) const {
    if (!offers(scheme)) return fail::malformed("a decryption that this key does not offer");
    if (ciphertext.size() != modulus_.size() ||
        !std::lexicographical_compare(ciphertext.begin(), ciphertext.end(), modulus_.begin(), modulus_.end())) {
        return fail::malformed("a ciphertext that is not below the RSA modulus");
    }
    const int padding = scheme == DecryptScheme::rsa_raw ? RSA_NO_PADDING : RSA_PKCS1_PADDING;
    const crypto::Ossl<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    if (!context || EVP_PKEY_decrypt_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), padding) != 1) {
        return openssl_failed("preparing a decryption");
    }
    Secret plaintext = Secret::of_size(modulus_.size());
    std::size_t size = plaintext.size();
    const int opened =
        EVP_PKEY_decrypt(context.get(), plaintext.writable().data(), &size, ciphertext.data(), ciphertext.size());
    ERR_clear_error();
    if (opened != 1) {
        crypto::throw_if_memory_was_short();
        return fail::malformed("RSA decryption failed");
    }
    plaintext.truncate(size);
    return plaintext;
}

Result<Secret> OpensslKey::agree_with(EVP_PKEY* key, const crypto::PublicKey& peer) const {
    if (!agrees()) return fail::denied("an RSA key does not do ECDH");
    if (peer.algorithm() != public_key_.algorithm()) return fail::malformed("a peer on another curve");
    const crypto::ErrorMark mark;
    const Bytes spki = to_bytes(peer.spki());
    const unsigned char* at = spki.data();
    const crypto::Ossl<EVP_PKEY> other(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
    const crypto::Ossl<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    Secret shared = Secret::of_size((public_key_.bits() + 7) / 8);
    std::size_t size = shared.size();
    if (!other || !context || EVP_PKEY_derive_init(context.get()) != 1 ||
        EVP_PKEY_derive_set_peer(context.get(), other.get()) != 1 ||
        EVP_PKEY_derive(context.get(), shared.writable().data(), &size) != 1 || size != shared.size()) {
        crypto::throw_if_memory_was_short();
        return fail::malformed("ECDH failed");
    }
    return shared;
}

// Asks nobody: a daemon has no one to ask, and the key source promises unencrypted keys.
int no_passphrase(char*, int, int, void*) {
    return -1;
}

Result<crypto::PublicKey> public_half(EVP_PKEY* key) {
    return crypto::PublicKey::from_spki(crypto::to_der(key, i2d_PUBKEY));
}

// One signature, checked with the public half: a damaged key is found here and not by the first client.
Result<void> prove(Key& key) {
    const auto message = as_bytes("countersign: does this key work?");
    const auto scheme = key.public_key().scheme_with(crypto::DigestAlgorithm::sha256);
    const auto signature = key.sign(scheme, message);
    if (!signature || !key.public_key().verify(scheme, message, *signature)) {
        return fail::malformed("the private key does not work: its signature does not verify");
    }
    return boost::system::in_place_value;
}

}  // namespace

Result<std::shared_ptr<Key>> openssl_key_from_pem(ByteView pem, std::string description) {
    constexpr unsigned least_rsa_bits = 2048;
    if (as_text(pem).find("ENCRYPTED") != std::string_view::npos) {
        return fail::malformed("the private key is encrypted; remove the passphrase: openssl pkey -in KEY -out NEW");
    }
    const crypto::Ossl<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    if (!bio) return openssl_failed("reading a key");
    crypto::Ossl<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
    if (!key) {
        crypto::openssl_refused();
        return fail::malformed("no private key in PEM form");
    }
    ERR_clear_error();
    auto public_key = public_half(key.get());
    if (!public_key) return within("the key", std::move(public_key).error());
    if (public_key->is_rsa() && public_key->bits() < least_rsa_bits) {
        return fail::malformed("an RSA key of " + std::to_string(public_key->bits()) +
                               " bits; at least 2048 are needed");
    }
    const std::string kind = std::string(crypto::name(public_key->algorithm())) +
                             (public_key->is_rsa() ? " " + std::to_string(public_key->bits()) : "");
    auto result = std::make_shared<OpensslKey>(std::move(key), *std::move(public_key), description + " (" + kind + ")");
    CHECK(prove(*result));
    return std::shared_ptr<Key>(std::move(result));
}

}  // namespace countersign::keys
