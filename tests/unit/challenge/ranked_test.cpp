// Several kinds of challenge at one profile.
#include "countersign/challenge/ranked.hpp"

#include "countersign/challenge/fixed.hpp"

#include "signed_fixture.hpp"

#include <gmock/gmock.h>

namespace countersign::challenge {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class CountingVerifier final : public Verifier {
public:
    explicit CountingVerifier(std::string kind, bool takes_all = true)
        : kind_(std::move(kind)), takes_all_(takes_all) {}
    bool recognises(const std::optional<Secret>& challenge) const override {
        return takes_all_ && challenge.has_value();
    }
    Result<Claim> reserve(const Facts&) override {
        ++asked;
        return fail::denied("refused by " + kind_);
    }
    Result<void> commit(const Claim&, ClaimOutcome, Time) override { return {}; }
    Result<bool> release(const Claim&, ReleaseReason, Time) override { return true; }
    int asked = 0;

private:
    std::string kind_;
    bool takes_all_;
};

TEST_F(SignedTest, TheStrongestKindThatAppliesDecidesAndNothingFallsThrough) {
    const auto weakest = std::make_shared<CountingVerifier>("single-password");
    const auto passwords =
        std::make_shared<OneTimePasswords>(options_for("default"), test_pepper(), database_->challenges(), random_);
    const auto signed_challenges =
        std::make_shared<SignedChallenges>(options(), test_pepper(), database_->used_challenges());
    RankedVerifiers all({{"signed", signed_challenges}, {"one-time", passwords}, {"single-password", weakest}});

    EXPECT_EQ(all.reserve(facts_with(good("rsa ES256")))->kind, "signed");
    EXPECT_EQ(all.reserve(facts_with(OneTimeTest::minted(*passwords)))->kind, "one-time");
    const auto detail = [&](const std::string& challenge) { return all.reserve(facts_with(challenge)).error().detail; };
    for (const std::string& broken : {good("rsa ES256").substr(0, 300), std::string("eyJhbGciOiJub25lIn0"),
                                      std::string("a.b.c.d.e"), std::string("0123456789ABCDEF.")}) {
        EXPECT_THAT(detail(broken), StartsWith("ChallengeDeserializationError")) << broken;
    }
    EXPECT_THAT(detail("0123456789ABCDEF"), HasSubstr("unknown")) << "a one-time password nobody minted";
    EXPECT_EQ(weakest->asked, 0);
    EXPECT_EQ(detail("swordfish"), "refused by single-password");
    EXPECT_EQ(weakest->asked, 1);

    RankedVerifiers strict({{"signed", signed_challenges}, {"one-time", passwords}});
    EXPECT_THAT(strict.reserve(facts_with("swordfish")).error().detail, StartsWith("ChallengeKindUnknown"));
    Facts none = facts_with("");
    none.challenge.reset();
    EXPECT_THAT(strict.reserve(none).error().detail, StartsWith("ChallengePasswordMissing"));
    RankedVerifiers without_signed({{"one-time", passwords}});
    EXPECT_THAT(without_signed.reserve(facts_with(good("rsa ES256"))).error().detail,
                StartsWith("ChallengeKindUnknown"));
    RankedVerifiers weak(
        {{"one-time", passwords},
         {"single-password", std::make_shared<SinglePassword>(Secret(std::string_view("a.b.c.d.e")))}});
    EXPECT_THAT(weak.reserve(facts_with("a.b.c.d.e")).error().detail, StartsWith("ChallengeKindUnknown"));
    EXPECT_THROW(RankedVerifiers({}), StartupError);
    EXPECT_TRUE(all.release(Claim{"single-password", "", "", {}, std::nullopt}, ReleaseReason::mismatch,
                            test::at_minute(1))
                    .value());
    EXPECT_TRUE(refused_as(all.commit(Claim{}, ClaimOutcome::issued, test::at_minute(1)), ErrorKind::internal));
}

}  // namespace
}  // namespace countersign::challenge
