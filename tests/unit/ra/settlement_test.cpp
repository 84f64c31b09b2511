// What happens when the CA is slow, away, lying or forgetful, and what a restart finds.
#include "countersign/ra/followup.hpp"
#include "countersign/store/ledger_entry.hpp"
#include "station.hpp"

#include <gmock/gmock.h>

namespace countersign::test {
namespace {

using scep::FailInfo;
using scep::PkiStatus;
using store::AttemptState;
using testing::HasSubstr;

class SettlementTest : public testing::Test {
protected:
    Station station;

    scep::CertRep poll(const Device& device) {
        const crypto::IssuerAndSubject content{station.ca_certificate.subject(),
                                               must(crypto::Name::from_text("CN=device-7,O=Example"))};
        return station.exchange(device, station.envelop(device, "20", crypto::encode_issuer_and_subject(content)));
    }
    ra::FollowupResult follow_up() {
        const ra::Profiles profiles{{"default", station.profile}};
        return ra::follow_up(*station.enrollment, station.database->transactions(), profiles, 100);
    }
    std::size_t in_state(AttemptState state) {
        return must(station.database->transactions().in_state(state, 100)).size();
    }
    // The real CA's certificate for a request, whatever the script then does with it.
    Result<ca::Outcome> really_issue(const ca::CountersignedRequest& request, const std::string& key) {
        return station.local_ca->submit(request, key);
    }
};

TEST_F(SettlementTest, ACaThatIsAwayBurnsNothing) {
    station.backend->on_submit = [](const auto&, const auto&) -> Result<ca::Outcome> {
        return fail::unavailable("connection refused");
    };
    const auto device = station.device();
    const auto message = station.message(device, {.challenge = station.mint()});
    const auto reply = station.send(message);
    ASSERT_FALSE(reply.has_value());
    EXPECT_EQ(reply.error().kind, ErrorKind::unavailable);
    EXPECT_EQ(in_state(AttemptState::failed), 1U);
    EXPECT_EQ(station.audit.count("message.unanswered"), 1U);

    station.backend->on_submit = nullptr;
    EXPECT_EQ(station.exchange(device, message).status, PkiStatus::success) << "the same message works later";
}

TEST_F(SettlementTest, AProfileMayAnswerPendingInsteadAndFinishByItself) {
    station.profile->when_unavailable = ra::WhenUnavailable::answer_pending;
    station.backend->on_submit = [](const auto&, const auto&) -> Result<ca::Outcome> {
        return fail::unavailable("connection refused");
    };
    const auto device = station.device();
    EXPECT_EQ(station.exchange(device, station.message(device, {.challenge = station.mint()})).status,
              PkiStatus::pending);
    EXPECT_EQ(follow_up().troubled, 1U);
    EXPECT_EQ(poll(device).status, PkiStatus::pending);
    station.backend->on_submit = nullptr;
    EXPECT_EQ(follow_up().finished, 1U);
    EXPECT_EQ(poll(device).status, PkiStatus::success);
    EXPECT_EQ(station.certificates(), 1U);
}

TEST_F(SettlementTest, WhatCertainlyDidNotReachTheCaIsKnownNotToHaveWhateverTheCaCanTell) {
    station.profile->when_unavailable = ra::WhenUnavailable::answer_pending;
    station.backend->on_submit = [](const auto&, const auto&) -> Result<ca::Outcome> {
        return fail::unavailable("connection refused");
    };
    station.backend->on_reconcile = [](const auto&) -> Result<std::optional<ca::Outcome>> {
        return fail::outcome_unknown("this CA cannot be asked");
    };
    const auto device = station.device();
    const auto message = station.message(device, {.challenge = station.mint()});
    EXPECT_EQ(station.exchange(device, message).status, PkiStatus::pending);
    EXPECT_EQ(in_state(AttemptState::approved), 1U);
    follow_up();
    EXPECT_EQ(in_state(AttemptState::approved), 1U) << "tried, and certainly not submitted again";
    station.backend->on_submit = nullptr;
    EXPECT_EQ(follow_up().finished, 1U);
    EXPECT_EQ(station.certificates(), 1U);
}

TEST_F(SettlementTest, BeforeSubmittingAgainItIsRecordedThatTheCaMayHaveIt) {
    station.profile->when_unavailable = ra::WhenUnavailable::answer_pending;
    station.backend->on_submit = [](const auto&, const auto&) -> Result<ca::Outcome> {
        return fail::unavailable("connection refused");
    };
    const auto device = station.device();
    const auto message = station.message(device, {.challenge = station.mint()});
    EXPECT_EQ(station.exchange(device, message).status, PkiStatus::pending);
    std::size_t intents = 0;
    station.backend->on_submit = [&](const auto&, const auto&) -> Result<ca::Outcome> {
        intents = in_state(AttemptState::intent);
        return fail::outcome_unknown("reset");
    };
    station.backend->on_reconcile = [](const auto&) -> Result<std::optional<ca::Outcome>> {
        return fail::outcome_unknown("this CA cannot be asked");
    };
    follow_up();
    EXPECT_EQ(intents, 1U);
    EXPECT_EQ(in_state(AttemptState::intent), 1U);
    const int submitted = station.backend->submitted;
    follow_up();
    poll(device);
    EXPECT_EQ(station.backend->submitted, submitted) << "never blindly again";
}

// A CA somewhere else, which issues with its own clock `late` after the request was approved.
class DistantCaTest : public SettlementTest {
protected:
    PkiStatus issued(std::chrono::minutes early, std::chrono::hours late, std::chrono::minutes longer) {
        station.profile->clock_slack = std::chrono::minutes{10};
        station.backend->on_submit = [&](const ca::CountersignedRequest& request, const auto&) -> Result<ca::Outcome> {
            content_ = request.plan();
            return ca::Outcome(ca::Pending{"7"});
        };
        station.backend->on_poll = [&, early, longer](const auto&) -> Result<ca::Outcome> {
            auto content = *content_;
            // From now on, as approved; a plan begins an hour earlier, for clocks that are slow.
            const auto planned = content.not_after - content.not_before - std::chrono::hours{1};
            content.not_before = station.clock.now() - early;
            content.not_after = content.not_before + planned + longer;
            crypto::IssuerContent issuer{station.ca_certificate.subject(),
                                         {},
                                         station.ca_key->public_key().scheme_with(crypto::DigestAlgorithm::sha256),
                                         {},
                                         {}};
            const auto sign = [&](ByteView octets) { return station.ca_key->sign(issuer.scheme, octets); };
            return ca::Outcome(
                ca::Issued{must(crypto::build_certificate(content, issuer, station.random.bytes(8), sign))});
        };
        const auto device = station.device();
        EXPECT_EQ(station.exchange(device, station.message(device, {.challenge = station.mint()})).status,
                  PkiStatus::pending);
        station.clock.advance(late);
        return poll(device).status.value();
    }

private:
    std::optional<crypto::CertificateContent> content_;
};

TEST_F(DistantCaTest, MayHaveAClockOfItsOwn) {
    using namespace std::chrono_literals;
    EXPECT_EQ(issued(9min, 0h, 5min), PkiStatus::success) << station.audit.all();
}

TEST_F(DistantCaTest, MayHoldARequestForDays) {
    using namespace std::chrono_literals;
    EXPECT_EQ(issued(5min, 72h, 0min), PkiStatus::success) << station.audit.all();
}

TEST_F(DistantCaTest, MayNotIssueForLongerThanApproved) {
    using namespace std::chrono_literals;
    EXPECT_EQ(issued(0min, 72h, 11min), PkiStatus::failure);
    EXPECT_THAT(station.audit.all(), HasSubstr("ValidityMismatch"));
}

TEST_F(SettlementTest, ALostAnswerIsReconciledAndNotSubmittedAgain) {
    std::optional<ca::Outcome> happened;
    station.backend->on_submit = [&](const auto& request, const auto& key) -> Result<ca::Outcome> {
        happened = must(really_issue(request, key));
        return fail::outcome_unknown("the connection broke after the request was sent");
    };
    station.backend->on_reconcile = [&](const auto&) -> Result<std::optional<ca::Outcome>> { return happened; };
    const auto device = station.device();
    EXPECT_EQ(station.exchange(device, station.message(device, {.challenge = station.mint()})).status,
              PkiStatus::success);
    EXPECT_EQ(station.backend->submitted, 1);
}

TEST_F(SettlementTest, WhileTheOutcomeIsUnknownThePasswordStaysReservedAndNothingIsResubmitted) {
    station.backend->on_submit = [](const auto&, const auto&) -> Result<ca::Outcome> {
        return fail::outcome_unknown("broken pipe");
    };
    station.backend->on_reconcile = [](const auto&) -> Result<std::optional<ca::Outcome>> {
        return fail::unavailable("still away");
    };
    const auto device = station.device();
    const auto challenge = station.mint();
    const auto message = station.message(device, {.challenge = challenge});
    EXPECT_EQ(station.exchange(device, message).status, PkiStatus::pending);
    EXPECT_EQ(in_state(AttemptState::intent), 1U);
    follow_up();
    EXPECT_EQ(station.backend->submitted, 1);
    const auto other = station.device("CN=other");
    EXPECT_EQ(station.exchange(other, station.message(other, {.challenge = challenge})).status, PkiStatus::failure);
    EXPECT_EQ(station.exchange(device, message).status, PkiStatus::pending);
}

TEST_F(SettlementTest, AForgedCertificateIsQuarantinedNotDelivered) {
    station.backend->on_submit = [&](const ca::CountersignedRequest& request, const auto&) -> Result<ca::Outcome> {
        auto content = request.plan();
        content.subject = must(crypto::Name::from_text("CN=administrator"));
        crypto::IssuerContent issuer{station.ca_certificate.subject(),
                                     {},
                                     station.ca_key->public_key().scheme_with(crypto::DigestAlgorithm::sha256),
                                     {},
                                     {}};
        const auto sign = [&](ByteView octets) { return station.ca_key->sign(issuer.scheme, octets); };
        return ca::Outcome(ca::Issued{must(crypto::build_certificate(content, issuer, station.random.bytes(8), sign))});
    };
    const auto device = station.device();
    const auto reply = station.exchange(device, station.message(device, {.challenge = station.mint()}));
    EXPECT_EQ(reply.status, PkiStatus::failure);
    EXPECT_EQ(reply.fail_info, FailInfo::bad_request);
    EXPECT_EQ(station.audit.count("certificate.quarantined"), 1U) << station.audit.all();
    EXPECT_EQ(station.certificates(), 0U);
    const auto revoked = must(station.database->issued().revoked("default", station.clock.now()));
    ASSERT_EQ(revoked.size(), 1U);
    EXPECT_EQ(revoked.front().kind, "quarantined");
}

TEST_F(SettlementTest, ACertificateOfAnotherCaIsQuarantined) {
    const auto foreign = pooled_key(1);
    station.backend->on_submit = [&](const ca::CountersignedRequest& request, const auto&) -> Result<ca::Outcome> {
        crypto::IssuerContent issuer{station.ca_certificate.subject(),
                                     {},
                                     foreign->public_key().scheme_with(crypto::DigestAlgorithm::sha256),
                                     {},
                                     {}};
        const auto sign = [&](ByteView octets) { return foreign->sign(issuer.scheme, octets); };
        return ca::Outcome(
            ca::Issued{must(crypto::build_certificate(request.plan(), issuer, station.random.bytes(8), sign))});
    };
    const auto device = station.device();
    EXPECT_EQ(station.exchange(device, station.message(device, {.challenge = station.mint()})).status,
              PkiStatus::failure);
    EXPECT_THAT(station.audit.all(), HasSubstr("IssuerMismatch"));
}

TEST_F(SettlementTest, ACaThatRejectsConsumesThePassword) {
    station.backend->on_submit = [](const auto&, const auto&) -> Result<ca::Outcome> {
        return ca::Outcome(ca::Rejected{"not on my watch"});
    };
    const auto device = station.device();
    const auto challenge = station.mint();
    EXPECT_EQ(station.exchange(device, station.message(device, {.challenge = challenge})).fail_info,
              FailInfo::bad_request);
    EXPECT_THAT(station.audit.all(), HasSubstr("not on my watch"));
    station.backend->on_submit = nullptr;
    EXPECT_EQ(station.exchange(device, station.message(device, {.challenge = challenge})).status, PkiStatus::failure);
}

TEST_F(SettlementTest, ACaThatHoldsTheRequestIsPolledWhenTheClientPolls) {
    std::optional<ca::Outcome> later;
    station.backend->on_submit = [&](const auto& request, const auto& key) -> Result<ca::Outcome> {
        later = must(really_issue(request, key));
        return ca::Outcome(ca::Pending{"request 17"});
    };
    bool ready = false;
    station.backend->on_poll = [&](const std::string& handle) -> Result<ca::Outcome> {
        if (!ready) return ca::Outcome(ca::Pending{handle});
        return *later;
    };
    const auto device = station.device();
    const auto message = station.message(device, {.challenge = station.mint()});
    EXPECT_EQ(station.exchange(device, message).status, PkiStatus::pending);
    EXPECT_EQ(poll(device).status, PkiStatus::pending);
    EXPECT_EQ(station.exchange(device, message).status, PkiStatus::pending)
        << "the same request again while it is held";
    ready = true;
    EXPECT_EQ(poll(device).status, PkiStatus::success);
    EXPECT_EQ(station.exchange(device, message).status, PkiStatus::success);
    EXPECT_EQ(station.certificates(), 1U);
}

TEST_F(SettlementTest, ACaThatWaitsForOurWordGetsItOnceTheHandleIsRecorded) {
    std::optional<ca::Outcome> later;
    station.backend->on_submit = [&](const auto& request, const auto& key) -> Result<ca::Outcome> {
        later = must(really_issue(request, key));
        return ca::Outcome(ca::Pending{"with the certificate in it", true});
    };
    bool away = false;
    int polls = 0;
    station.backend->on_poll = [&](const std::string& handle) -> Result<ca::Outcome> {
        ++polls;
        const auto recorded = must(station.database->transactions().in_state(AttemptState::pending, 10));
        EXPECT_EQ(recorded.size(), 1U);
        EXPECT_EQ(recorded.front().ca_handle, handle);
        if (away) return fail::unavailable("gone again");
        return *later;
    };
    const auto first = station.device();
    EXPECT_EQ(station.exchange(first, station.message(first, {.challenge = station.mint()})).status,
              PkiStatus::success);
    EXPECT_EQ(polls, 1);
    EXPECT_EQ(station.audit.count("enrollment.pending"), 0U) << "nobody waited";

    away = true;
    const auto second = station.device();
    EXPECT_EQ(station.exchange(second, station.message(second, {.challenge = station.mint()})).status,
              PkiStatus::pending);
    away = false;
    EXPECT_EQ(poll(second).status, PkiStatus::success);
    EXPECT_EQ(station.certificates(), 2U);
    EXPECT_EQ(station.backend->submitted, 2);
}

TEST_F(SettlementTest, ACaThatNeverStopsAskingForAWordIsNotFollowedForever) {
    station.backend->on_submit = [](const auto&, const auto&) -> Result<ca::Outcome> {
        return ca::Outcome(ca::Pending{"0", true});
    };
    int polls = 0;
    station.backend->on_poll = [&](const auto&) -> Result<ca::Outcome> {
        return ca::Outcome(ca::Pending{std::to_string(++polls), true});
    };
    const auto device = station.device();
    EXPECT_EQ(station.exchange(device, station.message(device, {.challenge = station.mint()})).status,
              PkiStatus::pending);
    EXPECT_EQ(polls, 1);
}

TEST_F(SettlementTest, WhatTheCaTakesBackIsQuarantined) {
    std::string serial;
    station.backend->on_submit = [&](const auto& request, const auto& key) -> Result<ca::Outcome> {
        const auto issued = std::get<ca::Issued>(must(really_issue(request, key)));
        serial = issued.certificate.serial_hex();
        return ca::Outcome(ca::Rejected{"on second thoughts", issued.certificate});
    };
    const auto device = station.device();
    EXPECT_EQ(station.exchange(device, station.message(device, {.challenge = station.mint()})).status,
              PkiStatus::failure);
    EXPECT_EQ(station.audit.count("certificate.quarantined"), 1U);
    EXPECT_THAT(station.audit.all(), HasSubstr("on second thoughts"));
    const auto kept = must(station.database->issued().find_by_serial(serial));
    ASSERT_EQ(kept.size(), 1U) << "nobody may hold a certificate that is on no record";
    EXPECT_EQ(kept.front().kind, "quarantined");
    EXPECT_TRUE(kept.front().revoked);
}

TEST_F(SettlementTest, WhatTheCaIssuesForARequestThatWasGivenUpMeanwhileIsQuarantined) {
    std::string serial;
    station.backend->on_submit = [&](const auto& request, const auto& key) -> Result<ca::Outcome> {
        auto issued = must(really_issue(request, key));
        serial = std::get<ca::Issued>(issued).certificate.serial_hex();
        EXPECT_TRUE(station.database->transactions().record_failed(key, "given up (olga)",
                                                                   store::ChallengeFate::consume, station.clock.now()));
        return issued;
    };
    const auto device = station.device();
    EXPECT_EQ(station.exchange(device, station.message(device, {.challenge = station.mint()})).status,
              PkiStatus::failure);
    EXPECT_EQ(in_state(AttemptState::failed), 1U);
    EXPECT_EQ(station.audit.count("certificate.quarantined"), 1U) << station.audit.all();
    EXPECT_THAT(station.audit.all(), HasSubstr("given up (olga)"));
    const auto kept = must(station.database->issued().find_by_serial(serial));
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept.front().kind, "quarantined");
    EXPECT_TRUE(kept.front().revoked);
}

TEST_F(SettlementTest, WhatAnotherNodeRecordedMeanwhileIsDelivered) {
    std::string serial;
    station.backend->on_submit = [&](const auto& request, const auto& key) -> Result<ca::Outcome> {
        auto issued = must(really_issue(request, key));
        const auto& certificate = std::get<ca::Issued>(issued).certificate;
        serial = certificate.serial_hex();
        EXPECT_TRUE(station.database->transactions().record_issued(
            key, store::ledger_entry(certificate, "default", "enroll"), station.clock.now()));
        return issued;
    };
    const auto device = station.device();
    EXPECT_EQ(station.exchange(device, station.message(device, {.challenge = station.mint()})).status,
              PkiStatus::success);
    EXPECT_EQ(station.audit.count("certificate.quarantined"), 0U) << station.audit.all();
    EXPECT_EQ(must(station.database->issued().find_by_serial(serial)).size(), 1U);
}

TEST_F(SettlementTest, WhatIsAskedOfTheCaGoesByTheTimeOfTheLastSubmission) {
    station.backend->on_submit = [](const auto&, const auto&) -> Result<ca::Outcome> {
        return fail::outcome_unknown("broken pipe");
    };
    bool at_it = true;
    station.backend->on_reconcile = [&](const auto&) -> Result<std::optional<ca::Outcome>> {
        if (at_it) return fail::outcome_unknown("it may still be at it");
        return std::optional<ca::Outcome>();
    };
    const auto first = station.clock.now();
    const auto device = station.device();
    EXPECT_EQ(station.exchange(device, station.message(device, {.challenge = station.mint()})).status,
              PkiStatus::pending);
    station.clock.advance(std::chrono::minutes{5});
    follow_up();
    EXPECT_EQ(station.backend->reconciled_as_of.load(), first);
    at_it = false;
    follow_up();
    EXPECT_EQ(station.backend->submitted, 2);
    at_it = true;
    const auto second = station.clock.now();
    station.clock.advance(std::chrono::minutes{5});
    follow_up();
    EXPECT_EQ(station.backend->reconciled_as_of.load(), second) << "the second submission may be under way";
    EXPECT_EQ(station.backend->submitted, 2);
}

TEST_F(SettlementTest, APollForSomebodyElsesTransactionFindsNothing) {
    station.profile->templates.at("device").hold_for_approval = true;
    const auto device = station.device();
    EXPECT_EQ(station.exchange(device, station.message(device, {.challenge = station.mint()})).status,
              PkiStatus::pending);
    auto thief = station.device();
    while (thief.key == device.key) thief = station.device();
    thief.transaction_id = device.transaction_id;
    EXPECT_EQ(poll(thief).fail_info, FailInfo::bad_cert_id);
    EXPECT_EQ(poll(device).status, PkiStatus::pending);
}

TEST_F(SettlementTest, AnOfficersApprovalIssuesAndADenialDoesNot) {
    station.profile->templates.at("device").hold_for_approval = true;
    auto& transactions = station.database->transactions();
    const auto approved = station.device();
    const auto denied = station.device();
    station.exchange(approved, station.message(approved, {.challenge = station.mint()}));
    station.exchange(denied, station.message(denied, {.challenge = station.mint()}));
    EXPECT_EQ(station.certificates(), 0U);
    for (const auto& attempt : must(transactions.in_state(AttemptState::held, 10))) {
        if (attempt.key.transaction_id == approved.transaction_id) {
            must(transactions.approve(attempt.id, "officer", station.clock.now()));
        } else {
            must(transactions.deny(attempt.id, "officer", "unknown device", station.clock.now()));
        }
    }
    EXPECT_EQ(follow_up().finished, 1U);
    EXPECT_EQ(poll(approved).status, PkiStatus::success);
    EXPECT_EQ(poll(denied).status, PkiStatus::failure);
}

// As a kill would leave it: the thread never comes back from the point.
struct Killed {};

TEST_F(SettlementTest, WhatACrashInterruptedIsFinishedAfterwards) {
    for (const auto* point : {"enroll.after_intent", "enroll.after_countersign", "enroll.after_submit"}) {
        SCOPED_TRACE(point);
        const auto before = station.certificates();
        const auto device = station.device();
        const auto message = station.message(device, {.challenge = station.mint()});
        station.on_reach = [&](std::string_view reached) {
            if (reached == point) throw Killed{};
        };
        EXPECT_THROW(station.send(message), Killed);
        station.on_reach = nullptr;
        EXPECT_EQ(station.exchange(device, message).status, PkiStatus::pending) << "not lost, not issued twice";
        EXPECT_EQ(follow_up().finished, 1U);
        EXPECT_EQ(station.exchange(device, message).status, PkiStatus::success);
        EXPECT_EQ(station.certificates(), before + 1);
    }
}

TEST_F(SettlementTest, AnAttemptOfAProfileThatIsGoneIsLeftAlone) {
    station.profile->templates.at("device").hold_for_approval = true;
    const auto device = station.device();
    station.exchange(device, station.message(device, {.challenge = station.mint()}));
    auto& transactions = station.database->transactions();
    must(transactions.approve(must(transactions.in_state(AttemptState::held, 1)).front().id, "officer",
                              station.clock.now()));
    const auto result = ra::follow_up(*station.enrollment, transactions, {}, 100);
    EXPECT_EQ(result.troubled, 1U);
    EXPECT_EQ(station.certificates(), 0U);
}

}  // namespace
}  // namespace countersign::test
