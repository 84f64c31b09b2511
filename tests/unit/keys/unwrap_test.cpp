#include "countersign/keys/unwrap.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <functional>
#include <set>

#include "countersign/keys/file_key.hpp"
#include "vectors.hpp"

namespace countersign::keys {
namespace {

constexpr std::size_t key_octets = 16;
constexpr std::size_t modulus_octets = 256;

class Unwrap : public ::testing::Test {
protected:
    Result<Secret> unwrap(ByteView wrapped, const crypto::KeyTransport& transport = {},
                          std::size_t length = key_octets) {
        return unwrap_content_key(*key_, transport, wrapped, length, secret_);
    }
    Bytes opened(ByteView wrapped, const crypto::KeyTransport& transport = {}) {
        const auto result = unwrap(wrapped, transport);
        EXPECT_TRUE(result);
        return result ? to_bytes(result->reveal()) : Bytes();
    }

    // RSAEP of a whole block: what an attacker who chooses the padding sends.
    Bytes encrypt_block(const Bytes& block) {
        const unsigned char* at = key_->public_key().spki().data();
        const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> pkey(
            d2i_PUBKEY(nullptr, &at, static_cast<long>(key_->public_key().spki().size())), EVP_PKEY_free);
        const std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)> context(
            EVP_PKEY_CTX_new_from_pkey(nullptr, pkey.get(), nullptr), EVP_PKEY_CTX_free);
        Bytes out(modulus_octets);
        std::size_t size = out.size();
        EXPECT_EQ(EVP_PKEY_encrypt_init(context.get()), 1);
        EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING), 1);
        EXPECT_EQ(EVP_PKEY_encrypt(context.get(), out.data(), &size, block.data(), block.size()), 1);
        return out;
    }

    // A correct PKCS#1 v1.5 block around `content`.
    static Bytes block(const Bytes& content) {
        Bytes out(modulus_octets, 0x5a);
        out[0] = 0;
        out[1] = 2;
        out[modulus_octets - content.size() - 1] = 0;
        std::copy(content.begin(), content.end(), out.end() - static_cast<std::ptrdiff_t>(content.size()));
        return out;
    }

    std::shared_ptr<Key> key_ = *key_from_pem(Secret(test::vector_text("clients/encryption.key.pem")), "vector");
    Secret secret_{std::string_view("substitute secret of this test!!")};
    Bytes content_key_ = test::vector_octets("keys/content-key.bin");
};

struct Wrapped {
    const char* file;
    crypto::KeyTransport transport;
};
constexpr auto sha1 = crypto::DigestAlgorithm::sha1;
constexpr auto sha256 = crypto::DigestAlgorithm::sha256;
const Wrapped wrapped_keys[] = {
    {"wrapped-pkcs1.bin", {}},
    {"wrapped-oaep-sha1.bin", {true, sha1, sha1}},
    {"wrapped-oaep-sha256.bin", {true, sha256, sha256}},
    {"wrapped-oaep-sha256-mgf1-sha1.bin", {true, sha256, sha1}},
};

TEST_F(Unwrap, opens_what_openssl_wrapped_and_only_under_its_own_padding) {
    for (const auto& wrapped : wrapped_keys) {
        for (const auto& other : wrapped_keys) {
            const Bytes found = opened(test::vector_octets(std::string("keys/") + wrapped.file), other.transport);
            EXPECT_EQ(found == content_key_, wrapped.file == other.file) << wrapped.file << " as " << other.file;
            EXPECT_EQ(found.size(), key_octets);
        }
    }
}

TEST_F(Unwrap, a_label_does_not_open) {
    EXPECT_NE(opened(test::vector_octets("keys/wrapped-oaep-labelled.bin"), {true, sha1, sha1}), content_key_);
}

TEST_F(Unwrap, opens_a_block_of_the_test_itself) {
    EXPECT_EQ(opened(encrypt_block(block(content_key_))), content_key_);
}

// Every way in which the padding can be wrong gives a key, the same key each time, and not the one inside.
TEST_F(Unwrap, every_bad_padding_gives_its_own_steady_substitute) {
    std::vector<std::pair<std::string, Bytes>> bad;
    const auto add = [&](std::string what, const std::function<void(Bytes&)>& spoil) {
        Bytes value = block(content_key_);
        spoil(value);
        bad.emplace_back(std::move(what), std::move(value));
    };
    add("first octet", [](Bytes& b) { b[0] = 1; });
    for (const int type : {0, 1, 3, 0x82, 0xff}) {
        add("block type " + std::to_string(type), [&](Bytes& b) { b[1] = static_cast<std::uint8_t>(type); });
    }
    for (std::size_t at = 2; at < modulus_octets - key_octets - 1; ++at) {
        add("zero at " + std::to_string(at), [&](Bytes& b) { b[at] = 0; });
    }
    for (const int value : {1, 0x80, 0xff}) {
        add("separator " + std::to_string(value),
            [&](Bytes& b) { b[modulus_octets - key_octets - 1] = static_cast<std::uint8_t>(value); });
    }
    bad.emplace_back("shorter key", block(Bytes(content_key_.begin() + 1, content_key_.end())));
    Bytes longer = content_key_;
    longer.push_back(0x77);
    bad.emplace_back("longer key", block(longer));
    bad.emplace_back("zero", Bytes(modulus_octets, 0));

    std::set<Bytes> seen;
    for (const auto& [what, value] : bad) {
        const Bytes wrapped = encrypt_block(value);
        const Bytes found = opened(wrapped);
        ASSERT_EQ(found.size(), key_octets) << what;
        EXPECT_NE(found, content_key_) << what;
        EXPECT_NE(found, Bytes(value.end() - key_octets, value.end())) << what;
        EXPECT_EQ(opened(wrapped), found) << what;
        EXPECT_TRUE(seen.insert(found).second) << what;
    }
}

TEST_F(Unwrap, a_wrong_length_or_a_number_above_the_modulus_gets_a_substitute_too) {
    for (const Bytes& wrapped : {Bytes(), Bytes(1, 5), Bytes(255, 7), Bytes(257, 7), Bytes(256, 0xff), Bytes(100000, 1),
                                 key_->public_key().rsa_modulus()}) {
        const Bytes found = opened(wrapped);
        EXPECT_EQ(found.size(), key_octets);
        EXPECT_EQ(opened(wrapped), found);
    }
}

TEST_F(Unwrap, the_substitute_depends_on_secret_ciphertext_and_length) {
    const Bytes wrapped(modulus_octets, 1);
    const Bytes first = opened(wrapped);
    const auto longer = unwrap(wrapped, {}, 32);
    ASSERT_TRUE(longer);
    EXPECT_NE(Bytes(longer->reveal().begin(), longer->reveal().begin() + 16), first);
    secret_ = Secret(std::string_view("another secret"));
    EXPECT_NE(opened(wrapped), first);
}

TEST_F(Unwrap, a_substitute_longer_than_one_hmac_does_not_repeat) {
    const auto found = unwrap(Bytes(modulus_octets, 1), {}, 64);
    ASSERT_TRUE(found);
    EXPECT_FALSE(equal(found->reveal().first(32), found->reveal().last(32)));
}

class FakeKey : public Key {
public:
    explicit FakeKey(std::shared_ptr<Key> real) : real_(std::move(real)) {}
    const crypto::PublicKey& public_key() const override { return real_->public_key(); }
    Result<Bytes> sign(crypto::SignatureScheme, ByteView) override { return fail::internal("not in this test"); }
    bool offers(DecryptScheme scheme) const override {
        return scheme == DecryptScheme::rsa_raw ? raw : scheme == padded;
    }
    Result<Secret> decrypt(DecryptScheme scheme, ByteView ciphertext) override {
        ++operations;
        if (error) return *error;
        return real_->decrypt(scheme, ciphertext);
    }
    std::string describe() const override { return "fake"; }

    bool raw = true;
    DecryptScheme padded = DecryptScheme::rsa_pkcs1;
    int operations = 0;
    std::optional<Error> error;

private:
    std::shared_ptr<Key> real_;
};

TEST_F(Unwrap, trouble_with_the_key_is_an_error_and_not_a_substitute) {
    const auto fake = std::make_shared<FakeKey>(key_);
    key_ = fake;
    for (const bool raw : {true, false}) {
        fake->raw = raw;
        fake->error = fail::unavailable("token away");
        const auto result = unwrap(test::vector_octets("keys/wrapped-pkcs1.bin"));
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().kind, ErrorKind::unavailable);
        fake->error = fail::malformed("the token did not like it");
        EXPECT_TRUE(unwrap(test::vector_octets("keys/wrapped-pkcs1.bin")));
    }
}

TEST_F(Unwrap, a_token_without_raw_rsa_opens_pkcs1_alone) {
    const Bytes wrong_padding = encrypt_block(Bytes(modulus_octets, 0));
    const Bytes expected = opened(wrong_padding);
    const auto fake = std::make_shared<FakeKey>(key_);
    fake->raw = false;
    key_ = fake;
    EXPECT_EQ(opened(test::vector_octets("keys/wrapped-pkcs1.bin")), content_key_);
    EXPECT_EQ(opened(wrong_padding), expected);
    const auto longer = unwrap(test::vector_octets("keys/wrapped-pkcs1.bin"), {}, 32);
    ASSERT_TRUE(longer);
    EXPECT_EQ(longer->size(), 32u);
    const auto oaep = unwrap(test::vector_octets("keys/wrapped-oaep-sha1.bin"), {true, sha1, sha1});
    ASSERT_FALSE(oaep);
    EXPECT_EQ(oaep.error().kind, ErrorKind::internal);
}

TEST_F(Unwrap, public_knowledge_costs_no_private_key_operation) {
    const auto fake = std::make_shared<FakeKey>(key_);
    key_ = fake;
    opened(Bytes(255, 7));
    opened(Bytes(256, 0xff));
    EXPECT_EQ(fake->operations, 0);
    opened(Bytes(256, 1));
    EXPECT_EQ(fake->operations, 1);
}

TEST_F(Unwrap, refuses_keys_and_lengths_that_cannot_be) {
    EXPECT_FALSE(unwrap(Bytes(256, 1), {}, 0));
    EXPECT_FALSE(unwrap(Bytes(256, 1), {}, 246));
    EXPECT_TRUE(unwrap(Bytes(256, 1), {}, 245));
    key_ = *key_from_pem(Secret(test::vector_text("keys/p384.pem")), "vector");
    EXPECT_EQ(unwrap(Bytes(256, 1)).error().kind, ErrorKind::internal);
}

}  // namespace
}  // namespace countersign::keys
