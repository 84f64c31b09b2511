#include "countersign/policy/key_strength.hpp"

#include "cases.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/crypto/ossl.hpp"
#include "countersign/policy/blocked_keys.hpp"
#include "test_keys.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <stdexcept>

namespace countersign::policy::test {
namespace {

using Codes = std::multiset<std::string>;
const Codes none;

// An RSA public key from its numbers, whether or not anybody could have made it.
crypto::PublicKey rsa(const Bytes& modulus, unsigned long exponent = 65537) {
    using namespace crypto;
    const Ossl<BIGNUM> n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
    const Ossl<BIGNUM> e(BN_new());
    BN_set_word(e.get(), exponent);
    const Ossl<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
    const Ossl<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
    const Ossl<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    EVP_PKEY* key = nullptr;
    EVP_PKEY_fromdata_init(context.get());
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get());
    const Ossl<EVP_PKEY> owned(key);
    return PublicKey::from_spki(to_der(owned.get(), i2d_PUBKEY)).value();
}

crypto::PublicKey rsa_named(const std::string& wanted) {
    std::istringstream lines(countersign::test::vector_text("policy/moduli.txt"));
    std::string line;
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        std::string name, bits, hex;
        words >> name >> bits >> hex;
        if (name == wanted) return rsa(from_hex(hex).value());
    }
    throw std::runtime_error("no modulus " + wanted);
}

crypto::PublicKey key_in_pem(const std::string& name) {
    const auto blocks = crypto::from_pem(countersign::test::vector_text(name), "PUBLIC KEY").value();
    return crypto::PublicKey::from_spki(blocks.front()).value();
}

Codes judged(const crypto::PublicKey& key, const KeyRules& rules = {}) {
    return codes(key_findings(key, rules));
}

TEST(KeyStrength, GoodKeysPass) {
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(judged(countersign::test::rsa_key(i).public_key()), none);
    EXPECT_EQ(judged(countersign::test::p256_key().public_key()), none);
    EXPECT_EQ(judged(countersign::test::p384_key().public_key()), none);
}

TEST(KeyStrength, RsaSizesAreBounded) {
    EXPECT_EQ(judged(rsa_named("size_1024")), Codes{"KeyLengthMismatch"});
    EXPECT_EQ(judged(rsa_named("size_2040")), Codes{"KeyLengthMismatch"});
    EXPECT_EQ(judged(rsa_named("size_2056")), none);
    EXPECT_EQ(judged(rsa_named("size_3072")), none);
    EXPECT_EQ(judged(rsa_named("size_4096")), none);
    EXPECT_EQ(judged(rsa_named("size_4104")), Codes{"KeyLengthMismatch"});
    KeyRules rules;
    rules.rsa_bits_min = 3072;
    EXPECT_EQ(judged(countersign::test::rsa_key().public_key(), rules), Codes{"KeyLengthMismatch"});
    rules.rsa_bits_max = 3072;
    EXPECT_EQ(judged(rsa_named("size_3072"), rules), none);
}

TEST(KeyStrength, RsaSizesAreWholeOctets) {
    EXPECT_EQ(judged(rsa_named("size_2049")), Codes{"KeyLengthMismatch"});
    EXPECT_EQ(judged(rsa_named("size_2047")), (Codes{"KeyLengthMismatch", "KeyLengthMismatch"}));
}

TEST(KeyStrength, TheExponentIs65537) {
    for (const std::string exponent : {"3", "17", "65539"}) {
        EXPECT_EQ(judged(key_in_pem("policy/spki-exponent-" + exponent + ".pem")), Codes{"KeyWeak"}) << exponent;
    }
}

TEST(KeyStrength, WeakModuliAreFound) {
    for (const std::string name : {"roca2048", "fermat_next", "fermat_512", "fermat_60", "small_3", "small_751"}) {
        EXPECT_EQ(judged(rsa_named(name)), Codes{"KeyWeak"}) << name;
    }
    EXPECT_EQ(judged(rsa_named("fermat_130")), none) << "beyond the rounds";
    EXPECT_EQ(judged(rsa_named("small_757")), none) << "beyond the primes";
}

TEST(KeyStrength, EveryWeaknessIsReported) {
    EXPECT_EQ(judged(rsa_named("roca1024")), (Codes{"KeyLengthMismatch", "KeyWeak"}));
    const auto key = rsa(from_hex("ff" + std::string(254, '0') + "03").value(), 3);  // 3 divides it
    EXPECT_EQ(judged(key), (Codes{"KeyLengthMismatch", "KeyWeak", "KeyWeak"}));
}

TEST(KeyStrength, AlgorithmsNeedLeave) {
    KeyRules only_rsa;
    only_rsa.algorithms = {"RSA"};
    EXPECT_EQ(judged(countersign::test::rsa_key().public_key(), only_rsa), none);
    EXPECT_EQ(judged(countersign::test::p256_key().public_key(), only_rsa), Codes{"KeyAlgorithmForbidden"});
    KeyRules only_p384;
    only_p384.algorithms = {"p384"};
    EXPECT_EQ(judged(countersign::test::p384_key().public_key(), only_p384), none);
    EXPECT_EQ(judged(countersign::test::rsa_key().public_key(), only_p384), Codes{"KeyAlgorithmForbidden"});
    const auto p521 = key_in_pem("crypto/spki-p521.pem");
    EXPECT_EQ(judged(p521), Codes{"KeyAlgorithmForbidden"}) << "not among the defaults";
    KeyRules with_p521;
    with_p521.algorithms = {"p521"};
    EXPECT_EQ(judged(p521, with_p521), none);
}

KeyRules blocking(const std::string& text) {
    KeyRules rules;
    rules.blocked = std::make_shared<const BlockedKeys>(BlockedKeys::parse(text).value());
    return rules;
}

// The lines are what `openssl pkey -pubin -outform DER | sha256sum` and `openssl rsa -modulus -noout | sha1sum` print.
TEST(KeyStrength, BlockedKeysAreRefusedByEitherHash) {
    const auto& rsa = key_in_pem("policy/blocked-rsa.pem");
    const auto& ec = countersign::test::p256_key().public_key();
    const std::string spki = "9ab652224ba53de5f8b2af4c0272fe6930374e98073827da3594fe9923240d8a";
    const std::string modulus = "348fa7287fba09001222";
    EXPECT_EQ(judged(rsa, blocking(spki)), Codes{"KeyBlocked"});
    EXPECT_EQ(judged(rsa, blocking(modulus)), Codes{"KeyBlocked"});
    EXPECT_EQ(judged(ec, blocking(spki + "\n" + modulus)), none);
    EXPECT_EQ(judged(ec, blocking(crypto::sha256_hex(ec.spki()))), Codes{"KeyBlocked"});
    EXPECT_EQ(judged(countersign::test::rsa_key().public_key(), blocking(spki + "\n" + modulus)), none);
    EXPECT_EQ(judged(rsa, blocking("")), none);
}

TEST(KeyStrength, BlockedKeysAreReadLineByLine) {
    const std::string one(64, 'a');
    const std::string other(20, 'B');
    EXPECT_EQ(BlockedKeys::parse("# Debian\n\n" + one + "  # lost in May\r\n\t" + other + "\n")->size(), 2U);
    EXPECT_EQ(BlockedKeys::parse(one)->size(), 1U);
    EXPECT_EQ(BlockedKeys::parse("")->size(), 0U);
    for (const auto& wrong : {one + "a", one + "aa", one.substr(2), other + "BB", std::string("xyz"), one + " " + other,
                              std::string(40, 'a'), std::string(64, 'g')}) {
        const auto keys = BlockedKeys::parse(one + "\n" + wrong + "\n");
        ASSERT_FALSE(keys) << wrong;
        EXPECT_NE(keys.error().detail.find("line 2"), std::string::npos) << keys.error().detail;
    }
}

TEST(KeyStrength, NoneOfManyLinesIsMissed) {
    std::string text;
    for (unsigned i = 0; i < 5000; ++i) {
        const auto hash = crypto::sha256_hex(as_bytes(std::to_string(i)));
        text += (i % 2 == 0 ? hash : hash.substr(0, 20)) + "\n";
    }
    const auto& key = countersign::test::p256_key().public_key();
    EXPECT_EQ(judged(key, blocking(text)), none);
    EXPECT_EQ(judged(key, blocking(text + crypto::sha256_hex(key.spki()) + "\n" + text)), Codes{"KeyBlocked"});
}

// The judge asks all of this of every request.
TEST(KeyStrength, TheJudgeRefusesWeakKeys) {
    auto rules = device_template();
    rules.key.rsa_bits_min = 3072;
    EXPECT_EQ(refusals(judge_request(request_named("plain"), rules)), Codes{"KeyLengthMismatch"});
    rules = device_template();
    rules.key.algorithms = {"rsa"};
    EXPECT_EQ(refusals(judge_request(request_named("usage-both-ec"), rules)), Codes{"KeyAlgorithmForbidden"});
    rules = device_template();
    const auto request = request_named("plain");
    rules.key = blocking(crypto::sha256_hex(request.public_key().spki()));
    EXPECT_EQ(refusals(judge_request(request, rules)), Codes{"KeyBlocked"});
}

}  // namespace
}  // namespace countersign::policy::test
