#include "listening_socket.hpp"

#include "address.hpp"
#include "countersign/core/text.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace countersign::http {
namespace {

constexpr int backlog = 4096;  // the kernel cuts it to net.core.somaxconn
constexpr int first_inherited = 3;

Error system_error(const char* what) {
    return fail::unavailable(std::string(what) + ": " + std::error_code(errno, std::generic_category()).message());
}

int open_stream(int family) {
    return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

Result<void> bind_tcp(int descriptor, const HostPort& where) {
    const int on = 1;
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (where.address.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(where.port);
        std::memcpy(&v4.sin_addr, where.address.octets.data() + 12, 4);
        if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&v4), sizeof v4) != 0) return system_error("bind");
        return {};
    }
    // One listener, one family: [::] and 0.0.0.0 may both be configured.
    ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(where.port);
    std::memcpy(&v6.sin6_addr, where.address.octets.data(), 16);
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&v6), sizeof v6) != 0) return system_error("bind");
    return {};
}

// A socket file nobody answers on was left by a process that is gone; anything else at that path is not ours to remove.
Result<void> remove_stale(const sockaddr_un& name) {
    struct stat status {};
    if (::lstat(name.sun_path, &status) != 0) return {};
    if (!S_ISSOCK(status.st_mode)) return fail::conflict("the path exists and is not a socket");
    const int probe = open_stream(AF_UNIX);
    if (probe < 0) return system_error("socket");
    const bool answered =
        ::connect(probe, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0 || errno == EAGAIN;
    ::close(probe);
    if (answered) return fail::conflict("another process listens there");
    if (::unlink(name.sun_path) != 0) return system_error("removing the stale socket");
    return {};
}

Result<void> bind_unix(int descriptor, const std::string& path) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof name.sun_path)
        return fail::malformed("Unix socket path is empty or too long");
    std::memcpy(name.sun_path, path.data(), path.size());
    CHECK(remove_stale(name));
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return system_error("bind");
    // Whoever may write to the socket is a trusted proxy.
    if (::chmod(path.c_str(), 0660) != 0) return system_error("chmod");
    return {};
}

Result<std::string> local_address(int descriptor, int& family) {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&name), &size) != 0) return system_error("getsockname");
    family = name.ss_family;
    if (family == AF_UNIX) {
        const auto& local = reinterpret_cast<const sockaddr_un&>(name);
        return "unix:" + std::string(local.sun_path, ::strnlen(local.sun_path, sizeof local.sun_path));
    }
    const auto address = Address::from(reinterpret_cast<const sockaddr&>(name));
    if (!address) return fail::malformed("neither a TCP nor a Unix socket");
    in_port_t port = 0;
    if (family == AF_INET)
        port = reinterpret_cast<const sockaddr_in&>(name).sin_port;
    else
        port = reinterpret_cast<const sockaddr_in6&>(name).sin6_port;
    const auto host = family == AF_INET ? address->text() : "[" + address->text() + "]";
    return host + ":" + std::to_string(ntohs(port));
}

Result<int> take_inherited(std::string_view name) {
    TRY(const int descriptor, inherited_descriptor(name, std::getenv("LISTEN_PID"), std::getenv("LISTEN_FDS"),
                                                   std::getenv("LISTEN_FDNAMES")));
    int type = 0;
    socklen_t size = sizeof type;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return system_error("getsockopt");
    if (type != SOCK_STREAM) return fail::malformed("the socket from systemd is not a stream socket");
    // A copy, so that closing it leaves the inherited one for another bind in the same process.
    const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return system_error("fcntl");
    const int flags = ::fcntl(copy, F_GETFL);
    ::fcntl(copy, F_SETFL, flags | O_NONBLOCK);
    return copy;
}

}  // namespace

Result<int> inherited_descriptor(std::string_view name, const char* pid, const char* count, const char* names) {
    if (pid == nullptr || count == nullptr || std::to_string(::getpid()) != pid) {
        return fail::not_found("systemd passed no sockets to this process");
    }
    const int passed = std::atoi(count);
    const auto list = split(names == nullptr ? "" : names, ':');
    for (std::size_t i = 0; i < list.size() && static_cast<int>(i) < passed; ++i) {
        if (list[i] == name) return first_inherited + static_cast<int>(i);
    }
    if (passed == 1 && names == nullptr) return first_inherited;
    return fail::not_found("systemd passed no socket named " + printable(name));
}

Result<ListeningSocket> ListeningSocket::open(const std::string& address) {
    constexpr std::string_view unix_scheme = "unix:";
    constexpr std::string_view systemd_scheme = "systemd:";
    if (address.starts_with(systemd_scheme)) {
        TRY(const int descriptor, take_inherited(std::string_view(address).substr(systemd_scheme.size())));
        ListeningSocket socket(descriptor, {});
        CHECK(socket.listen_on(address));
        return socket;
    }
    if (address.starts_with(unix_scheme)) {
        const auto path = address.substr(unix_scheme.size());
        ListeningSocket socket(open_stream(AF_UNIX), {});
        if (socket.descriptor_ < 0) return system_error("socket");
        CHECK(bind_unix(socket.descriptor_, path));
        socket.file_ = path;
        CHECK(socket.listen_on(address));
        return socket;
    }
    TRY(const auto where, parse_endpoint(address));
    ListeningSocket socket(open_stream(where.address.is_v4() ? AF_INET : AF_INET6), {});
    if (socket.descriptor_ < 0) return system_error("socket");
    CHECK(bind_tcp(socket.descriptor_, where));
    CHECK(socket.listen_on(address));
    return socket;
}

Result<void> ListeningSocket::listen_on(std::string_view configured) {
    if (::listen(descriptor_, backlog) != 0) return system_error("listen");
    TRY(address_, local_address(descriptor_, family_));
    if (address_ == "unix:") address_ = configured;
    return {};
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      family_(other.family_),
      file_(std::exchange(other.file_, {})),
      address_(std::move(other.address_)) {}

ListeningSocket::~ListeningSocket() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!file_.empty()) ::unlink(file_.c_str());
}

int ListeningSocket::release() {
    return std::exchange(descriptor_, -1);
}

}  // namespace countersign::http
