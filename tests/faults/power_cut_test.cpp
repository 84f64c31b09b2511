// The power cut at random moments and at crash points, under load, again and again on the same store: the daemon is
// killed, and what no fsync had made safe is taken back, all of it or some of it in any order; then the verdict.
//
// COUNTERSIGN_POWER_CUTS: how many (default 60). COUNTERSIGN_POWER_SEED: repeats a run that failed.
#include "power_cut.hpp"
#include "countersign/app/wire.hpp"
#include "fleet.hpp"
#include "power_journal.hpp"
#include "verdict.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <algorithm>
#include <csignal>
#include <iostream>

namespace countersign::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr const char* kPoints[] = {"store.after_commit.intent", "enroll.after_submit", "store.before_commit.issued",
                                   "store.after_commit.issued", "enroll.after_record", "enroll.before_reply"};
constexpr double kChancesOfUnsynced[] = {0, 0, 0.3, 0.7};

unsigned number_from(const char* variable, unsigned otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : static_cast<unsigned>(std::stoul(text));
}

class PowerCuts : public testing::Test {
protected:
    PowerCuts() {
        const auto directory = fs::path(COUNTERSIGN_FAULTS_DIRECTORY) / ("power-" + std::to_string(::getpid()));
        fs::remove_all(directory);
        instance_ = make_instance(COUNTERSIGN_PROGRAM, directory);
        log_ = directory.string() + ".log";
        journal_ = directory.string() + ".journal";
    }
    ~PowerCuts() override {
        if (HasFailure()) return;
        std::error_code ignored;
        fs::remove_all(instance_.directory, ignored);
        for (const auto* rest : {".log", ".init"}) fs::remove(instance_.directory.string() + rest, ignored);
    }

    std::unique_ptr<ServerProcess> start(const std::vector<std::string>& environment = {}) {
        return std::make_unique<ServerProcess>(
            std::vector<std::string>{COUNTERSIGN_FAULTS_DAEMON, "--config", instance_.config.string()}, environment,
            log_);
    }
    std::unique_ptr<ServerProcess> start_on_a_disk_that_may_lose(std::vector<std::string> environment = {}) {
        environment.push_back(std::string("LD_PRELOAD=") + COUNTERSIGN_POWER_CUT_SHIM);
        environment.push_back(std::string(kPowerJournalVariable) + "=" + journal_.string());
        environment.push_back(std::string(kPowerDirectoryVariable) + "=" + instance_.directory.string());
        return start(environment);
    }
    bool is_ready(ServerProcess& daemon) {
        if (daemon.wait_until_ready(instance_.endpoint, 30s)) return true;
        ADD_FAILURE() << "the daemon does not come up:\n" << end_of(contents(log_));
        return false;
    }
    // A stock of clients, and a daemon that was stopped as one is.
    std::unique_ptr<Fleet> enlist(std::size_t stock, unsigned seed) {
        const auto daemon = start();
        if (!is_ready(*daemon)) return nullptr;
        auto fleet = std::make_unique<Fleet>(instance_, 8, stock, seed);
        fleet->close_store();
        daemon->signal(SIGTERM);
        EXPECT_EQ(daemon->wait(60s), 0);
        return fleet;
    }
    // False: the daemon did not come up, or ended by itself.
    bool run_until_killed(std::mt19937& dice) {
        const bool at_a_point = dice() % 3 == 0;
        std::vector<std::string> environment;
        if (at_a_point) {
            environment.push_back("COUNTERSIGN_CRASH_AT=" + std::string(kPoints[dice() % std::size(kPoints)]) + ":" +
                                  std::to_string(1 + dice() % 12));
        }
        const auto daemon = start_on_a_disk_that_may_lose(environment);
        if (!at_a_point) {
            if (dice() % 4 != 0 && !is_ready(*daemon)) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(dice() % 250));
            daemon->signal(SIGKILL);
        }
        const auto status = daemon->wait(60s);
        const bool killed = status && WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL;
        EXPECT_TRUE(killed) << "the daemon was not killed:\n" << end_of(contents(log_));
        return killed;
    }
    std::vector<std::string> verdict(const Fleet& fleet) {
        const auto settings = app::load_or_throw(instance_.config, [](const std::string&) {});
        return judge(read_ledger(settings), fleet.records(), contents(settings.audit.file));
    }
    std::string audit_verification() const {
        const std::string command = std::string(COUNTERSIGN_PROGRAM) + " audit verify --config " +
                                    instance_.config.string() + " >" + log_.string() + ".verify 2>&1";
        const int status = std::system(command.c_str());
        const auto said = contents(log_.string() + ".verify");
        fs::remove(log_.string() + ".verify");
        return status == 0 ? "" : said;
    }

    Instance instance_;
    fs::path log_;
    fs::path journal_;
};

TEST_F(PowerCuts, NothingThatWasPromisedIsLost) {
    const unsigned cuts = number_from("COUNTERSIGN_POWER_CUTS", 60);
    const unsigned seed = number_from("COUNTERSIGN_POWER_SEED", static_cast<unsigned>(std::random_device()()));
    RecordProperty("seed", std::to_string(seed));
    SCOPED_TRACE("COUNTERSIGN_POWER_SEED=" + std::to_string(seed));
    std::mt19937 dice(seed);
    const auto fleet = enlist(30 * cuts, seed);
    ASSERT_TRUE(fleet);
    fleet->start();
    PowerCut all;
    for (unsigned i = 0; i < cuts; ++i) {
        ASSERT_TRUE(run_until_killed(dice)) << "after " << i << " cuts";
        const auto cut =
            cut_power(journal_, instance_.directory, kChancesOfUnsynced[dice() % std::size(kChancesOfUnsynced)], dice);
        all.unsynced += cut.unsynced;
        all.lost += cut.lost;
    }
    const auto daemon = start();
    ASSERT_TRUE(is_ready(*daemon));
    fleet->finish();
    fleet->ask_again();
    daemon->signal(SIGTERM);
    EXPECT_EQ(daemon->wait(60s), 0) << end_of(contents(log_));

    const auto complaints = verdict(*fleet);
    EXPECT_TRUE(complaints.empty()) << complaints.size() << " complaints";
    for (std::size_t i = 0; i < std::min<std::size_t>(20, complaints.size()); ++i) ADD_FAILURE() << complaints[i];
    EXPECT_EQ(audit_verification(), "");
    std::cout << cuts << " power cuts, " << all.unsynced << " changes not safe, " << all.lost << " of them lost, "
              << fleet->records().size() << " clients, " << fleet->answered() << " answers\n";
    EXPECT_GE(all.lost, cuts) << "or nothing was at stake";
    EXPECT_GE(fleet->answered(), 2 * cuts);
}

// The test above must be able to fail.
TEST_F(PowerCuts, ADiskThatLiesIsNoticed) {
    std::mt19937 dice(7);
    const auto fleet = enlist(40, 7);
    ASSERT_TRUE(fleet);
    {
        const auto daemon = start_on_a_disk_that_may_lose({std::string(kPowerLiesVariable) + "=1"});
        ASSERT_TRUE(is_ready(*daemon));
        fleet->start();
        while (fleet->answered() < 20) std::this_thread::sleep_for(5ms);
        daemon->signal(SIGKILL);
        static_cast<void>(daemon->wait(30s));
    }
    const auto cut = cut_power(journal_, instance_.directory, 0, dice);
    EXPECT_EQ(cut.lost, cut.unsynced);
    const auto daemon = start();
    ASSERT_TRUE(is_ready(*daemon));
    fleet->finish();
    EXPECT_NE(verdict(*fleet), std::vector<std::string>{});
}

}  // namespace
}  // namespace countersign::test
