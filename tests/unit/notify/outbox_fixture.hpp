// An outbox in a scratch database, and receivers that do as they are told.
#pragma once

#include "countersign/notify/post_office.hpp"
#include "fixed_clock.hpp"
#include "scratch_directory.hpp"
#include "store_samples.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <functional>
#include <mutex>

namespace countersign::notify {

class ScriptedReceiver final : public Receiver {
public:
    std::function<Result<void>(const Letter&)> answer = [](const Letter&) { return Result<void>(); };

    Result<void> deliver(const Letter& letter) override {
        auto given = answer(letter);
        const std::lock_guard lock(mutex_);
        letters_.push_back(letter);
        return given;
    }
    std::vector<Letter> letters() const {
        const std::lock_guard lock(mutex_);
        return letters_;
    }

private:
    mutable std::mutex mutex_;
    std::vector<Letter> letters_;
};

class OutboxTest : public testing::Test {
protected:
    OutboxTest() {
        store::DatabaseOptions options;
        options.url = "sqlite:" + (directory_ / "test.db").string();
        EXPECT_TRUE(store::Database::migrate(options));
        database_ = *store::Database::open(options);
        database_->outbox().subscribe({{"mdm", {store::NotificationEvent::issued, store::NotificationEvent::failed}}});
        clock_.set(test::at_minute(1));
    }

    store::Outbox& outbox() { return database_->outbox(); }
    DelivererParts parts() {
        return {outbox(),
                database_->transactions(),
                database_->issued(),
                database_->holds(),
                clock_,
                random_,
                [this](const std::string& line) {
                    const std::lock_guard lock(mutex_);
                    log_.push_back(line);
                }};
    }
    void issue(unsigned number) {
        ASSERT_TRUE(database_->transactions().record_intent(test::sample_attempt(number)));
        ASSERT_TRUE(database_->transactions().record_issued(test::hex_id(number), test::sample_certificate(number),
                                                            clock_.now()));
    }
    std::vector<store::Notification> in_state(store::NotificationState state) {
        return outbox().list({"", state}).value();
    }

    test::ScratchDirectory directory_;
    std::unique_ptr<store::Database> database_;
    test::FixedClock clock_;
    SystemRandom random_;
    std::mutex mutex_;
    std::vector<std::string> log_;
    std::shared_ptr<ScriptedReceiver> receiver_ = std::make_shared<ScriptedReceiver>();
    std::shared_ptr<DeliveryCounts> counts_ = std::make_shared<DeliveryCounts>();
};

}  // namespace countersign::notify
