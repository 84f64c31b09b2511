#include "countersign/audit/catalogue.hpp"
#include "countersign/audit/sinks.hpp"
#include "fixed_clock.hpp"
#include "scratch_directory.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cstring>

namespace countersign::audit {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A syslog daemon's socket.
class Daemon {
public:
    explicit Daemon(const std::filesystem::path& path) : descriptor_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    ~Daemon() { ::close(descriptor_); }
    std::string next() const {
        std::string line(4096, '\0');
        const auto got = ::recv(descriptor_, line.data(), line.size(), MSG_DONTWAIT);
        line.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return line;
    }

private:
    int descriptor_;
};

class Syslog : public testing::Test {
protected:
    test::ScratchDirectory directory_{"/tmp"};  // the path of a Unix socket is short
    std::filesystem::path path_ = directory_ / "log";
    test::FixedClock clock_;
};

TEST_F(Syslog, TakesEachLineWithItsPriority) {
    const Daemon daemon(path_);
    const auto sink = *SyslogSink::open(path_, clock_);
    ASSERT_TRUE(sink->record(Event(event::enrollment_issued).with("serial", "01")));
    const auto line = daemon.next();
    EXPECT_THAT(line, StartsWith("<86>countersign-audit["));
    EXPECT_THAT(line, HasSubstr(R"(]: {"time":"2026-11-21T06:00:00.000Z","event":"enrollment.issued")"));
    ASSERT_TRUE(sink->record(Event(event::challenge_reused, Severity::alert)));
    EXPECT_THAT(daemon.next(), StartsWith("<81>"));
}

TEST_F(Syslog, NobodyListeningIsAnErrorAtOpening) {
    const auto sink = SyslogSink::open(path_, clock_);
    ASSERT_FALSE(sink);
    EXPECT_EQ(sink.error().kind, ErrorKind::unavailable);
    EXPECT_THAT(sink.error().detail, HasSubstr(path_.string()));
    EXPECT_FALSE(SyslogSink::open(std::string(200, 'x'), clock_));
}

TEST_F(Syslog, ARestartedDaemonIsFoundAgainAndALostOneIsAnError) {
    auto daemon = std::make_unique<Daemon>(path_);
    const auto sink = *SyslogSink::open(path_, clock_);
    daemon.reset();
    std::filesystem::remove(path_);
    const auto lost = sink->record(Event(event::enrollment_issued));
    ASSERT_FALSE(lost);
    EXPECT_EQ(lost.error().kind, ErrorKind::unavailable);
    daemon = std::make_unique<Daemon>(path_);
    EXPECT_TRUE(sink->record(Event(event::enrollment_issued)));
    EXPECT_THAT(daemon->next(), HasSubstr("enrollment.issued"));
}

}  // namespace
}  // namespace countersign::audit
