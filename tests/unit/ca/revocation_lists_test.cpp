// Which lists count, what is held, kept and told; lists and certificates are made by `openssl ca`.
#include "countersign/ca/revocation_lists.hpp"

#include "counting_random.hpp"
#include "fixed_clock.hpp"
#include "openssl_crl.hpp"
#include "scripted_http.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

namespace countersign::ca {
namespace {

using namespace countersign::test;
using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto url = "http://pki.example/ca.crl";

struct RevocationListsTest : testing::Test {
    OpensslCrlCa authority;
    ScratchDirectory scratch;
    FixedClock clock;  // 2026-11-21T06:00:00Z
    SystemRandom random;
    std::map<std::string, net::ClientResponse> served;
    std::shared_ptr<ScriptedHttp> http = std::make_shared<ScriptedHttp>([this](const net::ClientRequest& request) {
        const auto found = served.find(request.url);
        return found == served.end() ? Result<net::ClientResponse>(fail::unavailable("nobody listens"))
                                     : Result<net::ClientResponse>(found->second);
    });
    RevocationListOptions options{"default", {authority.certificate()}, {url}, 60min, scratch / "crl", false};
    crypto::Certificate device = authority.issue("51");

    void serve(ByteView list, const std::string& where = url) {
        served[where] = response(200);
        served[where].body = to_bytes(list);
    }
    std::unique_ptr<RevocationLists> make() { return std::make_unique<RevocationLists>(options, http, clock, random); }
    // "good", "revoked" or why nobody knows.
    std::string status(const RevocationLists& lists, const crypto::Certificate& certificate) {
        const auto found = lists.find(certificate, clock.now());
        if (!found) {
            EXPECT_EQ(found.error().kind, ErrorKind::unavailable);
            return found.error().detail;
        }
        return *found ? "revoked" : "good";
    }
    std::string status_after_a_round(ByteView list) {
        serve(list);
        const auto lists = make();
        lists->refresh();
        return status(*lists, device);
    }
    void write(const std::string& name, ByteView octets) {
        std::ofstream(scratch / name, std::ios::binary) << as_text(octets);
    }
};

TEST_F(RevocationListsTest, NobodyKnowsBeforeTheFirstRoundAndEverybodyAfterIt) {
    const auto other = authority.issue("52");
    authority.revoke("51");
    serve(authority.list());
    const auto lists = make();
    EXPECT_THAT(status(*lists, device), HasSubstr("none is held"));
    EXPECT_FALSE(lists->standing().current);
    EXPECT_TRUE(lists->refresh());
    EXPECT_EQ(status(*lists, device), "revoked");
    EXPECT_EQ(status(*lists, other), "good");
    const auto standing = lists->standing();
    EXPECT_TRUE(standing.current);
    EXPECT_EQ(standing.problem, "");
    EXPECT_EQ(standing.failures, 0U);
    ASSERT_EQ(standing.lists.size(), 1U);
    EXPECT_EQ(standing.lists[0].entries, 1U);
}

TEST_F(RevocationListsTest, ListsThatDoNotCountAreSaidWhy) {
    EXPECT_EQ(status_after_a_round(authority.list()), "good");
    EXPECT_THAT(status_after_a_round(authority.list({.from = "261121070000Z", .to = "261123000000Z"})),
                HasSubstr("of the future"));
    EXPECT_THAT(status_after_a_round(authority.list({.from = "261119000000Z", .to = "261121055959Z"})),
                HasSubstr("counted until 2026-11-21T05:59:59"));
    EXPECT_THAT(status_after_a_round(authority.list({.extensions = "2.5.29.27 = critical,DER:02:01:01"})),
                HasSubstr("delta"));
    EXPECT_THAT(status_after_a_round(authority.list({.options = "-md sha1"})), HasSubstr("too weak"));
    EXPECT_THAT(status_after_a_round(as_bytes("<html>")), HasSubstr("no revocation list"));
    OpensslCrlCa namesake;
    EXPECT_THAT(status_after_a_round(namesake.list()), HasSubstr("signature"));
    OpensslCrlCa stranger("/O=Example/CN=Another CA");
    EXPECT_THAT(status_after_a_round(stranger.list()), HasSubstr("not of CN=Their CA"));
    served[url] = response(404);
    const auto lists = make();
    lists->refresh();
    EXPECT_THAT(status(*lists, device), HasSubstr("HTTP status 404"));
    served.clear();
    lists->refresh();
    EXPECT_EQ(lists->standing().failures, 1U) << "it is not time yet";
    clock.advance(3s);
    lists->refresh();
    EXPECT_THAT(status(*lists, device), HasSubstr("nobody listens"));
    EXPECT_EQ(lists->standing().failures, 2U);
}

TEST_F(RevocationListsTest, AListJustOfTheFutureIsAClockThatIsAhead) {
    EXPECT_EQ(status_after_a_round(authority.list({.from = "261121060400Z", .to = "261122000000Z"})), "good");
}

TEST_F(RevocationListsTest, AKeyThatMayNotSignListsSignsNone) {
    OpensslCrlCa without("/O=Example/CN=Their CA", "keyUsage = keyCertSign");
    options.issuers = {without.certificate()};
    EXPECT_THAT(status_after_a_round(without.list()), HasSubstr("cRLSign"));
    OpensslCrlCa with("/O=Example/CN=Their CA", "keyUsage = keyCertSign, cRLSign");
    options.issuers = {with.certificate()};
    device = with.issue("51");
    EXPECT_EQ(status_after_a_round(with.list()), "good");
}

TEST_F(RevocationListsTest, TheCasWordOfYesterdayDoesNotUndoThatOfToday) {
    const auto before = authority.list({.number = "1001"});
    const auto renumbered = authority.list({.from = "261121053000Z", .to = "261122050000Z", .number = "0F00"});
    authority.revoke("51");
    serve(authority.list({.from = "261121051000Z", .to = "261122050000Z", .number = "1002"}));
    const auto lists = make();
    lists->refresh();
    ASSERT_EQ(status(*lists, device), "revoked");
    for (const auto& [old, why] : {std::pair{before, "number"}, {renumbered, "number"}}) {
        serve(old);
        clock.advance(61min);
        ASSERT_TRUE(lists->refresh());
        EXPECT_THAT(lists->standing().problem, HasSubstr(why));
        EXPECT_EQ(status(*lists, device), "revoked");
    }
    // Without numbers the dates tell.
    serve(authority.list({.from = "261121050900Z", .to = "261123050000Z", .bare = true}));
    clock.advance(61min);
    ASSERT_TRUE(lists->refresh());
    EXPECT_THAT(lists->standing().problem, HasSubstr("older than the one held"));
    // Nor after a restart.
    serve(before);
    const auto restarted = make();
    ASSERT_TRUE(restarted->recall());
    restarted->refresh();
    EXPECT_THAT(restarted->standing().problem, HasSubstr("number"));
    EXPECT_EQ(status(*restarted, device), "revoked");
}

TEST_F(RevocationListsTest, ASuccessorReplacesTheListAndMayReleaseWhatWasOnHold) {
    OpensslCrlCa other;
    options.issuers = {other.certificate()};
    device = other.issue("51");
    serve(other.list({.number = "01"}));
    const auto lists = make();
    lists->refresh();
    EXPECT_EQ(status(*lists, device), "good");
    other.revoke("51", "261121053000Z,holdInstruction,holdInstructionReject");
    serve(other.list({.from = "261121053000Z", .number = "02"}));
    clock.advance(61min);
    lists->refresh();
    EXPECT_EQ(status(*lists, device), "revoked");
    EXPECT_EQ(lists->standing().lists.size(), 1U);
}

TEST_F(RevocationListsTest, AListThatHasExpiredSaysNothingAnyMore) {
    authority.revoke("51");
    const auto other = authority.issue("52");
    serve(authority.list());
    const auto lists = make();
    lists->refresh();
    served.clear();
    clock.advance(22h);
    lists->refresh();
    EXPECT_EQ(status(*lists, other), "good");
    EXPECT_THAT(lists->standing().problem, HasSubstr("nobody listens"));
    EXPECT_TRUE(lists->standing().current);
    clock.advance(1h);
    EXPECT_THAT(status(*lists, other), HasSubstr("counted until 2026-11-22T05:00:00"));
    EXPECT_THAT(status(*lists, device), HasSubstr("counted until"));
    EXPECT_FALSE(lists->standing().current);
    serve(authority.list({.from = "261122050000Z", .to = "261123050000Z"}));
    clock.advance(11min);
    lists->refresh();
    EXPECT_EQ(status(*lists, other), "good");
    EXPECT_TRUE(lists->standing().current);
    EXPECT_EQ(lists->standing().problem, "");
}

TEST_F(RevocationListsTest, NoListSpeaksOfCertificatesThatHadExpiredBefore) {
    const auto later = from_rfc3339("2040-01-01T00:00:00Z").value();
    ASSERT_LT(device.not_after(), later);
    serve(authority.list());
    const auto lists = make();
    lists->refresh();
    clock.set(later);
    serve(authority.list({.from = "391231000000Z", .to = "400102000000Z"}));
    lists->refresh();
    const auto found = lists->find(device, clock.now());
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind, ErrorKind::expired) << found.error().detail;
    authority.revoke("51");
    serve(authority.list({.from = "391231000100Z", .to = "400102000000Z"}));
    clock.advance(61min);
    lists->refresh();
    EXPECT_EQ(status(*lists, device), "revoked") << "unless it is named all the same";
}

TEST_F(RevocationListsTest, WhereTheLedgerAloneWillDoAStaleListStillRevokes) {
    options.ledger_alone_when_missing = true;
    authority.revoke("51");
    const auto other = authority.issue("52");
    const auto lists = make();
    EXPECT_EQ(status(*lists, device), "good") << "nothing is known";
    serve(authority.list());
    lists->refresh();
    served.clear();
    clock.advance(48h);
    EXPECT_EQ(status(*lists, device), "revoked");
    EXPECT_EQ(status(*lists, other), "good");
    EXPECT_FALSE(lists->standing().current);
}

TEST_F(RevocationListsTest, WhatARestartFindsIsVerifiedAgain) {
    authority.revoke("51");
    serve(authority.list());
    make()->refresh();
    served.clear();
    const auto restarted = make();
    ASSERT_TRUE(restarted->recall());
    EXPECT_EQ(status(*restarted, device), "revoked");
    restarted->refresh();
    EXPECT_EQ(status(*restarted, device), "revoked");

    // Whoever can write there cannot forge one, and another CA of the same directory is another's.
    std::filesystem::path file;
    for (const auto& entry : std::filesystem::directory_iterator(options.directory)) file = entry.path();
    ASSERT_TRUE(file.filename().string().starts_with("default-")) << file;
    const OpensslCrlCa stranger;
    auto elsewhere = options;
    elsewhere.issuers = {stranger.certificate()};
    RevocationLists foreign(elsewhere, http, clock, random);
    EXPECT_FALSE(foreign.recall());
    EXPECT_THAT(status(foreign, device), HasSubstr("none is held"));
    elsewhere = options;
    elsewhere.name = "def";
    RevocationLists namesake(elsewhere, http, clock, random);
    EXPECT_TRUE(namesake.recall());
    EXPECT_THAT(status(namesake, device), HasSubstr("none is held"));

    OpensslCrlCa forger;
    std::ofstream(file, std::ios::binary) << as_text(forger.list());
    const auto deceived = make();
    EXPECT_FALSE(deceived->recall());
    EXPECT_THAT(status(*deceived, device), HasSubstr("none is held"));
    std::ofstream(file, std::ios::binary) << "half";
    EXPECT_FALSE(make()->recall());
    clock.advance(48h);
}

TEST_F(RevocationListsTest, ADirectoryThatCannotBeWrittenCostsTheRestartAlone) {
    write("file", as_bytes("in the way"));
    options.directory = scratch / "file" / "crl";
    serve(authority.list());
    const auto lists = make();
    EXPECT_TRUE(lists->recall());
    lists->refresh();
    EXPECT_EQ(status(*lists, device), "good");
    EXPECT_THAT(lists->standing().problem, HasSubstr("a restart will not find it"));
}

TEST_F(RevocationListsTest, ListsComeFromFilesToo) {
    authority.revoke("51");
    options.locations = {(scratch / "ca.crl").string()};
    const auto lists = make();
    lists->refresh();
    EXPECT_THAT(status(*lists, device), HasSubstr("no such file"));
    authority.list();
    write("ca.crl", authority.pem());
    clock.advance(10s);
    lists->refresh();
    EXPECT_EQ(status(*lists, device), "revoked");
    EXPECT_TRUE(http->requests().empty());
}

TEST_F(RevocationListsTest, AKeyTheCaHadBeforeHasAListOfItsOwn) {
    OpensslCrlCa former;
    const auto old_device = former.issue("51");
    former.revoke("51");
    options.issuers.push_back(former.certificate());
    options.locations.emplace_back("http://pki.example/former.crl");
    serve(authority.list());
    const auto lists = make();
    lists->refresh();
    EXPECT_EQ(status(*lists, device), "good");
    EXPECT_THAT(status(*lists, old_device), HasSubstr("none is held"));
    EXPECT_FALSE(lists->standing().current);
    serve(former.list(), "http://pki.example/former.crl");
    clock.advance(10s);
    lists->refresh();
    EXPECT_EQ(status(*lists, old_device), "revoked");
    EXPECT_EQ(status(*lists, device), "good") << "the same serial number, of another key";
    EXPECT_TRUE(lists->standing().current);
}

TEST_F(RevocationListsTest, AListOfOneDistributionPointSaysNothingAboutTheOthers) {
    const std::string one = "http://pki.example/1.crl";
    const std::string two = "http://pki.example/2.crl";
    const auto of = [&](const std::string& point) {
        return authority.list(
            {.extensions = "issuingDistributionPoint = critical,@idp\n[idp]\nfullname = URI:" + point});
    };
    const auto first = authority.issue("61", "crlDistributionPoints = URI:" + one);
    const auto second = authority.issue("62", "crlDistributionPoints = URI:" + two);
    options.locations = {one, two};
    serve(of(one), one);
    const auto lists = make();
    lists->refresh();
    EXPECT_EQ(status(*lists, first), "good");
    EXPECT_THAT(status(*lists, second), HasSubstr("none is held that covers it"));
    EXPECT_THAT(status(*lists, device), HasSubstr("none is held that covers it")) << "it names no point";
    authority.revoke("62");
    serve(of(two), two);
    clock.advance(10s);
    lists->refresh();
    EXPECT_EQ(lists->standing().lists.size(), 2U);
    EXPECT_EQ(status(*lists, first), "good");
    EXPECT_EQ(status(*lists, second), "revoked");
}

TEST_F(RevocationListsTest, ACertificateOfAnotherKeyIsNobodysToJudge) {
    OpensslCrlCa namesake;
    authority.revoke("51");
    serve(authority.list());
    const auto lists = make();
    lists->refresh();
    EXPECT_THAT(status(*lists, namesake.issue("51")), HasSubstr("none is held"));
}

TEST_F(RevocationListsTest, RoundsComeInTime) {
    serve(authority.list());  // until 05:00 tomorrow
    const auto lists = make();
    EXPECT_TRUE(lists->refresh());
    clock.advance(44min);
    EXPECT_FALSE(lists->refresh());
    clock.advance(16min);
    EXPECT_TRUE(lists->refresh());
    // Near its end, halfway to it.
    clock.set(from_rfc3339("2026-11-22T04:40:00Z").value());
    EXPECT_TRUE(lists->refresh());
    clock.advance(10min);
    EXPECT_TRUE(lists->refresh());
    // A clock that was set back does not put the next round off.
    clock.advance(-12h);
    EXPECT_TRUE(lists->refresh());
    const auto asked = http->requests().size();
    EXPECT_EQ(asked, 5U);
    EXPECT_EQ(http->requests().front().method, "GET");
    EXPECT_TRUE(http->requests().front().user.empty());
}

TEST_F(RevocationListsTest, AfterFailuresRoundsComeLaterAndLater) {
    const auto lists = make();
    std::size_t rounds = 0;
    for (int second = 0; second < 3600; ++second) {
        rounds += lists->refresh() ? 1 : 0;
        clock.advance(1s);
    }
    EXPECT_GE(rounds, 10U);
    EXPECT_LE(rounds, 25U);
    EXPECT_EQ(lists->standing().failures, rounds);
}

TEST_F(RevocationListsTest, AProbeSaysWhatIsWrongAndKeepsNothing) {
    const auto lists = make();
    ASSERT_FALSE(lists->probe());
    EXPECT_THAT(lists->probe().error().detail, HasSubstr("http://pki.example/ca.crl"));
    serve(authority.list());
    EXPECT_TRUE(lists->probe());
    EXPECT_THAT(status(*lists, device), HasSubstr("none is held"));
    EXPECT_FALSE(std::filesystem::exists(options.directory));
    serve(OpensslCrlCa().list());
    EXPECT_FALSE(lists->probe());
}

}  // namespace
}  // namespace countersign::ca
