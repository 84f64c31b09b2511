#include "countersign/challenge/fixed.hpp"

#include <gtest/gtest.h>

namespace countersign::challenge {
namespace {

Facts facts_with(std::optional<std::string_view> typed) {
    Facts facts;
    facts.profile = "default";
    if (typed) facts.challenge = Secret(*typed);
    return facts;
}

TEST(SinglePassword, AcceptsItsPasswordEveryTime) {
    SinglePassword verifier(Secret("correct horse"));
    for (int i = 0; i < 3; ++i) {
        const auto claim = verifier.reserve(facts_with("correct horse"));
        ASSERT_TRUE(claim);
        EXPECT_EQ(claim->kind, "single-password");
        EXPECT_EQ(claim->stored_mac, "");
        EXPECT_EQ(claim->id.find("horse"), std::string::npos);
        EXPECT_TRUE(claim->binding.subject.empty() && claim->binding.sans.empty());
        EXPECT_TRUE(verifier.commit(*claim, ClaimOutcome::issued, Time{}));
        EXPECT_FALSE(*verifier.release(*claim, ReleaseReason::mismatch, Time{}));
    }
}

TEST(SinglePassword, DeniesEverythingElse) {
    SinglePassword verifier(Secret("correct horse"));
    for (const auto& typed : std::initializer_list<std::optional<std::string_view>>{
             std::nullopt, "", " ", "Correct horse", "correct horse ", "correct hors", "correct horsf"}) {
        const auto claim = verifier.reserve(facts_with(typed));
        ASSERT_FALSE(claim) << typed.value_or("(absent)");
        EXPECT_EQ(claim.error().kind, ErrorKind::denied);
        EXPECT_EQ(claim.error().detail.find("horse"), std::string::npos) << "the password in an error";
    }
}

TEST(SinglePassword, AnEmptyPasswordRefusesToStart) {
    EXPECT_THROW(SinglePassword{Secret{}}, StartupError);
}

TEST(NoPassword, AcceptsWhateverIsSaid) {
    NoPassword verifier;
    for (const auto& typed : std::initializer_list<std::optional<std::string_view>>{std::nullopt, "", "anything"}) {
        const auto claim = verifier.reserve(facts_with(typed));
        ASSERT_TRUE(claim);
        EXPECT_EQ(claim->kind, "none");
        EXPECT_EQ(claim->stored_mac, "");
        EXPECT_FALSE(*verifier.release(*claim, ReleaseReason::mismatch, Time{}));
        EXPECT_TRUE(verifier.commit(*claim, ClaimOutcome::failed, Time{}));
    }
}

}  // namespace
}  // namespace countersign::challenge
