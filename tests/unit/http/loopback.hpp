// A real server on loopback and a raw client that sends octets as they are. For the tests of this folder.
#pragma once

#include "countersign/core/text.hpp"
#include "countersign/http/server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <atomic>
#include <cstring>
#include <functional>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::http::test {

struct Answer {
    int status = 0;  // 0: the connection ended without a whole answer
    std::string head;
    std::string body;

    std::string header(std::string_view name) const {
        for (const auto& line : split(head, '\n')) {
            const auto colon = line.find(':');
            if (colon != std::string::npos && equals_ignoring_case(line.substr(0, colon), name)) {
                return std::string(trim(std::string_view(line).substr(colon + 1)));
            }
        }
        return {};
    }
};

class RawClient {
public:
    explicit RawClient(const std::string& address) {
        if (address.starts_with("unix:")) {
            sockaddr_un name{};
            name.sun_family = AF_UNIX;
            std::strncpy(name.sun_path, address.c_str() + 5, sizeof name.sun_path - 1);
            open(reinterpret_cast<const sockaddr&>(name), sizeof name);
            return;
        }
        const auto colon = address.rfind(':');
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
        inet_pton(AF_INET, address.substr(0, colon).c_str(), &name.sin_addr);
        open(reinterpret_cast<const sockaddr&>(name), sizeof name);
    }
    ~RawClient() { ::close(descriptor_); }
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    // False: the server has closed meanwhile, which is sometimes the point.
    bool send(std::string_view octets) {
        while (!octets.empty()) {
            const auto sent = ::send(descriptor_, octets.data(), octets.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            octets.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    void finish_sending() { ::shutdown(descriptor_, SHUT_WR); }

    Answer receive(bool has_body = true) {
        Answer answer;
        std::size_t end = 0;
        while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
            if (!fill()) return answer;
        }
        answer.head = pending_.substr(0, end + 2);
        pending_.erase(0, end + 4);
        const auto length = answer.header("content-length");
        const std::size_t octets = has_body && !length.empty() ? std::stoul(length) : 0;
        while (pending_.size() < octets) {
            if (!fill()) return answer;
        }
        answer.body = pending_.substr(0, octets);
        pending_.erase(0, octets);
        answer.status = std::stoi(answer.head.substr(9, 3));
        return answer;
    }
    Answer ask(std::string_view octets) {
        send(octets);
        return receive();
    }
    // Everything until the server ends the connection (or resets it). Throws if it does not.
    std::string read_to_end() {
        while (fill()) {
        }
        return std::exchange(pending_, {});
    }

private:
    void open(const sockaddr& name, std::size_t size) {
        descriptor_ = ::socket(name.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const timeval guard{20, 0};
        ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &guard, sizeof guard);
        if (::connect(descriptor_, &name, static_cast<socklen_t>(size)) != 0)
            throw std::runtime_error("cannot connect");
    }
    bool fill() {
        char buffer[16384];
        const auto count = ::recv(descriptor_, buffer, sizeof buffer, 0);
        if (count < 0 && errno == EAGAIN) throw std::runtime_error("the server neither answers nor closes");
        if (count <= 0) return false;
        pending_.append(buffer, static_cast<std::size_t>(count));
        return true;
    }

    int descriptor_ = -1;
    std::string pending_;
};

// An endpoint made of a function, counting what reaches it.
class Probe final : public Endpoint {
public:
    using Function = std::function<Response(const Request&)>;
    Probe(Function function, bool at_once, std::string serves = "scep")
        : function_(std::move(function)), at_once_(at_once), serves_(std::move(serves)) {}

    std::string_view serves() const override { return serves_; }
    std::optional<Response> answer_at_once(const Request& request) override {
        if (!at_once_) return std::nullopt;
        ++seen;
        return function_(request);
    }
    Response answer(const Request& request) override {
        ++seen;
        return function_(request);
    }

    std::atomic<int> seen{0};

private:
    Function function_;
    bool at_once_;
    std::string serves_;
};

// What the server understood of a request, as text.
inline Response describe(const Request& request) {
    std::string text =
        request.method + " " + request.path + " ? " + request.query + "\nclient " + request.client + "\nsecure " +
        (request.secure ? "yes" : "no") + "\nnear " + (request.loopback_or_proxy ? "yes" : "no") + "\nbody " +
        std::to_string(request.body.size()) + " " +
        std::string(as_text(ByteView(request.body).first(std::min<std::size_t>(64, request.body.size())))) + "\n";
    for (const auto& [name, value] : request.headers) text += name + "=" + value + "\n";
    return Response::text(200, text);
}

// A gate jobs wait behind, so that a test decides when a request is in flight.
class Gate {
public:
    void wait() {
        std::unique_lock lock(mutex_);
        ++waiting_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
    }
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void until_waiting(int count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return waiting_ >= count; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int waiting_ = 0;
    bool open_ = false;
};

struct LogLine {
    std::string method;
    std::string client;
    int status;
    std::size_t octets;
};

// Built by the test, then started: "/fast" answers on the I/O thread, "/work" on a worker, "/gate" on a worker once the
// gate opens, "/admin" on listeners that serve admin.
struct Loopback {
    Gate gate;
    async::WorkerPool pool{2, 16};
    std::shared_ptr<Probe> fast = std::make_shared<Probe>(describe, true);
    std::shared_ptr<Probe> work = std::make_shared<Probe>(describe, false);
    std::shared_ptr<Probe> gated = std::make_shared<Probe>(
        [this](const Request&) {
            gate.wait();
            return Response::text(200, "through the gate");
        },
        false);
    std::shared_ptr<Probe> admin = std::make_shared<Probe>(describe, true, "admin");
    std::shared_ptr<Router> router = std::make_shared<Router>();
    ServerOptions options;
    std::mutex log_mutex;
    std::vector<LogLine> log;
    std::unique_ptr<Server> server;

    Loopback() {
        router->add("/fast", fast);
        router->add("/work", work);
        router->add("/gate", gated);
        router->add("/admin", admin);
        options.listeners.push_back({"127.0.0.1:0", {"scep"}, {}, std::nullopt});
        options.io_threads = 2;
        options.access_log = [this](const Request& request, int status, std::size_t octets, std::chrono::microseconds) {
            const std::lock_guard lock(log_mutex);
            log.push_back({request.method, request.client, status, octets});
        };
    }
    ~Loopback() {
        gate.open();
        server.reset();
    }
    Loopback(const Loopback&) = delete;
    Loopback& operator=(const Loopback&) = delete;

    void start() {
        auto bound = Server::bind(options, router, pool);
        if (!bound) throw std::runtime_error(bound.error().detail);
        server = std::move(*bound);
        server->start();
    }
    std::string address(std::size_t listener = 0) const { return server->addresses().at(listener); }
    RawClient connect(std::size_t listener = 0) const { return RawClient(address(listener)); }
    // What reached any endpoint.
    int seen() const { return fast->seen + work->seen + gated->seen + admin->seen; }
    std::vector<LogLine> logged() {
        const std::lock_guard lock(log_mutex);
        return log;
    }
};

}  // namespace countersign::http::test
