// The verdict must be able to fail: a good ledger passes, and each way of spoiling a copy of it is noticed.
#include "countersign/app/wire.hpp"
#include "fleet.hpp"
#include "verdict.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>

namespace countersign::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class Checker : public testing::Test {
protected:
    // One undisturbed run for all tests of this process.
    static void SetUpTestSuite() {
        directory_ = fs::path(COUNTERSIGN_FAULTS_DIRECTORY) / ("checker-" + std::to_string(::getpid()));
        const auto instance = make_instance(COUNTERSIGN_PROGRAM, directory_);
        ServerProcess daemon({COUNTERSIGN_FAULTS_DAEMON, "--config", instance.config.string()}, {},
                             directory_ / "daemon.log");
        ASSERT_TRUE(daemon.wait_until_ready(instance.endpoint, 30s));
        Fleet fleet(instance, 2, 6, 1);
        fleet.start();
        while (fleet.answered() < 4) std::this_thread::sleep_for(5ms);
        fleet.finish();
        daemon.signal(SIGTERM);
        ASSERT_EQ(daemon.wait(60s), 0);
        settings_ = app::load_or_throw(instance.config, [](const std::string&) {});
        store_ = settings_->store.url.substr(std::string("sqlite:").size());
        std::ostringstream text;
        text << std::ifstream(settings_->audit.file).rdbuf();
        audit_ = text.str();
        records_ = fleet.records();
    }
    static void TearDownTestSuite() {
        std::error_code ignored;
        fs::remove_all(directory_, ignored);
        fs::remove(directory_.string() + ".init", ignored);
    }

    static Ledger spoilt(const std::string& sql) {
        const auto copy = directory_ / "spoilt.db";
        for (const auto* suffix : {"-wal", "-shm"}) fs::remove(copy.string() + suffix);
        run_sql(store_, "PRAGMA wal_checkpoint(TRUNCATE)");
        fs::copy_file(store_, copy, fs::copy_options::overwrite_existing);
        run_sql(copy, sql);
        auto settings = *settings_;
        settings.store.url = "sqlite:" + copy.string();
        return read_ledger(settings);
    }

    static bool complains(const std::vector<std::string>& complaints, const std::string& words) {
        return std::ranges::any_of(complaints, [&](const auto& text) { return text.find(words) != std::string::npos; });
    }

    static inline fs::path directory_;
    static inline fs::path store_;
    static inline std::optional<config::Settings> settings_;
    static inline std::string audit_;
    static inline std::vector<ClientRecord> records_;
};

#define EXPECT_COMPLAINT(complaints, words)                                                    \
    do {                                                                                       \
        const std::vector<std::string> made = (complaints);                                    \
        EXPECT_TRUE(complains(made, words)) << "complaints: " << testing::PrintToString(made); \
    } while (false)

constexpr const char* kAnEnrolled = "(SELECT max(sequence) FROM certificates WHERE attempt IS NOT NULL)";

TEST_F(Checker, IsContentWithAnUndisturbedRun) {
    EXPECT_EQ(judge(read_ledger(*settings_), records_, audit_), std::vector<std::string>{});
    EXPECT_GE(records_.size(), 4U);
}

TEST_F(Checker, MissesADeletedCertificate) {
    const auto ledger = spoilt(std::string("DELETE FROM certificates WHERE sequence = ") + kAnEnrolled);
    EXPECT_COMPLAINT(judge(ledger, records_, audit_), "issued, but the certificate is not in the ledger");
    EXPECT_COMPLAINT(judge(ledger, records_, audit_), "delivered that is not in the ledger");
}

TEST_F(Checker, SeesAPasswordSpentTwice) {
    const auto ledger = spoilt(
        "DROP INDEX attempts_by_challenge; DROP INDEX certificates_by_attempt;"
        "CREATE TEMP TABLE twin AS SELECT * FROM attempts WHERE state = 'issued' LIMIT 1;"
        "UPDATE twin SET sequence = 1000000, id = 'ffffffffffffffffffffffffffffffff', transaction_id = 'other';"
        "INSERT INTO attempts SELECT * FROM twin;"
        "CREATE TEMP TABLE doubled AS SELECT * FROM certificates WHERE sequence = " +
        std::string(kAnEnrolled) +
        ";"
        "UPDATE doubled SET sequence = 1000000, serial = '01', attempt = 'ffffffffffffffffffffffffffffffff';"
        "INSERT INTO certificates SELECT * FROM doubled");
    EXPECT_COMPLAINT(judge(ledger, records_, audit_), "one password, several certificates");
    EXPECT_COMPLAINT(judge(ledger, records_, audit_), "accepted without an audit event");
}

TEST_F(Checker, SeesAPasswordThatWasNotConsumed) {
    const auto ledger = spoilt("UPDATE challenges SET state = 'outstanding', attempt = '' WHERE state = 'consumed'");
    EXPECT_COMPLAINT(judge(ledger, records_, audit_), "a password used and not consumed");
}

TEST_F(Checker, SeesARequestLeftHalfway) {
    const auto ledger = spoilt("UPDATE attempts SET state = 'intent' WHERE state = 'issued'");
    EXPECT_COMPLAINT(judge(ledger, records_, audit_), "left in state intent");
}

TEST_F(Checker, SeesASerialNumberGivenTwice) {
    auto ledger = read_ledger(*settings_);
    ledger.certificates.push_back(ledger.certificates.back());
    EXPECT_COMPLAINT(judge(ledger, records_, audit_), "a serial number given twice");
    EXPECT_COMPLAINT(judge(ledger, records_, audit_), "two certificates for one request");
}

TEST_F(Checker, SeesClientsWithWrongOrNoCertificates) {
    const auto ledger = read_ledger(*settings_);
    const auto served = std::ranges::find_if(records_, [](const auto& record) { return !record.certificates.empty(); });
    ASSERT_NE(served, records_.end());
    const auto at = static_cast<std::size_t>(served - records_.begin());

    auto invented = records_;
    invented[at].certificates.front().back() ^= 1;
    EXPECT_COMPLAINT(judge(ledger, invented, audit_), "delivered that is not in the ledger");
    auto several = records_;
    several[at].certificates.push_back({0x30, 0x00});
    EXPECT_COMPLAINT(judge(ledger, several, audit_), "different certificates for the same request");
    auto none = records_;
    none[at].certificates.clear();
    EXPECT_COMPLAINT(judge(ledger, none, audit_), "nobody got a certificate");
    auto refused = records_;
    refused[at].troubles.emplace_back("refused with a valid password");
    EXPECT_COMPLAINT(judge(ledger, refused, audit_), "refused with a valid password");
}

TEST_F(Checker, SeesASpoiltAuditFile) {
    const auto ledger = read_ledger(*settings_);
    EXPECT_COMPLAINT(judge(ledger, records_, "{\"time\":\"torn in the mid\n" + audit_), "unreadable lines");
    EXPECT_COMPLAINT(judge(ledger, records_, ""), "issued without an audit event");
    // A line that a kill tore is the last one, and is forgiven there.
    EXPECT_EQ(judge(ledger, records_, audit_ + "{\"time\":\"torn"), std::vector<std::string>{});
}

}  // namespace
}  // namespace countersign::test
