// What every database behind the store's seams must do, whatever engine it is. A backend is run through it with
//
//   INSTANTIATE_TEST_SUITE_P(Name, StoreContract, testing::Values(StoreBackend{...}), backend_name);
//
// from one .cpp that includes store_contract_{transactions,challenges,issued}.hpp.
#pragma once

#include "countersign/store/database.hpp"
#include "store_samples.hpp"

#include <gtest/gtest.h>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace countersign::store {

struct StoreBackend {
    std::string name;
    // A fresh, migrated, empty database. Whatever it lives in dies with the returned pointer's deleter.
    std::function<std::shared_ptr<Database>()> make;
};

inline std::string backend_name(const testing::TestParamInfo<StoreBackend>& info) {
    return info.param.name;
}

class StoreContract : public testing::TestWithParam<StoreBackend> {
protected:
    void SetUp() override {
        database_ = GetParam().make();
        ASSERT_TRUE(database_);
    }

    Transactions& transactions() { return database_->transactions(); }
    Challenges& challenges() { return database_->challenges(); }
    Issued& issued() { return database_->issued(); }

    void insert_challenge(const Challenge& challenge) {
        const auto inserted = challenges().insert(challenge, 1000);
        ASSERT_TRUE(inserted) << describe(inserted.error());
    }
    void insert_intent(const Attempt& attempt) {
        const auto recorded = transactions().record_intent(attempt);
        ASSERT_TRUE(recorded) << describe(recorded.error());
    }
    ChallengeState state_of(const std::string& mac) {
        const auto found = challenges().find(mac);
        if (!found || !*found) {
            ADD_FAILURE() << "no challenge " << mac;
            return ChallengeState::burnt;
        }
        return (*found)->state;
    }
    AttemptState attempt_state(const std::string& id) {
        const auto found = transactions().find(id);
        if (!found) {
            ADD_FAILURE() << describe(found.error());
            return AttemptState::failed;
        }
        return found->state;
    }

    std::shared_ptr<Database> database_;
};

template <class T>
testing::AssertionResult fails_as(const Result<T>& result, ErrorKind kind) {
    if (result) return testing::AssertionFailure() << "succeeded, should be " << name(kind);
    if (result.error().kind == kind) return testing::AssertionSuccess();
    return testing::AssertionFailure() << describe(result.error()) << ", should be " << name(kind);
}

template <class T>
testing::AssertionResult succeeds(const Result<T>& result) {
    if (result) return testing::AssertionSuccess();
    return testing::AssertionFailure() << describe(result.error());
}

// Runs `work(i)` on `count` threads that start together.
inline void on_threads(unsigned count, const std::function<void(unsigned)>& work) {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < count; ++i) threads.emplace_back(work, i);
    for (std::thread& thread : threads) thread.join();
}

}  // namespace countersign::store
