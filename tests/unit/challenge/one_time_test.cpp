#include "countersign/core/text.hpp"
#include "one_time_fixture.hpp"

#include <gmock/gmock.h>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace countersign::challenge {
namespace {

using store::ChallengeState;
using test::at_minute;
using test::sample_attempt;
using test::sample_certificate;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using OneTime = OneTimeTest;

TEST(CanonicalPassword, ForgivesCaseAndSurroundingBlanksAndNothingElse) {
    EXPECT_EQ(canonical_password(Secret("ABCDEF01")).reveal_text(), "ABCDEF01");
    EXPECT_EQ(canonical_password(Secret("abcdef01")).reveal_text(), "ABCDEF01");
    EXPECT_EQ(canonical_password(Secret(" \tabcdef01\r\n")).reveal_text(), "ABCDEF01");
    EXPECT_EQ(canonical_password(Secret("ab cd")).reveal_text(), "AB CD");
    EXPECT_EQ(canonical_password(Secret("ab-cd")).reveal_text(), "AB-CD");
    EXPECT_EQ(canonical_password(Secret("O0l1")).reveal_text(), "O0L1");
    EXPECT_EQ(canonical_password(Secret("\xef\xbc\xa1")).reveal_text(), "\xef\xbc\xa1") << "full-width A";
    EXPECT_TRUE(canonical_password(Secret("  \t ")).empty());
}

TEST_F(OneTime, APasswordHasTheFormOfNdes) {
    auto passwords = passwords_of("default");
    std::set<std::string> values;
    for (int i = 0; i < 50; ++i) {
        const std::string value = minted(passwords);
        EXPECT_TRUE(std::regex_match(value, std::regex("[0-9A-F]{16}"))) << value;
        EXPECT_TRUE(values.insert(value).second);
    }
    OneTimeOptions longest = options_for("default");
    longest.octets = 32;
    OneTimePasswords long_ones(longest, test_pepper(), database_->challenges(), random_);
    EXPECT_EQ(minted(long_ones).size(), 64u);
}

TEST_F(OneTime, MintingSaysWhatItRecorded) {
    auto passwords = passwords_of("default");
    const auto result = passwords.issue({}, std::chrono::minutes(5), "eve\n", at_minute(0));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->expires, at_minute(5));
    const auto stored = database_->challenges().find_by_id(result->id);
    ASSERT_TRUE(stored && *stored);
    EXPECT_EQ((*stored)->expires, at_minute(5));
    EXPECT_EQ((*stored)->created, at_minute(0));
    EXPECT_EQ((*stored)->profile, "default");
    EXPECT_EQ((*stored)->created_by.find('\n'), std::string::npos);
    EXPECT_EQ(passwords.issue({}, std::nullopt, "eve", at_minute(0))->expires, at_minute(60));
    EXPECT_EQ(*passwords.outstanding(at_minute(1)), 2u);
    EXPECT_EQ(*passwords.outstanding(at_minute(5)), 1u);
}

TEST_F(OneTime, AMintedPasswordIsAcceptedHoweverItsCaseWasTyped) {
    auto passwords = passwords_of("default");
    const std::string value = minted(passwords);
    for (const std::string& typed : {value, to_lower(value), " " + value + "\n"}) {
        const auto claim = passwords.reserve(facts_with(typed));
        ASSERT_TRUE(claim) << describe(claim.error());
        EXPECT_EQ(claim->kind, "one-time");
        EXPECT_EQ(claim->stored_mac.size(), 64u);
        EXPECT_EQ(claim->id.size(), 12u);
    }
}

TEST_F(OneTime, OnlyMintedPasswordsAreAccepted) {
    auto passwords = passwords_of("default");
    const std::string value = minted(passwords);
    for (const std::string& typed :
         {std::string("0000000000000000"), value + "0", value.substr(1), value.substr(0, 8) + " " + value.substr(8),
          value + std::string("\0", 1), std::string(100000, 'A')}) {
        EXPECT_TRUE(refused_as(passwords.reserve(facts_with(typed)), ErrorKind::denied)) << typed.substr(0, 40);
    }
    EXPECT_TRUE(passwords.reserve(facts_with(value)));
}

TEST_F(OneTime, AbsentAndEmptyAreNeverAccepted) {
    auto passwords = passwords_of("default");
    Facts absent = facts_with("");
    absent.challenge.reset();
    EXPECT_TRUE(refused_as(passwords.reserve(absent), ErrorKind::denied));
    EXPECT_TRUE(refused_as(passwords.reserve(facts_with("")), ErrorKind::denied));
    EXPECT_TRUE(refused_as(passwords.reserve(facts_with("   ")), ErrorKind::denied));
}

// printf 'default\0001A2B3C4D5E6F7081' | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102...1f
TEST_F(OneTime, TheMacIsWhatOpensslMakesOfPepperProfileAndPassword) {
    store::Challenge challenge = test::sample_challenge(1);
    challenge.mac = "ffecf8090ff89c2b112ff70e50c9a4dc2da9cdfcf5eaa490f148c4262f11c8d6";
    ASSERT_TRUE(database_->challenges().insert(challenge, 10));
    auto passwords = passwords_of("default");
    const auto claim = passwords.reserve(facts_with("1a2b3c4d5e6f7081"));
    ASSERT_TRUE(claim) << describe(claim.error());
    EXPECT_EQ(claim->id, challenge.id);
    EXPECT_TRUE(refused_as(passwords.reserve(facts_with("1a2b3c4d5e6f7082")), ErrorKind::denied));
}

TEST_F(OneTime, AnotherPepperKnowsNothing) {
    auto passwords = passwords_of("default");
    const std::string value = minted(passwords);
    const Secret other(std::string(32, 'x'));
    OneTimePasswords strangers(options_for("default"), other, database_->challenges(), random_);
    EXPECT_TRUE(refused_as(strangers.reserve(facts_with(value)), ErrorKind::denied));
}

TEST_F(OneTime, APasswordOfOneProfileIsNothingAtAnother) {
    auto here = passwords_of("default");
    auto there = passwords_of("other");
    const std::string value = minted(here);
    EXPECT_TRUE(refused_as(there.reserve(facts_with(value, "other")), ErrorKind::denied));
    EXPECT_TRUE(refused_as(there.reserve(facts_with(value, "default")), ErrorKind::internal))
        << "wired to the wrong profile";
    EXPECT_TRUE(here.reserve(facts_with(value)));
}

TEST_F(OneTime, ExpiryIsCheckedAtUse) {
    auto passwords = passwords_of("default");
    const std::string value = minted(passwords);
    EXPECT_TRUE(passwords.reserve(facts_with(value, "default", at_minute(60) - std::chrono::milliseconds(1))));
    EXPECT_TRUE(refused_as(passwords.reserve(facts_with(value, "default", at_minute(60))), ErrorKind::expired));
}

TEST_F(OneTime, ReuseIsAConflictEvenAfterExpiry) {
    auto passwords = passwords_of("default");
    const std::string value = minted(passwords);
    const auto claim = passwords.reserve(facts_with(value));
    ASSERT_TRUE(claim && intend(1, *claim));
    EXPECT_TRUE(refused_as(passwords.reserve(facts_with(value)), ErrorKind::conflict)) << "while it is in use";
    ASSERT_TRUE(database_->transactions().record_issued(sample_attempt(1).id, sample_certificate(1), at_minute(2)));
    ASSERT_TRUE(passwords.commit(*claim, ClaimOutcome::issued, at_minute(2)));
    const auto again = passwords.reserve(facts_with(value));
    EXPECT_TRUE(refused_as(again, ErrorKind::conflict));
    EXPECT_THAT(again.error().detail, HasSubstr(claim->id));
    EXPECT_THAT(again.error().detail, Not(HasSubstr(value)));
    EXPECT_TRUE(refused_as(passwords.reserve(facts_with(value, "default", at_minute(9999))), ErrorKind::conflict));
}

TEST_F(OneTime, AReleasedPasswordCanBeUsedAgain) {
    auto passwords = passwords_of("default");
    const std::string value = minted(passwords);
    for (unsigned i = 1; i <= 10; ++i) {
        const auto claim = passwords.reserve(facts_with(value));
        ASSERT_TRUE(claim) << describe(claim.error());
        ASSERT_TRUE(intend(i, *claim));
        ASSERT_TRUE(database_->transactions().record_failed(sample_attempt(i).id, "CA away",
                                                            store::ChallengeFate::release, at_minute(2)));
        const auto burnt = passwords.release(*claim, ReleaseReason::unavailable, at_minute(2));
        ASSERT_TRUE(burnt);
        EXPECT_FALSE(*burnt);
    }
}

TEST_F(OneTime, MismatchesBurnAPasswordAtTheLimit) {
    auto passwords = passwords_of("default");
    const std::string value = minted(passwords);
    for (const bool burns : {false, false, true}) {
        const auto claim = passwords.reserve(facts_with(value));
        ASSERT_TRUE(claim) << describe(claim.error());
        EXPECT_EQ(*passwords.release(*claim, ReleaseReason::mismatch, at_minute(1)), burns);
    }
    EXPECT_TRUE(refused_as(passwords.reserve(facts_with(value)), ErrorKind::denied));
}

TEST_F(OneTime, AClaimWhosePasswordIsForgottenBurnsNothing) {
    auto passwords = passwords_of("default");
    Claim claim;
    claim.stored_mac = "forgotten";
    EXPECT_FALSE(*passwords.release(claim, ReleaseReason::mismatch, at_minute(1)));
}

TEST_F(OneTime, RevokingIsForGoodAndWithinTheProfile) {
    auto passwords = passwords_of("default");
    auto others = passwords_of("other");
    const auto challenge = passwords.issue({}, std::nullopt, "admin", at_minute(0));
    ASSERT_TRUE(challenge);
    EXPECT_TRUE(refused_as(others.revoke(challenge->id, at_minute(1)), ErrorKind::not_found));
    EXPECT_TRUE(refused_as(passwords.revoke("nothing", at_minute(1)), ErrorKind::not_found));
    EXPECT_TRUE(passwords.reserve(facts_with(challenge->value.reveal_text())));
    ASSERT_TRUE(passwords.revoke(challenge->id, at_minute(1)));
    EXPECT_TRUE(refused_as(passwords.reserve(facts_with(challenge->value.reveal_text())), ErrorKind::denied));
    EXPECT_TRUE(refused_as(passwords.revoke(challenge->id, at_minute(1)), ErrorKind::conflict));
}

TEST_F(OneTime, ABindingComesBackInOneSpelling) {
    auto passwords = passwords_of("default");
    const Binding typed{
        "CN=device-7, O=Example", {"ip:192.0.2.1", "dns:b.example", "dns:a.example", "dns:b.example"}, "device"};
    const auto claim = passwords.reserve(facts_with(minted(passwords, typed)));
    ASSERT_TRUE(claim) << describe(claim.error());
    EXPECT_EQ(claim->binding.subject, "CN=device-7,O=Example");
    EXPECT_THAT(claim->binding.sans, ElementsAre("dns:a.example", "dns:b.example", "ip:192.0.2.1"));
    EXPECT_EQ(claim->binding.template_name, "device");
    const auto unbound = passwords.reserve(facts_with(minted(passwords)));
    EXPECT_EQ(unbound->binding.subject, "");
    EXPECT_TRUE(unbound->binding.sans.empty());
}

TEST_F(OneTime, AnUnreadableBindingMintsNothing) {
    auto passwords = passwords_of("default");
    const Binding bad[] = {{"not a name", {}, ""},
                           {"CN", {}, ""},
                           {"", {"a.example"}, ""},
                           {"", {"ip:999.1.1.1"}, ""},
                           {"", {"dns:"}, ""}};
    for (const Binding& binding : bad) {
        EXPECT_TRUE(refused_as(passwords.issue(binding, std::nullopt, "admin", at_minute(0)), ErrorKind::malformed))
            << binding.subject << (binding.sans.empty() ? "" : binding.sans[0]);
    }
    for (const int minutes : {0, -5, 60 * 24 * 366}) {
        EXPECT_TRUE(refused_as(passwords.issue({}, std::chrono::minutes(minutes), "admin", at_minute(0)),
                               ErrorKind::malformed));
    }
    EXPECT_EQ(*passwords.outstanding(at_minute(0)), 0u);
}

TEST_F(OneTime, TooManyOutstandingAreThrottled) {
    OneTimeOptions options = options_for("default");
    options.max_outstanding = 2;
    OneTimePasswords passwords(options, test_pepper(), database_->challenges(), random_);
    minted(passwords);
    minted(passwords);
    EXPECT_TRUE(refused_as(passwords.issue({}, std::nullopt, "admin", at_minute(0)), ErrorKind::throttled));
    EXPECT_TRUE(passwords.issue({}, std::nullopt, "admin", at_minute(60))) << "the first two have expired";
}

// Says the same thing a number of times, then something new.
class StutteringRandom final : public Random {
public:
    explicit StutteringRandom(int fills_alike) : left_(fills_alike) {}
    void fill(std::span<std::uint8_t> out) override {
        if (left_ > 0) {
            --left_;
            std::fill(out.begin(), out.end(), std::uint8_t{0xab});
            return;
        }
        fresh_.fill(out);
    }

private:
    int left_;
    test::CountingRandom fresh_;
};

TEST_F(OneTime, ACollisionIsMintedAnew) {
    StutteringRandom random(4);  // value and id of two challenges
    OneTimePasswords passwords(options_for("default"), test_pepper(), database_->challenges(), random);
    EXPECT_EQ(minted(passwords), "ABABABABABABABAB");
    const std::string second = minted(passwords);
    EXPECT_NE(second, "ABABABABABABABAB");
    EXPECT_TRUE(passwords.reserve(facts_with(second)));
    EXPECT_EQ(*passwords.outstanding(at_minute(0)), 2u);
}

TEST_F(OneTime, RandomnessThatOnlyRepeatsIsGivenUp) {
    StutteringRandom random(1000);
    OneTimePasswords passwords(options_for("default"), test_pepper(), database_->challenges(), random);
    minted(passwords);
    EXPECT_TRUE(refused_as(passwords.issue({}, std::nullopt, "admin", at_minute(0)), ErrorKind::internal));
}

TEST_F(OneTime, AStoreThatIsAwayIsUnavailable) {
    auto passwords = passwords_of("default");
    const std::string value = minted(passwords);
    const auto claim = passwords.reserve(facts_with(value));
    database_->close();
    EXPECT_TRUE(refused_as(passwords.reserve(facts_with(value)), ErrorKind::unavailable));
    EXPECT_TRUE(refused_as(passwords.issue({}, std::nullopt, "admin", at_minute(0)), ErrorKind::unavailable));
    EXPECT_TRUE(refused_as(passwords.release(*claim, ReleaseReason::mismatch, at_minute(0)), ErrorKind::unavailable));
    EXPECT_TRUE(refused_as(passwords.revoke(claim->id, at_minute(0)), ErrorKind::unavailable));
}

TEST_F(OneTime, NonsenseRefusesToStart) {
    const auto make = [&](const OneTimeOptions& options, const Secret& pepper) {
        OneTimePasswords(options, pepper, database_->challenges(), random_);
    };
    EXPECT_NO_THROW(make(options_for("default"), test_pepper()));
    EXPECT_THROW(make(options_for("default"), Secret()), StartupError);
    EXPECT_THROW(make(options_for("default"), Secret("short")), StartupError);
    EXPECT_THROW(make(options_for(""), test_pepper()), StartupError);
    for (const auto& spoil : std::initializer_list<std::function<void(OneTimeOptions&)>>{
             [](OneTimeOptions& o) { o.octets = 7; }, [](OneTimeOptions& o) { o.octets = 33; },
             [](OneTimeOptions& o) { o.valid = std::chrono::minutes(0); },
             [](OneTimeOptions& o) { o.burn_after_refusals = 0; }}) {
        OneTimeOptions options = options_for("default");
        spoil(options);
        EXPECT_THROW(make(options, test_pepper()), StartupError);
    }
}

// Nothing that is written holds the password, in any spelling.
TEST_F(OneTime, ThePasswordIsNowhereInTheDatabase) {
    auto passwords = passwords_of("default");
    const std::string value = minted(passwords, {"CN=find-me", {}, ""});
    const auto claim = passwords.reserve(facts_with(value));
    ASSERT_TRUE(claim && intend(1, *claim));
    std::string everything;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
        std::ifstream file(entry.path(), std::ios::binary);
        std::stringstream content;
        content << file.rdbuf();
        everything += content.str();
    }
    const Bytes raw = from_hex(value).value();
    EXPECT_THAT(everything, HasSubstr("CN=find-me")) << "the search itself does not work";
    EXPECT_THAT(everything, Not(HasSubstr(value)));
    EXPECT_THAT(everything, Not(HasSubstr(to_lower(value))));
    EXPECT_THAT(everything, Not(HasSubstr(std::string(as_text(raw)))));
}

}  // namespace
}  // namespace countersign::challenge
