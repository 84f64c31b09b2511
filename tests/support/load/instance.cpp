#include "instance.hpp"

#include "http_connection.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace countersign::test {
namespace {

using namespace std::chrono_literals;

Endpoint endpoint_from(const std::string& url) {
    const std::string scheme = "http://";
    const auto colon = url.find(':', scheme.size());
    const auto slash = url.find('/', scheme.size());
    if (!url.starts_with(scheme) || colon == std::string::npos || slash == std::string::npos || slash < colon) {
        throw std::runtime_error("not http://HOST:PORT/PATH: " + url);
    }
    return {url.substr(scheme.size(), colon - scheme.size()),
            static_cast<std::uint16_t>(std::stoul(url.substr(colon + 1, slash - colon - 1))), url.substr(slash)};
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (auto& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

}  // namespace

std::string contents(const std::filesystem::path& file) {
    std::ifstream stream(file);
    std::ostringstream text;
    text << stream.rdbuf();
    return std::move(text).str();
}

std::string end_of(const std::string& text) {
    constexpr std::size_t shown = 3000;
    return text.size() > shown ? text.substr(text.size() - shown) : text;
}

std::uint16_t free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool found = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                       ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    ::close(socket);
    if (!found) throw std::runtime_error("no free port");
    return ntohs(address.sin_port);
}

Instance make_instance(const std::filesystem::path& countersign, const std::filesystem::path& directory,
                       const std::string& token) {
    std::filesystem::create_directories(directory.parent_path());
    const auto log = std::filesystem::path(directory.string() + ".init");
    std::filesystem::remove(log);
    std::vector<std::string> arguments{countersign.string(),
                                       "init",
                                       directory.string(),
                                       "--listen",
                                       "127.0.0.1:" + std::to_string(free_port()),
                                       "--ca-key",
                                       "rsa2048",
                                       "--json"};
    if (!token.empty()) arguments.insert(arguments.end(), {"--token", token});
    ServerProcess init(arguments, {}, log);
    const auto status = init.wait(120s);
    const auto text = contents(log);
    const auto start = text.find('{');
    if (status != 0 || start == std::string::npos) throw std::runtime_error("countersign init failed: " + text);
    const auto facts = nlohmann::json::parse(text.substr(start));
    return {directory, facts.at("config").get<std::string>(), endpoint_from(facts.at("scep_url").get<std::string>())};
}

ServerProcess::ServerProcess(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
                             const std::filesystem::path& log) {
    std::vector<std::string> argument_texts = arguments;
    std::vector<std::string> environment_texts = environment;
    for (char** entry = ::environ; *entry != nullptr; ++entry) environment_texts.emplace_back(*entry);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    const int error = ::posix_spawnp(&pid_, arguments.front().c_str(), &actions, nullptr,
                                     pointers_to(argument_texts).data(), pointers_to(environment_texts).data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
        throw std::runtime_error("cannot start " + arguments.front() + ": " + std::generic_category().message(error));
}

ServerProcess::~ServerProcess() {
    if (reap()) return;
    signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

bool ServerProcess::wait_until_ready(const Endpoint& endpoint, std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    HttpConnection connection(endpoint.host, endpoint.port);
    while (!reap() && std::chrono::steady_clock::now() < deadline) {
        const auto reply = connection.exchange(get_request(endpoint.host, endpoint.path + "?operation=GetCACaps"));
        if (reply && reply->status == 200) return true;
        std::this_thread::sleep_for(2ms);
    }
    return false;
}

void ServerProcess::signal(int number) const {
    if (!status_) ::kill(pid_, number);
}

std::optional<int> ServerProcess::wait(std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!reap() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(2ms);
    return status_;
}

double ServerProcess::cpu_seconds() const {
    clockid_t clock{};
    timespec time{};
    if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &time) != 0) {
        throw std::runtime_error("the CPU time of the server cannot be read");
    }
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::optional<int> ServerProcess::reap() {
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
    return status_;
}

}  // namespace countersign::test
