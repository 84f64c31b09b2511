#include "countersign/ra/conduct.hpp"

#include "fixed_clock.hpp"

#include <gtest/gtest.h>

namespace countersign::ra {
namespace {

using namespace std::chrono_literals;

class ConductTest : public testing::Test {
protected:
    // How many of them were reported.
    int fail(int times, std::string_view source) {
        int reported = 0;
        for (int i = 0; i < times; ++i) reported += conduct_.failed(source, clock_.now()) ? 1 : 0;
        return reported;
    }
    std::chrono::milliseconds wait(std::string_view source) { return conduct_.wait_for(source, clock_.now()); }

    test::FixedClock clock_;
    Conduct conduct_{10};
};

TEST_F(ConductTest, ItsCreditCostsASourceNothing) {
    EXPECT_EQ(fail(9, "192.0.2.1"), 0);
    EXPECT_EQ(wait("192.0.2.1"), 0ms);
    EXPECT_EQ(fail(1, "192.0.2.1"), 1);
    EXPECT_EQ(wait("192.0.2.1"), 1s);
    EXPECT_EQ(wait("192.0.2.2"), 0ms);
}

TEST_F(ConductTest, WithoutCreditOneMessageASecondIsLookedAt) {
    fail(10, "192.0.2.1");
    for (int second = 0; second < 100; ++second) {
        clock_.advance(999ms);
        EXPECT_EQ(wait("192.0.2.1"), 1ms);
        clock_.advance(1ms);
        EXPECT_EQ(wait("192.0.2.1"), 0ms);
        fail(1, "192.0.2.1");
    }
    clock_.advance(1h);
    fail(9, "192.0.2.1");
    EXPECT_EQ(wait("192.0.2.1"), 0ms) << "all is forgiven, and no more than all";
    fail(1, "192.0.2.1");
    EXPECT_EQ(wait("192.0.2.1"), 1s);
}

TEST_F(ConductTest, ManyAtOnceWaitLongerButNotWithoutEnd) {
    fail(15, "192.0.2.1");
    EXPECT_EQ(wait("192.0.2.1"), 6s) << "they were all let in before the first had failed";
    fail(500, "192.0.2.1");
    EXPECT_EQ(wait("192.0.2.1"), 11s);
}

TEST_F(ConductTest, CertificatesGiveCreditBack) {
    for (int i = 0; i < 1000; ++i) {
        fail(1, "192.0.2.1");
        conduct_.succeeded("192.0.2.1", clock_.now());
    }
    EXPECT_EQ(wait("192.0.2.1"), 0ms) << "a fleet behind one address of which half is set up wrongly";
    conduct_.succeeded("192.0.2.1", clock_.now());
    fail(10, "192.0.2.1");
    EXPECT_EQ(wait("192.0.2.1"), 1s) << "success is no credit for later";
}

TEST_F(ConductTest, AnIpv6SiteIsOneSource) {
    for (int i = 0; i < 10; ++i) fail(1, "2001:db8::" + std::to_string(i + 1));
    EXPECT_EQ(wait("2001:db8::77"), 1s);
    EXPECT_EQ(wait("2001:db8:0:1::1"), 0ms);
}

TEST_F(ConductTest, TheMachineItselfIsExempt) {
    for (const auto* here : {"127.0.0.1", "::1", "unix"}) {
        EXPECT_EQ(fail(100, here), 0);
        EXPECT_EQ(wait(here), 0ms);
    }
    EXPECT_EQ(conduct_.sources(), 0U);
}

TEST_F(ConductTest, IsReportedOnceAMinute) {
    EXPECT_EQ(fail(100, "192.0.2.1"), 1);
    for (int second = 0; second < 59; ++second) {
        clock_.advance(1s);
        EXPECT_EQ(fail(1, "192.0.2.1"), 0) << "it never left off";
    }
    clock_.advance(2min);
    EXPECT_EQ(fail(9, "192.0.2.1"), 0);
    EXPECT_EQ(fail(1, "192.0.2.1"), 1);
}

TEST_F(ConductTest, AClockSetBackNeitherForgivesNorPunishes) {
    fail(10, "192.0.2.1");
    clock_.set(clock_.now() - 24h);
    EXPECT_EQ(wait("192.0.2.1"), 1s);
    clock_.advance(1s);
    EXPECT_EQ(wait("192.0.2.1"), 0ms);
}

TEST_F(ConductTest, MillionsOfSourcesDoNotFillTheMemory) {
    for (int i = 0; i < 150000; ++i) conduct_.failed("s" + std::to_string(i), clock_.now());
    EXPECT_EQ(conduct_.sources(), 100000U);
}

TEST(ConductWithoutCredit, HoldsNobodyUp) {
    Conduct conduct(0);
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(conduct.failed("192.0.2.1", Time{}));
    EXPECT_EQ(conduct.wait_for("192.0.2.1", Time{}), 0ms);
}

}  // namespace
}  // namespace countersign::ra
