// A key source over a SoftHSM of the test's own, through the shim, with a clock the test moves.
#pragma once

#include "countersign/core/random.hpp"
#include "countersign/keys/pkcs11_key.hpp"
#include "softhsm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <p11-kit/pkcs11.h>

#include <atomic>

namespace countersign::keys {

class TokenTest : public ::testing::Test {
protected:
    Pkcs11Options options(unsigned sessions = 4) {
        Pkcs11Options options;
        options.directory = hsm_.directory();
        options.module = test::SoftHsm::module();
        options.sessions = sessions;
        options.now = [this] {
            return std::chrono::steady_clock::time_point(std::chrono::seconds(1000 + elapsed_.load()));
        };
        return options;
    }
    Pkcs11KeySource& source() {
        if (!source_) source_ = std::make_unique<Pkcs11KeySource>(options());
        return *source_;
    }
    void restart(unsigned sessions = 4) {
        source_.reset();
        source_ = std::make_unique<Pkcs11KeySource>(options(sessions));
    }
    // Beyond every pause.
    void wait() { elapsed_ += 60; }

    std::shared_ptr<Key> make(const std::string& name, KeyUse use = KeyUse::sign,
                              GeneratedKey kind = GeneratedKey::rsa2048) {
        auto made = source().generate(hsm_.uri(name), kind, use, random_);
        EXPECT_TRUE(made) << describe(made.error());
        return made ? *made : nullptr;
    }
    Result<std::shared_ptr<Key>> open(const std::string& name) { return source().open(hsm_.uri(name)); }
    static test::Pkcs11Shim& shim() { return test::SoftHsm::shim(); }

    static Result<Bytes> sign(Key& key) { return key.sign(sha256_scheme(key), as_bytes("message")); }
    static crypto::SignatureScheme sha256_scheme(const Key& key) {
        return key.public_key().scheme_with(crypto::DigestAlgorithm::sha256);
    }
    static bool signs(Key& key) {
        const auto signature = sign(key);
        return signature && key.public_key().verify(sha256_scheme(key), as_bytes("message"), *signature);
    }

    test::SoftHsm hsm_;
    SystemRandom random_;
    std::atomic<int> elapsed_{0};
    std::unique_ptr<Pkcs11KeySource> source_;
};

}  // namespace countersign::keys
