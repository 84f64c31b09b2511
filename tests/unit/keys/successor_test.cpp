#include "countersign/keys/successor.hpp"

#include "countersign/keys/file_key.hpp"
#include "countersign/keys/possession.hpp"

#include <gtest/gtest.h>

namespace countersign::keys {
namespace {

std::string successor(const std::string& uri) {
    return successor_uri(uri, "ra", "default-agent", "0123456789ab");
}

TEST(SuccessorUri, OfAFileIsAFileInTheDirectory) {
    EXPECT_EQ(successor("file:/etc/countersign/ra/agent.key"), "file:ra/default-agent-r0123456789ab.key");
    EXPECT_EQ(successor("file:ra/default-agent-rba9876543210.key"), "file:ra/default-agent-r0123456789ab.key");
}

TEST(SuccessorUri, OfAKeyInATokenStaysThereUnderAnotherLabel) {
    EXPECT_EQ(successor("pkcs11:token=ra;object=agent?pin-source=file:/run/pin&module-path=/m.so"),
              "pkcs11:token=ra;object=agent-r0123456789ab?pin-source=file:/run/pin&module-path=/m.so");
    EXPECT_EQ(successor("pkcs11:token=ra;object=agent"), "pkcs11:token=ra;object=agent-r0123456789ab");
}

TEST(SuccessorUri, TakesNoIdOfTheOldKeyAlong) {
    EXPECT_EQ(successor("pkcs11:id=%01%02;token=ra;object=agent;type=private"),
              "pkcs11:token=ra;type=private;object=agent-r0123456789ab");
    EXPECT_EQ(successor("pkcs11:token=ra;id=%01"), "pkcs11:token=ra;object=default-agent-r0123456789ab");
}

TEST(SuccessorUri, MarksDoNotPileUpAndOtherEndingsStay) {
    EXPECT_EQ(successor("pkcs11:token=ra;object=agent-rba9876543210"), "pkcs11:token=ra;object=agent-r0123456789ab");
    EXPECT_EQ(successor("pkcs11:token=ra;object=agent-rotterdam1234"),
              "pkcs11:token=ra;object=agent-rotterdam1234-r0123456789ab");
}

class DecryptingOnly final : public Key {
public:
    DecryptingOnly(std::shared_ptr<Key> key, bool raw) : key_(std::move(key)), raw_(raw) {}
    const crypto::PublicKey& public_key() const override { return key_->public_key(); }
    Result<Bytes> sign(crypto::SignatureScheme, ByteView) override { return fail::denied("this key signs nothing"); }
    bool offers(DecryptScheme scheme) const override { return raw_ && scheme == DecryptScheme::rsa_raw; }
    Result<Secret> decrypt(DecryptScheme scheme, ByteView ciphertext) override {
        return key_->decrypt(scheme, ciphertext);
    }
    Result<void> suits(KeyUse use) const override {
        if (use == KeyUse::sign) return fail::denied("this key signs nothing");
        return boost::system::in_place_value;
    }
    std::string describe() const override { return "a key that decrypts"; }

private:
    std::shared_ptr<Key> key_;
    bool raw_;
};

std::shared_ptr<Key> new_key(GeneratedKey kind) {
    return *key_from_pem(*generate_private_key_pem(kind), "test");
}

TEST(Possession, IsProvenByASignatureWhicheverWay) {
    const auto message = as_bytes("a certification request");
    for (const auto kind : {GeneratedKey::rsa2048, GeneratedKey::ec_p256}) {
        const auto key = new_key(kind);
        const auto scheme = key->public_key().scheme_with(crypto::DigestAlgorithm::sha256);
        const auto proof = prove_possession(*key, message);
        ASSERT_TRUE(proof) << proof.error().detail;
        EXPECT_TRUE(key->public_key().verify(scheme, message, *proof));
    }
    const auto key = new_key(GeneratedKey::rsa2048);
    const auto scheme = key->public_key().scheme_with(crypto::DigestAlgorithm::sha256);
    DecryptingOnly decrypting(key, true);
    const auto proof = prove_possession(decrypting, message);
    ASSERT_TRUE(proof) << proof.error().detail;
    EXPECT_TRUE(key->public_key().verify(scheme, message, *proof));
    EXPECT_FALSE(key->public_key().verify(scheme, as_bytes("another"), *proof));
}

TEST(Possession, CannotBeProvenByAKeyThatDoesNeither) {
    DecryptingOnly key(new_key(GeneratedKey::rsa2048), false);
    const auto refused = prove_possession(key, as_bytes("x"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::denied);
}

}  // namespace
}  // namespace countersign::keys
