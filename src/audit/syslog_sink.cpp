#include "countersign/audit/sinks.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace countersign::audit {
namespace {

constexpr timeval kPatience{2, 0};

int level_of(Severity severity) {
    switch (severity) {
        case Severity::info: return LOG_INFO;
        case Severity::warning: return LOG_WARNING;
        case Severity::alert: return LOG_ALERT;
    }
    return LOG_ALERT;
}

Error failure(const std::filesystem::path& socket, const char* what) {
    return fail::unavailable("audit syslog " + socket.string() + ": " + what + ": " +
                             std::generic_category().message(errno));
}

}  // namespace

Result<std::unique_ptr<SyslogSink>> SyslogSink::open(const std::filesystem::path& socket, const Clock& clock) {
    std::unique_ptr<SyslogSink> sink(new SyslogSink(socket, clock, -1));
    CHECK(sink->connect());
    return sink;
}

SyslogSink::~SyslogSink() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

// A daemon that was restarted has a new socket under the old name.
Result<void> SyslogSink::connect() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = socket_.string();
    if (path.size() >= sizeof address.sun_path) return fail::malformed("audit syslog " + path + ": too long a path");
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    if (descriptor_ < 0 || ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience) != 0)
        return failure(socket_, "no socket");
    if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return failure(socket_, "nobody listens");
    return {};
}

Result<void> SyslogSink::record(const Event& event) {
    const std::string line = "<" + std::to_string(LOG_AUTHPRIV | level_of(event.severity)) + ">countersign-audit[" +
                             std::to_string(::getpid()) + "]: " + to_json_line(event, clock_.now());
    const std::lock_guard lock(mutex_);
    if (::send(descriptor_, line.data(), line.size(), MSG_NOSIGNAL) >= 0) return {};
    if (errno == EAGAIN || errno == EMSGSIZE) return failure(socket_, "the line was not taken");
    CHECK(connect());
    if (::send(descriptor_, line.data(), line.size(), MSG_NOSIGNAL) < 0) return failure(socket_, "the line was lost");
    return {};
}

}  // namespace countersign::audit
