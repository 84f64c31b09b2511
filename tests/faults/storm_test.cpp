// kill -9 at every crash point and at random moments, under load, again and again on the same store; then the verdict.
//
// This kills the process, not the machine: for that see power_cut_test.cpp.
#include "countersign/app/wire.hpp"
#include "fleet.hpp"
#include "verdict.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>
#include <sstream>

namespace countersign::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kKillsAtEachPoint = 6;
constexpr std::size_t kKillsAtRandom = 54;
constexpr const char* kPoints[] = {
    "store.before_commit.intent", "store.after_commit.intent", "enroll.after_intent",
    "enroll.after_countersign",   "enroll.after_submit",       "store.before_commit.issued",
    "store.after_commit.issued",  "enroll.after_record",       "enroll.before_reply",
};

class Storm : public testing::Test {
protected:
    Storm() {
        const auto directory = std::filesystem::path(COUNTERSIGN_FAULTS_DIRECTORY) / "storm";
        std::filesystem::remove_all(directory);
        instance_ = make_instance(COUNTERSIGN_PROGRAM, directory);
        log_ = instance_.directory / "daemon.log";
    }

    std::unique_ptr<ServerProcess> start(const std::string& crash_at = "") {
        std::vector<std::string> environment;
        if (!crash_at.empty()) environment.push_back("COUNTERSIGN_CRASH_AT=" + crash_at);
        return std::make_unique<ServerProcess>(
            std::vector<std::string>{COUNTERSIGN_FAULTS_DAEMON, "--config", instance_.config.string()}, environment,
            log_);
    }

    bool was_killed(ServerProcess& daemon) {
        const auto status = daemon.wait(30s);
        if (status && WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL) return true;
        ADD_FAILURE() << (status ? "the daemon ended by itself" : "the daemon went on") << ":\n"
                      << end_of(contents(log_));
        return false;
    }

    // It may die before it listens, while it finishes what the last one left behind: that is a kill as good as any.
    bool kill_at(const std::string& point, unsigned time) {
        SCOPED_TRACE(point + ":" + std::to_string(time));
        return was_killed(*start(point + ":" + std::to_string(time)));
    }

    bool kill_after(std::chrono::milliseconds delay, bool once_ready) {
        SCOPED_TRACE("killed after " + std::to_string(delay.count()) + " ms");
        const auto daemon = start();
        if (once_ready && !daemon->wait_until_ready(instance_.endpoint, 30s)) {
            ADD_FAILURE() << "the daemon does not come up:\n" << end_of(contents(log_));
            return false;
        }
        std::this_thread::sleep_for(delay);
        daemon->signal(SIGKILL);
        return was_killed(*daemon);
    }

    Instance instance_;
    std::filesystem::path log_;
};

TEST_F(Storm, NothingIsLostDoubledOrInventedAcrossAHundredKills) {
    std::mt19937 dice(20261121);
    auto daemon = start();
    ASSERT_TRUE(daemon->wait_until_ready(instance_.endpoint, 30s)) << end_of(contents(log_));
    Fleet fleet(instance_, 8, 600, 7);
    fleet.start();
    daemon->signal(SIGKILL);
    ASSERT_TRUE(was_killed(*daemon));

    std::vector<std::string> schedule;
    for (const auto* point : kPoints) schedule.insert(schedule.end(), kKillsAtEachPoint, point);
    schedule.insert(schedule.end(), kKillsAtRandom, "");
    std::ranges::shuffle(schedule, dice);

    std::size_t kills = 1;
    for (const auto& point : schedule) {
        const bool killed = point.empty() ? kill_after(std::chrono::milliseconds(dice() % 150), dice() % 4 != 0)
                                          : kill_at(point, 1U + static_cast<unsigned>(dice() % 12));
        ASSERT_TRUE(killed);
        ++kills;
    }
    EXPECT_GE(kills, 100U);

    daemon = start();
    ASSERT_TRUE(daemon->wait_until_ready(instance_.endpoint, 30s)) << end_of(contents(log_));
    fleet.finish();
    fleet.ask_again();
    daemon->signal(SIGTERM);
    const auto status = daemon->wait(60s);
    EXPECT_EQ(status, 0) << end_of(contents(log_));

    const auto settings = app::load_or_throw(instance_.config, [](const std::string&) {});
    const auto records = fleet.records();
    const auto ledger = read_ledger(settings);
    const auto complaints = judge(ledger, records, contents(settings.audit.file));
    EXPECT_TRUE(complaints.empty()) << complaints.size() << " complaints";
    for (std::size_t i = 0; i < std::min<std::size_t>(20, complaints.size()); ++i) ADD_FAILURE() << complaints[i];
    std::cout << kills << " kills, " << records.size() << " clients, " << fleet.answered() << " answers, "
              << ledger.certificates.size() << " certificates\n";
    EXPECT_GE(records.size(), kills);  // or the kills hit an idle daemon
}

// What a crash of the machine, or a full disk, may leave at the end of the audit file.
TEST_F(Storm, ATornLastLineInTheAuditFileSpoilsNoOther) {
    const auto settings = app::load_or_throw(instance_.config, [](const std::string&) {});
    ASSERT_TRUE(kill_after(20ms, true));
    std::ofstream(settings.audit.file, std::ios::app) << R"({"time":"2026-11-21T06:00:00.000Z","event":"enrollm)";

    const auto daemon = start();
    ASSERT_TRUE(daemon->wait_until_ready(instance_.endpoint, 30s)) << end_of(contents(log_));
    Fleet fleet(instance_, 2, 4, 3);
    fleet.start();
    while (fleet.answered() < 4) std::this_thread::sleep_for(5ms);
    fleet.finish();
    daemon->signal(SIGTERM);
    EXPECT_EQ(daemon->wait(60s), 0);
    const auto ledger = read_ledger(settings);
    EXPECT_EQ(judge(ledger, fleet.records(), contents(settings.audit.file), 1), std::vector<std::string>{});
}

}  // namespace
}  // namespace countersign::test
