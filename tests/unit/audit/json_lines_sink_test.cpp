#include "child_process.hpp"
#include "countersign/audit/catalogue.hpp"
#include "countersign/audit/sinks.hpp"
#include "countersign/audit/verification.hpp"
#include "fixed_clock.hpp"
#include "scratch_directory.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

namespace countersign::audit {
namespace {

using nlohmann::json;
using test::ChildProcess;
using testing::HasSubstr;

class JsonLines : public testing::Test {
protected:
    std::unique_ptr<JsonLinesSink> open(bool sync = true) {
        auto sink = JsonLinesSink::open(path_, clock_, {sync});
        if (!sink) {
            ADD_FAILURE() << describe(sink.error());
            return nullptr;
        }
        return *std::move(sink);
    }
    static std::vector<std::string> lines_of(const std::filesystem::path& path) {
        std::ifstream file(path);
        std::vector<std::string> lines;
        for (std::string line; std::getline(file, line);) lines.push_back(line);
        return lines;
    }
    static Event numbered(std::int64_t number) {
        return std::move(Event(event::enrollment_issued).with("number", number));
    }

    test::ScratchDirectory directory_;
    std::filesystem::path path_ = directory_ / "audit.jsonl";
    test::FixedClock clock_;
};

TEST_F(JsonLines, AppendsOneLinePerEvent) {
    for (const bool sync : {true, false}) {
        const auto sink = open(sync);
        ASSERT_TRUE(sink->record(numbered(1)));
        ASSERT_TRUE(sink->record(numbered(2)));
    }
    const auto lines = lines_of(path_);
    ASSERT_EQ(lines.size(), 4u);
    EXPECT_THAT(lines[1], testing::StartsWith(R"({"seq":2,"time":)"));
    EXPECT_EQ(json::parse(lines[2]).at("number"), 1);
}

TEST_F(JsonLines, RefusesWhatIsNotInTheCatalogue) {
    const auto sink = open();
    const auto recorded = sink->record(Event("made.up"));
    ASSERT_FALSE(recorded);
    EXPECT_EQ(recorded.error().kind, ErrorKind::internal);
    EXPECT_TRUE(lines_of(path_).empty());
}

TEST_F(JsonLines, IsReadableByItsGroupAndNobodyElse) {
    const mode_t before = ::umask(0);
    open();
    ::umask(before);
    struct stat status {};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST_F(JsonLines, CannotBeOpenedWhereThereIsNoPlace) {
    const auto nowhere = JsonLinesSink::open(directory_ / "no/such/audit.jsonl", clock_);
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().kind, ErrorKind::unavailable);
    EXPECT_THAT(nowhere.error().detail, HasSubstr("no/such/audit.jsonl"));
    EXPECT_FALSE(JsonLinesSink::open(directory_.path(), clock_)) << "a directory";
    ASSERT_EQ(::mkfifo((directory_ / "pipe").c_str(), 0600), 0);
    EXPECT_FALSE(JsonLinesSink::open(directory_ / "pipe", clock_)) << "a pipe";
}

TEST_F(JsonLines, FollowsTheFileWhenItIsRotatedOrRemoved) {
    const auto sink = open();
    ASSERT_TRUE(sink->record(numbered(1)));
    std::filesystem::rename(path_, directory_ / "audit.jsonl.1");
    ASSERT_TRUE(sink->record(numbered(2)));
    EXPECT_EQ(lines_of(directory_ / "audit.jsonl.1").size(), 1u);
    EXPECT_EQ(json::parse(lines_of(path_).at(0)).at("event"), event::audit_continued);
    EXPECT_EQ(json::parse(lines_of(path_).at(1)).at("number"), 2);
    std::filesystem::remove(path_);
    ASSERT_TRUE(sink->record(numbered(3)));
    ASSERT_EQ(lines_of(path_).size(), 2u);
    EXPECT_EQ(json::parse(lines_of(path_).at(1)).at("number"), 3);
}

TEST_F(JsonLines, ALostDirectoryIsAnErrorAndItsReturnMendsIt) {
    const auto place = directory_ / "log";
    std::filesystem::create_directory(place);
    path_ = place / "audit.jsonl";
    const auto sink = open();
    std::filesystem::remove_all(place);
    const auto lost = sink->record(numbered(1));
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().kind, ErrorKind::unavailable);
    std::filesystem::create_directory(place);
    EXPECT_TRUE(sink->record(numbered(2)));
    EXPECT_EQ(lines_of(path_).size(), 2u);
}

TEST_F(JsonLines, CutsOffALineThatACrashLeftUnfinished) {
    ASSERT_TRUE(open()->record(numbered(1)));
    std::ofstream(path_, std::ios::app) << "{\"seq\":2,\"time\":\"2026-";
    ASSERT_TRUE(open()->record(numbered(2)));
    const auto lines = lines_of(path_);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(json::parse(lines[1]).at("number"), 2);
    EXPECT_TRUE(verify({path_}, {})->findings.empty());
}

TEST_F(JsonLines, CutsOffFromAHoleThatAPowerCutLeft) {
    for (const auto* before : {"", "first line\n"}) {
        std::filesystem::remove(path_);
        std::ofstream(path_) << before << std::string(5000, '\0') << "end of a line\nanother line\n";
        ASSERT_TRUE(open()->record(numbered(2)));
        const auto lines = lines_of(path_);
        ASSERT_EQ(lines.size(), *before == '\0' ? 1u : 2u) << before;
        EXPECT_EQ(json::parse(lines.back()).at("number"), 2);
    }
}

// It may be what somebody did to the file: for `audit verify` to find.
TEST_F(JsonLines, LeavesGarbageThatNoPowerCutMakes) {
    std::ofstream(path_) << "first line\n\x01\x02 garbage\nanother line\n";
    ASSERT_TRUE(open()->record(numbered(2)));
    EXPECT_EQ(lines_of(path_).size(), 4u);
}

TEST_F(JsonLines, ConcurrentCallersEachGetTheirLine) {
    const auto sink = open();
    constexpr int kThreads = 16;
    constexpr int kEach = 25;
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([&, thread] {
            for (int i = 0; i < kEach; ++i) {
                if (!sink->record(numbered(thread * kEach + i))) ++failed;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(failed, 0);
    std::set<std::int64_t> numbers;
    for (const std::string& line : lines_of(path_)) numbers.insert(json::parse(line).at("number").get<std::int64_t>());
    EXPECT_EQ(numbers.size(), static_cast<std::size_t>(kThreads * kEach));
}

TEST_F(JsonLines, RotationUnderLoadLosesNothing) {
    const auto sink = open();
    constexpr int kThreads = 4;
    constexpr int kEach = 50;
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([&, thread] {
            for (int i = 0; i < kEach; ++i) {
                if (!sink->record(numbered(thread * kEach + i))) ++failed;
            }
        });
    }
    for (int turn = 0; turn < 10; ++turn) {
        std::error_code none_yet;
        std::filesystem::rename(path_, directory_ / ("audit.jsonl." + std::to_string(turn)), none_yet);
        std::this_thread::yield();
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(failed, 0);
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
        for (const auto& line : lines_of(entry.path())) count += json::parse(line).contains("number") ? 1 : 0;
    }
    EXPECT_EQ(count, static_cast<std::size_t>(kThreads * kEach));
}

// The daemon and the command line write one file.
TEST_F(JsonLines, ProcessesShareTheFile) {
    constexpr int kProcesses = 3;
    constexpr int kEach = 50;
    std::vector<std::unique_ptr<ChildProcess>> children;
    for (int p = 0; p < kProcesses; ++p) {
        children.push_back(std::make_unique<ChildProcess>([&, p](const ChildProcess::Link& link) {
            link.wait_for_start();
            const auto sink = open();
            for (int i = 0; i < kEach; ++i) {
                if (!sink->record(numbered(p * kEach + i))) return 1;
            }
            return 0;
        }));
    }
    for (const auto& child : children) child->start();
    for (const auto& child : children) EXPECT_TRUE(test::ended_well(child->wait()));
    std::set<std::int64_t> numbers;
    for (const std::string& line : lines_of(path_)) numbers.insert(json::parse(line).at("number").get<std::int64_t>());
    EXPECT_EQ(numbers.size(), static_cast<std::size_t>(kProcesses * kEach));
    EXPECT_TRUE(verify({path_}, {})->findings.empty());
}

// A file size limit stands in for a full disk: the kernel writes what fits and no more.
TEST_F(JsonLines, AShortWriteIsAnErrorAndLeavesNoHalfLine) {
    ChildProcess child([&](const ChildProcess::Link& link) {
        ::signal(SIGXFSZ, SIG_IGN);
        const auto sink = open();
        if (!sink->record(numbered(1))) return 1;
        const auto size = std::filesystem::file_size(path_);
        const rlimit small{size + 10, RLIM_INFINITY};
        ::setrlimit(RLIMIT_FSIZE, &small);
        const auto refused = sink->record(numbered(2));
        if (refused || refused.error().kind != ErrorKind::unavailable) return 2;
        if (std::filesystem::file_size(path_) != size) return 3;
        const rlimit large{RLIM_INFINITY, RLIM_INFINITY};
        ::setrlimit(RLIMIT_FSIZE, &large);
        link.report(refused.error().detail);
        return sink->record(numbered(3)) ? 0 : 4;
    });
    EXPECT_THAT(child.next_line(), HasSubstr("audit.jsonl"));
    EXPECT_TRUE(test::ended_well(child.wait()));
    const auto lines = lines_of(path_);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(json::parse(lines[1]).at("number"), 3);
}

TEST_F(JsonLines, WhatWasAnsweredSurvivesAKill) {
    ChildProcess child([&](const ChildProcess::Link& link) {
        const auto sink = open();
        for (std::int64_t i = 0;; ++i) {
            if (!sink->record(numbered(i))) return 1;
            link.report(std::to_string(i));
        }
    });
    std::string last;
    for (int i = 0; i < 20; ++i) last = child.next_line();
    child.kill();
    for (std::string line = child.next_line(); !line.empty(); line = child.next_line()) last = line;
    child.wait();
    EXPECT_GT(lines_of(path_).size(), std::stoul(last));
}

}  // namespace
}  // namespace countersign::audit
