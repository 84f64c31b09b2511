// An instance's records moved from SQLite to PostgreSQL: all of them, as they were, and nobody beside.
#include "countersign/store/copy.hpp"
#include "../sqlite_fixture.hpp"
#include "server.hpp"
#include "store/tables.hpp"
#include "store_samples.hpp"

#include <gmock/gmock.h>

namespace countersign::store {
namespace {

using test::at_minute;
using test::open_postgresql;
using test::postgresql_server;
using test::sample_attempt;
using test::sample_certificate;
using test::sample_challenge;

class Copy : public testing::Test {
protected:
    test::ScratchDirectory directory_;
    std::string from_ = test::sqlite_options(directory_).url;
    std::string to_ = postgresql_server().fresh_url();

    auto copy() { return copy_store({from_, to_}); }
};

TEST_F(Copy, TakesEveryRecordAndLosesNothingOfIt) {
    auto certificate = sample_certificate(2);
    {
        const auto source = test::open_sqlite(directory_);
        for (unsigned i = 0; i < 3; ++i) ASSERT_TRUE(source->challenges().insert(sample_challenge(i), 1000));
        for (unsigned i = 0; i < 3; ++i)
            ASSERT_TRUE(source->transactions().record_intent(sample_attempt(i, i == 0 ? "mac-0" : "")));
        certificate.attempt = sample_attempt(2).id;
        ASSERT_TRUE(source->transactions().record_issued(certificate.attempt, certificate, at_minute(1)));
        ASSERT_TRUE(source->issued().insert(sample_certificate(9)));
        ASSERT_TRUE(source->issued().revoke("local", sample_certificate(9).serial, 4, at_minute(2)));
    }
    const auto copied = copy();
    ASSERT_TRUE(copied) << describe(copied.error());
    EXPECT_EQ(copied->at("challenges"), 3);
    EXPECT_EQ(copied->at("attempts"), 3);
    EXPECT_EQ(copied->at("certificates"), 2);

    const auto target = open_postgresql(to_);
    const auto source = test::open_sqlite(directory_);
    for (unsigned i = 0; i < 3; ++i) {
        const auto before = source->transactions().find(sample_attempt(i).id);
        const auto after = target->transactions().find(sample_attempt(i).id);
        ASSERT_TRUE(before && after);
        EXPECT_EQ(after->csr, before->csr);
        EXPECT_EQ(after->state, before->state);
        EXPECT_EQ(after->challenge_mac, before->challenge_mac);
        EXPECT_EQ(after->updated, before->updated);
    }
    const auto found = target->issued().find("local", certificate.serial).value();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->der, certificate.der);
    EXPECT_FALSE(found->revoked);
    EXPECT_EQ(target->issued().find("local", sample_certificate(9).serial).value()->revoked, at_minute(2));
    // What was used stays used, and what comes next does not collide with what came along.
    EXPECT_FALSE(target->transactions().record_intent(sample_attempt(50, "mac-0")));
    EXPECT_TRUE(target->transactions().record_intent(sample_attempt(51, "mac-1")));
    EXPECT_TRUE(target->issued().insert(sample_certificate(52)));
}

TEST_F(Copy, AnEmptyStoreIsCopiedToo) {
    { const auto source = test::open_sqlite(directory_); }
    const auto copied = copy();
    ASSERT_TRUE(copied) << describe(copied.error());
    EXPECT_EQ(copied->size(), tables_in_order().size());
    EXPECT_TRUE(open_postgresql(to_)->transactions().record_intent(sample_attempt(1)));
}

TEST_F(Copy, ATargetThatHoldsRecordsIsLeftAlone) {
    { ASSERT_TRUE(test::open_sqlite(directory_)->challenges().insert(sample_challenge(1), 1000)); }
    ASSERT_TRUE(open_postgresql(to_)->transactions().record_intent(sample_attempt(1)));
    const auto copied = copy();
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().kind, ErrorKind::conflict);
    EXPECT_THAT(copied.error().detail, testing::HasSubstr("holds records already (1 attempts)"));
    EXPECT_TRUE(open_postgresql(to_)->transactions().record_intent(sample_attempt(2, "mac-1")).error().kind ==
                ErrorKind::denied)
        << "no challenge came along";
}

TEST_F(Copy, TwiceIsOnce) {
    { ASSERT_TRUE(test::open_sqlite(directory_)->challenges().insert(sample_challenge(1), 1000)); }
    ASSERT_TRUE(copy());
    const auto again = copy();
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().kind, ErrorKind::conflict);
}

TEST_F(Copy, NotWhileADaemonWorksOnTheSource) {
    auto options = test::sqlite_options(directory_);
    { const auto made = test::open_sqlite(options); }
    options.as_daemon = true;
    const auto daemon = test::open_sqlite(options);
    const auto copied = copy();
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().kind, ErrorKind::conflict);
}

TEST_F(Copy, NotFromADatabaseOthersMayBeWorkingOn) {
    { const auto server = open_postgresql(to_); }
    const auto copied = copy_store({to_, postgresql_server().fresh_url()});
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().kind, ErrorKind::denied);
}

TEST_F(Copy, NotFromNothingAndNotOntoItself) {
    EXPECT_FALSE(copy());
    { const auto made = test::open_sqlite(directory_); }
    to_ = from_;
    const auto copied = copy();
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().kind, ErrorKind::conflict);
}

TEST_F(Copy, AServerThatIsAwayChangesNothing) {
    { const auto made = test::open_sqlite(directory_); }
    to_ = "postgresql://countersign@/countersign?host=/nowhere";
    const auto copied = copy();
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().kind, ErrorKind::unavailable);
}

}  // namespace
}  // namespace countersign::store
