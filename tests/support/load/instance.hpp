// A self-contained instance made by `countersign init`, and a server program running on it as a child process.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace countersign::test {

// Where a SCEP server listens. The host is an IPv4 address.
struct Endpoint {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;
    std::string path;  // without query
};

struct Instance {
    std::filesystem::path directory;
    std::filesystem::path config;
    Endpoint endpoint;
};

// A file as a whole, such as what a program printed; empty when there is none.
std::string contents(const std::filesystem::path& file);
// As much of its end as is worth showing when something went wrong.
std::string end_of(const std::string& text);

// A port of 127.0.0.1 that was free a moment ago.
std::uint16_t free_port();

// Runs `countersign init` with RSA 2048 for the CA too (init's own default is larger) and a free port of the loopback
// interface. Throws std::runtime_error with its output when it fails.
// `token`: a URI for --token; empty: keys in files.
Instance make_instance(const std::filesystem::path& countersign, const std::filesystem::path& directory,
                       const std::string& token = {});

// A child process that is killed, if it still lives, when this goes. One thread at a time.
class ServerProcess {
public:
    // `environment`: NAME=VALUE, added to ours. What the child prints is appended to `log`. Throws std::runtime_error.
    ServerProcess(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
                  const std::filesystem::path& log);
    ~ServerProcess();
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;

    pid_t pid() const { return pid_; }
    // Until it answers GetCACaps; false when it ended before that or did not within `patience`.
    bool wait_until_ready(const Endpoint& endpoint, std::chrono::milliseconds patience);
    void signal(int number) const;
    // The wait status once it has ended; nullopt after `patience`.
    std::optional<int> wait(std::chrono::milliseconds patience);
    // Of all its threads, living and ended, in seconds.
    double cpu_seconds() const;

private:
    std::optional<int> reap();

    pid_t pid_ = -1;
    std::optional<int> status_;
};

}  // namespace countersign::test
