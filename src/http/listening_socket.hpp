// Listening sockets from their configured addresses: TCP, Unix, or inherited from systemd. Start-up only, one thread.
#pragma once

#include "countersign/core/result.hpp"

#include <string>
#include <string_view>

namespace countersign::http {

// Owns a bound, listening, non-blocking descriptor and, for a Unix socket it made, the file.
class ListeningSocket {
public:
    // "127.0.0.1:8080", "[::1]:0", "unix:/path", "systemd:NAME". unavailable: the system refuses (address in use,
    // permission); malformed: no such form; not_found: systemd passed no socket of that name.
    static Result<ListeningSocket> open(const std::string& address);

    ListeningSocket(ListeningSocket&& other) noexcept;
    ListeningSocket& operator=(ListeningSocket&&) = delete;
    ListeningSocket(const ListeningSocket&) = delete;
    ~ListeningSocket();

    int family() const { return family_; }
    const std::string& address() const { return address_; }  // with the real port
    int release();  // the descriptor is the caller's from here; the file stays ours

private:
    ListeningSocket(int descriptor, std::string file) : descriptor_(descriptor), file_(std::move(file)) {}
    Result<void> listen_on(std::string_view configured);

    int descriptor_ = -1;
    int family_ = 0;
    std::string file_;
    std::string address_;
};

// sd_listen_fds(3): the descriptor called `name` (or, without names, the only one there is). The three texts are
// $LISTEN_PID, $LISTEN_FDS and $LISTEN_FDNAMES, null when unset.
Result<int> inherited_descriptor(std::string_view name, const char* pid, const char* count, const char* names);

}  // namespace countersign::http
