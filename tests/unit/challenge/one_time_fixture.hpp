// One-time passwords over a real SQLite store.
#pragma once

#include "countersign/challenge/one_time.hpp"
#include "countersign/store/database.hpp"
#include "counting_random.hpp"
#include "scratch_directory.hpp"
#include "store_samples.hpp"

#include <gtest/gtest.h>

namespace countersign::challenge {

inline const Secret& test_pepper() {
    static const Secret pepper = [] {
        Secret octets = Secret::of_size(32);
        for (std::size_t i = 0; i < 32; ++i) octets.writable()[i] = static_cast<std::uint8_t>(i);
        return octets;
    }();
    return pepper;
}

class OneTimeTest : public testing::Test {
protected:
    void SetUp() override { database_ = open(); }

    std::unique_ptr<store::Database> open() {
        store::DatabaseOptions options;
        options.url = "sqlite:" + (directory_ / "test.db").string();
        if (!store::Database::migrate(options)) ADD_FAILURE() << "no database";
        auto database = store::Database::open(options);
        if (!database) {
            ADD_FAILURE() << describe(database.error());
            return nullptr;
        }
        return *std::move(database);
    }
    static OneTimeOptions options_for(const std::string& profile) {
        OneTimeOptions options;
        options.profile = profile;
        options.max_outstanding = 100;
        options.burn_after_refusals = 3;
        return options;
    }
    OneTimePasswords passwords_of(const std::string& profile) {
        return OneTimePasswords(options_for(profile), test_pepper(), database_->challenges(), random_);
    }
    static Facts facts_with(std::string_view typed, const std::string& profile = "default",
                            Time now = test::at_minute(1)) {
        Facts facts;
        facts.profile = profile;
        facts.challenge = Secret(typed);
        facts.now = now;
        return facts;
    }
    // A fresh password as the administrator sees it.
    std::string minted(OneTimePasswords& passwords, const Binding& binding = {}) {
        auto result = passwords.issue(binding, std::nullopt, "admin", test::at_minute(0));
        if (!result) {
            ADD_FAILURE() << describe(result.error());
            return "";
        }
        return std::string(result->value.reveal_text());
    }
    // What an enrollment does with a claim: durable commit 1.
    Result<void> intend(unsigned number, const Claim& claim) {
        return database_->transactions().record_intent(test::sample_attempt(number, claim.stored_mac));
    }

    test::ScratchDirectory directory_;
    test::CountingRandom random_;
    std::unique_ptr<store::Database> database_;
};

template <class T>
testing::AssertionResult refused_as(const Result<T>& result, ErrorKind kind) {
    if (result) return testing::AssertionFailure() << "accepted, should be " << name(kind);
    if (result.error().kind == kind) return testing::AssertionSuccess();
    return testing::AssertionFailure() << describe(result.error()) << ", should be " << name(kind);
}

}  // namespace countersign::challenge
