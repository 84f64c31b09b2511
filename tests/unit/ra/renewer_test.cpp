#include "countersign/ca/local.hpp"
#include "countersign/crypto/oid.hpp"
#include "rollover_fixture.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

namespace countersign::ra {
namespace {

using namespace std::chrono_literals;
using test::must;
using test::Rollovers;
using testing::HasSubstr;
using enum RenewalStep;

class RenewerTest : public Rollovers {
protected:
    // As a CA other than ours would issue: whatever the test changes.
    crypto::Certificate issue(const ca::CountersignedRequest& request,
                              const std::function<void(crypto::CertificateContent&)>& change = {}) {
        auto content = request.plan();
        if (change) change(content);
        crypto::IssuerContent issuer;
        issuer.subject = station.ca_certificate.subject();
        issuer.scheme = station.ca_key->public_key().scheme_with(crypto::DigestAlgorithm::sha256);
        return must(crypto::build_certificate(content, issuer, serial_, [&](ByteView octets) {
            ++serial_.back();
            return station.ca_key->sign(issuer.scheme, octets);
        }));
    }
    void expect_nothing_changed() {
        EXPECT_TRUE(succession().heirs.empty());
        EXPECT_EQ(succession().revision, 0U);
        EXPECT_EQ(service().identities, configured);
    }
    Bytes serial_{0x01, 0x02, 0x03, 0x10};
};

TEST_F(RenewerTest, NothingIsDoneBeforeItIsDue) {
    EXPECT_EQ(step(), nothing_due);
    station.clock.set(due_at(configured.at(Role::encryption).certificate, 66) - 1s);
    EXPECT_EQ(step(), nothing_due);
    EXPECT_EQ(station.backend->submitted, 0);
    EXPECT_FALSE(std::filesystem::exists(file().path()));
}

TEST_F(RenewerTest, BothCertificatesAreRenewedForNewKeysWhenTheirTimeHasCome) {
    station.clock.set(due_at(configured.at(Role::encryption).certificate, 66));
    ASSERT_EQ(step(), installed);
    const auto now = service();
    for (const auto& [role, identity] : now.identities) {
        const auto& before = configured.at(role);
        EXPECT_NE(identity.certificate.public_key(), before.certificate.public_key());
        EXPECT_THAT(identity.key, testing::MatchesRegex("file:ra/default-(agent|encryption)-r[0-9a-f]+.key"));
        EXPECT_EQ(identity.certificate.subject(), before.certificate.subject());
        EXPECT_EQ(identity.certificate.key_usage(), before.certificate.key_usage());
        EXPECT_EQ(identity.certificate.extended_key_usage(),
                  std::vector{std::string(oid::ms_certificate_request_agent)});
        EXPECT_FALSE(identity.certificate.basic_constraints().ca);
        const auto entry = must(station.database->issued().find("default", identity.certificate.serial_hex()));
        ASSERT_TRUE(entry);
        EXPECT_EQ(entry->kind, "ra");
    }
    expect_matching_pairs();
    ASSERT_EQ(succession().retired.size(), 1U);
    EXPECT_EQ(succession().retired.front().identities, configured);
    EXPECT_EQ(step(), nothing_due);
    EXPECT_EQ(station.audit.count("ra.renewed"), 1U);
    struct stat status {};
    ASSERT_EQ(::stat(file().path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(RenewerTest, TheRenewedRenewInTheirTurn) {
    make_due();
    ASSERT_EQ(step(), installed);
    const auto first = service().identities;
    station.clock.set(due_at(first.at(Role::agent).certificate, 66));
    ASSERT_EQ(step(), overlap_over);
    ASSERT_EQ(step(), installed);
    EXPECT_EQ(succession().retired.front().identities, first);
    expect_matching_pairs();
}

TEST_F(RenewerTest, ByHandWhereManual) {
    rules.automatic = false;
    make_due();
    EXPECT_EQ(step(), nothing_due);
    EXPECT_EQ(step(both()), installed);
}

TEST_F(RenewerTest, OnTheSameKey) {
    ASSERT_EQ(step(both(false)), installed);
    for (const auto& [role, identity] : service().identities) {
        EXPECT_EQ(identity.key, configured.at(role).key);
        EXPECT_NE(identity.certificate, configured.at(role).certificate);
    }
    expect_matching_pairs();
}

TEST_F(RenewerTest, OneRoleAlone) {
    ASSERT_EQ(step(RenewalWish{{Role::agent}, true, "operator"}), installed);
    EXPECT_EQ(service().identities.at(Role::encryption), configured.at(Role::encryption));
    EXPECT_NE(service().identities.at(Role::agent), configured.at(Role::agent));
}

TEST_F(RenewerTest, ACaThatIsAwayIsAskedAgainLater) {
    make_due();
    std::set<std::string> ids;
    station.backend->on_submit = [&](const auto&, const std::string& id) -> Result<ca::Outcome> {
        ids.insert(id);
        return fail::unavailable("the CA is away");
    };
    EXPECT_EQ(step(), failed);
    EXPECT_EQ(step(), not_yet);
    EXPECT_EQ(station.backend->submitted, 2);
    expect_nothing_changed();
    EXPECT_FALSE(succession().last->success);
    EXPECT_THAT(succession().last->detail, HasSubstr("the CA is away"));
    EXPECT_EQ(station.audit.count("ra.renewal_failed"), 1U);
    pass_pause();
    EXPECT_EQ(step(), failed);
    EXPECT_EQ(ids.size(), 2U) << "the same two requests";
    EXPECT_EQ(shelf.keys.size(), 4U) << "and no more keys";
    station.backend->on_submit = nullptr;
    pass_pause();
    EXPECT_EQ(step(), installed);
    EXPECT_TRUE(succession().last->success);
}

TEST_F(RenewerTest, ACaThatWaitsForOurWordGetsItOnceTheHandleIsRecorded) {
    std::map<std::string, crypto::Certificate> made;
    station.backend->on_submit = [&](const auto& request, const std::string& id) -> Result<ca::Outcome> {
        made.emplace("handle-" + id, issue(request));
        return ca::Outcome(ca::Pending{"handle-" + id, true});
    };
    station.backend->on_poll = [&](const std::string& handle) -> Result<ca::Outcome> {
        const auto recorded = succession().rollover->renewals;
        EXPECT_TRUE(std::ranges::any_of(recorded, [&](const auto& one) { return one.handle == handle; }));
        return ca::Outcome(ca::Issued{made.at(handle)});
    };
    EXPECT_EQ(step(both()), installed);
    EXPECT_EQ(station.audit.count("ra.renewal_pending"), 0U);
}

TEST_F(RenewerTest, WhatTheCaTakesBackIsQuarantined) {
    station.backend->on_submit = [&](const auto& request, const auto&) -> Result<ca::Outcome> {
        return ca::Outcome(ca::Rejected{"on second thoughts", issue(request)});
    };
    EXPECT_EQ(step(both()), failed);
    EXPECT_EQ(station.audit.count("certificate.quarantined"), 2U);
    expect_nothing_changed();
}

TEST_F(RenewerTest, WhatTheCaHoldsIsPolledAlsoByAnotherProcess) {
    std::map<std::string, crypto::Certificate> held;
    station.backend->on_submit = [&](const auto& request, const std::string& id) -> Result<ca::Outcome> {
        held.emplace("handle-" + id, issue(request));
        return ca::Outcome(ca::Pending{"handle-" + id});
    };
    bool decided = false;
    station.backend->on_poll = [&](const std::string& handle) -> Result<ca::Outcome> {
        if (!decided) return ca::Outcome(ca::Pending{handle});
        return ca::Outcome(ca::Issued{held.at(handle)});
    };
    EXPECT_EQ(step(both()), pending);
    EXPECT_EQ(succession().rollover->renewals.front().handle.substr(0, 7), "handle-");
    pass_pause();
    EXPECT_EQ(step(), pending);
    expect_nothing_changed();
    EXPECT_FALSE(succession().last) << "waiting is no failure";
    decided = true;
    pass_pause();
    EXPECT_EQ(step(), installed);
    EXPECT_EQ(station.backend->submitted, 2);
    expect_matching_pairs();
}

TEST_F(RenewerTest, OneThatIsThereWaitsForTheOther) {
    station.backend->on_submit = [&](const auto& request, const std::string& id) -> Result<ca::Outcome> {
        if (request.template_name() == "Agent") return ca::Outcome(ca::Issued{issue(request)});
        return ca::Outcome(ca::Pending{id});
    };
    station.backend->on_poll = [](const std::string& handle) { return ca::Outcome(ca::Pending{handle}); };
    EXPECT_EQ(step(both()), pending);
    expect_nothing_changed();
    // Until the one in force has expired.
    station.clock.set(configured.at(Role::agent).certificate.not_after() + 1s);
    station.backend->on_submit = nullptr;
    EXPECT_EQ(step(), installed);
    EXPECT_NE(service().identities.at(Role::agent), configured.at(Role::agent));
    EXPECT_EQ(service().identities.at(Role::encryption), configured.at(Role::encryption));
    EXPECT_TRUE(succession().rollover) << "the other goes on";
}

TEST_F(RenewerTest, ARejectedRequestIsNotSentAgainAnotherIs) {
    std::set<std::string> ids;
    station.backend->on_submit = [&](const auto&, const std::string& id) -> Result<ca::Outcome> {
        ids.insert(id);
        return ca::Outcome(ca::Rejected{"not today"});
    };
    EXPECT_EQ(step(both()), failed);
    expect_nothing_changed();
    EXPECT_THAT(succession().last->detail, HasSubstr("not today"));
    pass_pause();
    EXPECT_EQ(step(), failed);
    EXPECT_EQ(ids.size(), 4U);
    EXPECT_EQ(shelf.keys.size(), 4U) << "for the keys made before";
}

struct Lie {
    const char* name;
    std::function<void(crypto::CertificateContent&)> change;
};
class LyingCaTest : public RenewerTest, public testing::WithParamInterface<Lie> {};

TEST_P(LyingCaTest, WhatDiffersFromThePlanIsNeverInForce) {
    station.backend->on_submit = [&](const auto& request, const std::string&) -> Result<ca::Outcome> {
        return ca::Outcome(ca::Issued{issue(request, GetParam().change)});
    };
    EXPECT_EQ(step(both()), failed);
    expect_nothing_changed();
    EXPECT_FALSE(succession().last->success);
    EXPECT_EQ(station.audit.count("certificate.quarantined"), 2U);
    EXPECT_EQ(station.audit.count("ra.renewed"), 0U);
    const auto kept = must(station.database->issued().find("default", "01020310"));
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->kind, "quarantined");
}
INSTANTIATE_TEST_SUITE_P(
    All, LyingCaTest,
    testing::Values(
        Lie{"OtherKey", [](auto& content) { content.spki = to_bytes(test::pooled_key(5)->public_key().spki()); }},
        Lie{"OtherUsage", [](auto& content) { content.extended_key_usage = {std::string(oid::client_auth)}; }},
        Lie{"AuthorityToo", [](auto& content) { content.basic_constraints.ca = true; }},
        Lie{"OtherName", [](auto& content) { content.subject = must(crypto::Name::from_text("CN=Somebody")); }},
        Lie{"NotValidYet", [](auto& content) { content.not_before = content.not_before + std::chrono::days{2}; }}),
    [](const auto& lie) { return lie.param.name; });

TEST_F(RenewerTest, ACertificateOfAnotherIssuerIsNeverInForce) {
    station.backend->on_submit = [&](const auto& request, const std::string&) -> Result<ca::Outcome> {
        crypto::IssuerContent issuer;
        issuer.subject = station.ca_certificate.subject();
        const auto key = test::pooled_key(6);
        issuer.scheme = key->public_key().scheme_with(crypto::DigestAlgorithm::sha256);
        ++serial_.back();
        return ca::Outcome(ca::Issued{must(crypto::build_certificate(
            request.plan(), issuer, serial_, [&](ByteView octets) { return key->sign(issuer.scheme, octets); }))});
    };
    EXPECT_EQ(step(both()), failed);
    expect_nothing_changed();
    EXPECT_THAT(succession().last->detail, HasSubstr("not signed by the configured CA"));
}

TEST_F(RenewerTest, ALostAnswerIsLookedForNotAskedForAgain) {
    std::map<std::string, crypto::Certificate> made;
    station.backend->on_submit = [&](const auto& request, const std::string& id) -> Result<ca::Outcome> {
        made.emplace(id, issue(request));
        return fail::outcome_unknown("the connection broke");
    };
    bool found = false;
    station.backend->on_reconcile = [&](const std::string& id) -> Result<std::optional<ca::Outcome>> {
        if (!found) return fail::unavailable("still broken");
        return std::optional<ca::Outcome>(ca::Issued{made.at(id)});
    };
    EXPECT_EQ(step(both()), failed);
    pass_pause();
    EXPECT_EQ(step(), failed);
    EXPECT_EQ(station.backend->submitted, 2) << "one request for each role, and no second one";
    found = true;
    pass_pause();
    EXPECT_EQ(step(), installed);
    EXPECT_EQ(station.backend->submitted, 2);
}

TEST_F(RenewerTest, AHandleTheCaHasForgottenIsResolvedByOurOwnId) {
    std::map<std::string, crypto::Certificate> made;
    station.backend->on_submit = [&](const auto& request, const std::string& id) -> Result<ca::Outcome> {
        made.emplace(id, issue(request));
        return ca::Outcome(ca::Pending{"forgotten"});
    };
    station.backend->on_poll = [](const std::string&) -> Result<ca::Outcome> { return fail::not_found("who?"); };
    station.backend->on_reconcile = [&](const std::string& id) -> Result<std::optional<ca::Outcome>> {
        return std::optional<ca::Outcome>(ca::Issued{made.at(id)});
    };
    EXPECT_EQ(step(both()), pending);
    pass_pause();
    EXPECT_EQ(step(), failed);
    pass_pause();
    EXPECT_EQ(step(), installed);
    EXPECT_EQ(station.backend->submitted, 2);
}

class CrashTest : public RenewerTest, public testing::WithParamInterface<const char*> {};

TEST_P(CrashTest, ACrashAnywhereLeavesPairsThatMatchAndGoesOn) {
    struct Crash {};
    on_reach = [&](std::string_view point) {
        if (point == GetParam()) throw Crash();
    };
    EXPECT_THROW(static_cast<void>(advance(both())), Crash);
    expect_matching_pairs();
    on_reach = nullptr;
    if (succession().revision == 0) {
        station.clock.advance(1s);
        EXPECT_EQ(step(), installed);
    }
    expect_matching_pairs();
    EXPECT_FALSE(succession().rollover);
    EXPECT_EQ(succession().revision, 1U);
    EXPECT_NE(service().identities, configured);
    EXPECT_EQ(shelf.keys.size(), 4U) << "no key was made and forgotten";
}
INSTANTIATE_TEST_SUITE_P(Points, CrashTest,
                         testing::Values("ra.after_begin", "ra.after_key", "ra.before_submit", "ra.after_submit",
                                         "ra.after_issued", "ra.before_install", "ra.after_install"),
                         [](const auto& point) { return std::string(point.param).substr(3); });

TEST_F(RenewerTest, OneProcessAtATime) {
    const auto lock = must(file().lock());
    const auto refused = advance(both());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
    EXPECT_EQ(station.backend->submitted, 0);
}

TEST_F(RenewerTest, WhoeverKnowsAnOldStateDoesNothing) {
    const auto old = service();
    ASSERT_EQ(step(both()), installed);
    EXPECT_EQ(must(renewer().advance(old, both())).step, outdated);
    EXPECT_EQ(succession().revision, 1U);
}

TEST_F(RenewerTest, WithoutItsRecordNothingBeginsAndNothingTakesEffect) {
    station.audit.broken = "ra.renewal_started";
    EXPECT_FALSE(advance(both()));
    EXPECT_EQ(station.backend->submitted, 0);
    station.audit.broken = "ra.renewed";
    EXPECT_FALSE(advance(both()));
    expect_nothing_changed();
    station.audit.broken.clear();
    EXPECT_EQ(step(both()), installed);
}

TEST_F(RenewerTest, UnderAnExpiredAgentTheCaIsNotEvenAsked) {
    station.clock.set(configured.at(Role::agent).certificate.not_after() + 1s);
    EXPECT_EQ(step(), failed);
    EXPECT_EQ(station.backend->submitted, 0);
    EXPECT_THAT(succession().last->detail, HasSubstr("ra-lifecycle.md"));
}

TEST_F(RenewerTest, AnOperatorMayHaveTheEmbeddedCaRenewUnderAnExpiredAgent) {
    station.clock.set(configured.at(Role::agent).certificate.not_after() + 1s);
    const auto try_with = [&](bool accepting) {
        ca::LocalCaOptions options{"default", station.ca_certificate, {}, {}, {}, {}, {}};
        options.renews_after_expiry = accepting;
        const auto repairing = must(ca::LocalCa::create(options, station.ca_key, Secret(station.random.bytes(32)),
                                                        station.database->issued(), station.clock));
        auto ra = service();
        ra.even_expired = true;
        ra.backend = std::make_shared<test::ScriptedBackend>(*repairing);
        return must(renewer().advance(ra, both())).step;
    };
    EXPECT_EQ(try_with(false), failed);
    EXPECT_THAT(succession().last->detail, HasSubstr("is valid from"));
    EXPECT_EQ(try_with(true), installed);
    expect_matching_pairs();
}

TEST_F(RenewerTest, TheEmbeddedCaRenewsNoDevicesCertificateAsAnAgents) {
    const auto device = station.device("CN=Test RA");
    test::MessageOptions message;
    message.challenge = station.mint();
    message.subject = "CN=Test RA";
    const auto certificate = station.enroll(device, message);
    auto ra = service();
    ra.identities.at(Role::agent).certificate = certificate;
    EXPECT_EQ(must(renewer().advance(ra, RenewalWish{{Role::agent}, true, "operator"})).step, failed);
    EXPECT_THAT(succession().last->detail, HasSubstr("of its ledger alone"));
}

TEST_F(RenewerTest, TheEmbeddedCaRenewsNoRevokedOne) {
    const auto& encryption = configured.at(Role::encryption).certificate;
    must(station.local_ca->revoke(encryption.serial_hex(), 1, station.clock.now()));
    EXPECT_EQ(step(RenewalWish{{Role::encryption}, true, "operator"}), failed);
    expect_nothing_changed();
}

TEST_F(RenewerTest, OverlapsEndAndAreBounded) {
    for (int i = 0; i < 6; ++i) {
        ASSERT_EQ(step(both(false)), installed);
        station.clock.advance(1h);
    }
    EXPECT_EQ(succession().retired.size(), most_retired);
    station.clock.advance(rules.overlap - 3h);
    const auto revision = succession().revision;
    EXPECT_EQ(step(), overlap_over);
    EXPECT_GT(succession().revision, revision) << "so that the daemon takes notice";
    EXPECT_LT(succession().retired.size(), most_retired);
    EXPECT_FALSE(succession().retired.empty());
    EXPECT_EQ(step(), nothing_due);
}

TEST_F(RenewerTest, ANewlyConfiguredCertificateTakesOver) {
    ASSERT_EQ(step(both()), installed);
    const auto by_hand = must(ca::make_ra_certificate(
        ca::RaRole::agent, "CN=By hand", test::pooled_key(9)->public_key(), std::chrono::days{365},
        station.ca_certificate, *station.ca_key, {}, station.clock.now(), station.random));
    shelf.keys["file:by-hand.key"] = test::pooled_key(9);
    configured.insert_or_assign(Role::agent, Identity{"file:by-hand.key", by_hand});
    EXPECT_EQ(service().identities.at(Role::agent).certificate, by_hand);
    EXPECT_NE(service().identities.at(Role::encryption), configured.at(Role::encryption))
        << "the other role is not touched";
}

TEST_F(RenewerTest, ADamagedFileIsSaidNotForgotten) {
    must(file().write({}));
    std::filesystem::resize_file(file().path(), 10);
    const auto refused = renewer().advance(
        [&] {
            ra::RaInService made;
            made.name = "default";
            made.directory = station.directory;
            made.identities = configured;
            return made;
        }(),
        both());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::malformed);
    EXPECT_THAT(refused.error().detail, HasSubstr("default.json"));
}

}  // namespace
}  // namespace countersign::ra
