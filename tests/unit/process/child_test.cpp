// A child process has what it was given and nothing else, and nothing of it stays behind.
#include "countersign/process/child.hpp"

#include "scratch_directory.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>

namespace countersign::process {
namespace {

using countersign::test::ScratchDirectory;
using testing::HasSubstr;
using namespace std::chrono_literals;

Result<ChildEnd> shell(const std::string& script, const std::string& input = {}, const ChildLimits& limits = {},
                       const std::vector<std::string>& environment = {"PATH=/usr/bin:/bin"}) {
    return run_child("/bin/sh", {"-c", script}, environment, "/", input, limits);
}

TEST(Child, ReadsWhatItIsGivenAndIsHeard) {
    const auto end = shell("cat; echo aside >&2; exit 7", "question");
    ASSERT_TRUE(end) << end.error().detail;
    EXPECT_EQ(end->output, "question");
    EXPECT_EQ(end->errors, "aside\n");
    EXPECT_EQ(end->exit_code, 7);
}

TEST(Child, HasNoOtherEnvironment) {
    ::setenv("COUNTERSIGN_TEST_SECRET", "4711", 1);
    const auto end = shell("env", {}, {}, {"PATH=/usr/bin:/bin", "ONE=two"});
    ASSERT_TRUE(end);
    EXPECT_THAT(end->output, HasSubstr("ONE=two"));
    EXPECT_THAT(end->output, testing::Not(HasSubstr("COUNTERSIGN_TEST_SECRET")));
}

TEST(Child, InheritsNoDescriptor) {
    const ScratchDirectory scratch;
    std::ofstream(scratch / "secret") << "4711";
    const int descriptor = ::open((scratch / "secret").c_str(), O_RDONLY);  // without O_CLOEXEC on purpose
    ASSERT_GE(descriptor, 3);
    const auto end = shell("cat <&" + std::to_string(descriptor));
    ::close(descriptor);
    ASSERT_TRUE(end);
    EXPECT_EQ(end->output, "");
    EXPECT_NE(end->exit_code, 0);
}

TEST(Child, IsKilledWithAllItStartedWhenItTakesTooLong) {
    const ScratchDirectory scratch;
    const auto file = scratch / "pid";
    const auto end = shell("sleep 600 & echo $! > " + file.string() + "; wait", {}, {300ms, 1000});
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().kind, ErrorKind::outcome_unknown);
    EXPECT_THAT(end.error().detail, HasSubstr("longer than 300 ms"));
    pid_t left_behind = 0;
    std::ifstream(file) >> left_behind;
    ASSERT_GT(left_behind, 0);
    // A killed process is gone a moment later; until whoever adopted it has reaped it, a zombie has no command line.
    const auto command_line = [&] {
        std::ostringstream text;
        text << std::ifstream("/proc/" + std::to_string(left_behind) + "/cmdline").rdbuf();
        return text.str();
    };
    for (int i = 0; i < 1000 && !command_line().empty(); ++i) std::this_thread::sleep_for(10ms);
    EXPECT_EQ(command_line(), "");
}

TEST(Child, IsKilledWhenItSaysTooMuch) {
    const auto end = shell("yes", {}, {60s, 10'000});
    ASSERT_FALSE(end);
    EXPECT_THAT(end.error().detail, HasSubstr("more than 10000 octets"));
    EXPECT_EQ(shell("head -c 10000 /dev/zero", {}, {60s, 10'000}).value().output.size(), 10'000U);
}

TEST(Child, ThatCannotBeStartedDidNothing) {
    const auto end = run_child("/nonexistent", {}, {}, "/", {}, {});
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().kind, ErrorKind::unavailable);
}

TEST(Child, EndedByASignalSaysNothing) {
    const auto end = shell("kill -9 $$");
    ASSERT_FALSE(end);
    EXPECT_THAT(end.error().detail, HasSubstr("signal 9"));
}

}  // namespace
}  // namespace countersign::process
