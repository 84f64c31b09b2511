// Stand-ins for CAs as children (tests/support), told what to do line by line, and the harness of the contract for the
// backends in front of them.
#pragma once

#include "countersign/crypto/cmc.hpp"
#include "countersign/net/http_client.hpp"
#include "local_world.hpp"
#include "scratch_directory.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>

namespace countersign::ca::test {

inline void write_file(const std::filesystem::path& file, std::string_view text) {
    std::ofstream(file, std::ios::binary) << text;
}

class StandIn {
public:
    // A script of tests/support; `words` are its arguments after the directory.
    StandIn(const std::string& name, const std::filesystem::path& directory, const std::vector<std::string>& words) {
        std::vector<std::string> line{"python3", "-B",
                                      (std::filesystem::path(COUNTERSIGN_SOURCE_DIR) / "tests/support" / name).string(),
                                      directory.string()};
        line.insert(line.end(), words.begin(), words.end());
        std::vector<char*> arguments;
        for (auto& word : line) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        int in[2];
        int out[2];
        if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::dup2(in[0], 0);
            ::dup2(out[1], 1);
            ::execv("/usr/bin/python3", arguments.data());
            ::_exit(127);
        }
        ::close(in[0]);
        ::close(out[1]);
        to_ = ::fdopen(in[1], "w");
        from_ = ::fdopen(out[0], "r");
        port_ = read_line();
    }
    ~StandIn() {
        std::fclose(to_);
        std::fclose(from_);
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    StandIn(const StandIn&) = delete;
    StandIn& operator=(const StandIn&) = delete;

    std::string tell(const std::string& words) {
        std::fputs((words + "\n").c_str(), to_);
        std::fflush(to_);
        return read_line();
    }
    const std::string& port() const { return port_; }

private:
    std::string read_line() {
        char buffer[8192];
        if (std::fgets(buffer, sizeof buffer, from_) == nullptr) throw std::runtime_error("the stand-in is gone");
        std::string text = buffer;
        text.pop_back();
        return text;
    }
    pid_t pid_ = -1;
    std::FILE* to_ = nullptr;
    std::FILE* from_ = nullptr;
    std::string port_;
};

// The contract's keys are words; those of attempts are hexadecimal numbers, and so some CAs want them.
class Keyed final : public Backend {
public:
    explicit Keyed(std::unique_ptr<Backend> backend) : backend_(std::move(backend)) {}
    static std::string key(const std::string& word) { return crypto::sha256_hex(as_bytes(word)).substr(0, 32); }
    Result<Outcome> submit(const CountersignedRequest& request, const std::string& word) override {
        return followed(backend_->submit(request, key(word)));
    }
    Result<Outcome> poll(const std::string& handle) override { return followed(backend_->poll(handle)); }
    Result<std::optional<Outcome>> reconcile(const std::string& word, Time asked) override {
        TRY(auto found, backend_->reconcile(key(word), asked));
        if (!found) return found;
        TRY(auto outcome, followed(*std::move(found)));
        return std::optional<Outcome>(std::move(outcome));
    }
    std::vector<crypto::Certificate> chain() const override { return backend_->chain(); }
    Result<void> probe() override { return backend_->probe(); }
    Revoker* revoker() override { return backend_->revoker(); }
    std::string describe() const override { return backend_->describe(); }

    Backend& bare() { return *backend_; }

private:
    // As the RA does once the handle is on record.
    Result<Outcome> followed(Result<Outcome> outcome) {
        const auto* pending = outcome ? std::get_if<Pending>(&*outcome) : nullptr;
        return pending != nullptr && pending->at_once ? backend_->poll(pending->handle) : std::move(outcome);
    }
    std::unique_ptr<Backend> backend_;
};

// A backend in front of a stand-in that has the CA's key. A Way says which:
//     static constexpr auto script = "adcs.py"; static std::vector<std::string> words(); static constexpr bool cmc;
//     static constexpr bool reconciles;
//     static std::unique_ptr<Backend> make(Surroundings&);
struct Surroundings {
    LocalWorld& world;
    std::filesystem::path home;
    std::string port;
    std::shared_ptr<net::HttpClient> http;
};

template <class Way>
class RemoteWorld {
public:
    static constexpr contract::Abilities abilities{.judges_countersignatures = false,
                                                   .reconciles = Way::reconciles,
                                                   .scripted = true,
                                                   .holds = !requires {Way::holds_nothing;
}, .settles = requires { Way::settles; }
};  // namespace countersign::ca::test

RemoteWorld() {
    const auto home = home_.path();
    write_file(home / "ca.pem", world_.root.pem());
    write_file(home / "ca.key", countersign::test::rsa_key(0).pem());
    write_file(home / "agent.pem", world_.agent.pem());
    write_file(home / "lie.pem", world_.root.pem());
    const std::string line = "cd '" + home.string() +
                             "' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
                             "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout server.key -out "
                             "server.pem 2>/dev/null";
    if (std::system(line.c_str()) != 0) throw std::runtime_error("no TLS certificate");
    server_.emplace(Way::script, home, Way::words());
    net::HttpClientOptions http;
    http.ca_file = (home / "server.pem").string();
    Surroundings surroundings{world_, home, server_->port(), net::make_http_client(http)};
    ca_ = std::make_unique<Keyed>(Way::make(surroundings));
}
Backend& backend() {
    return *ca_;
}
// Without what the RA does by itself.
Backend& bare() {
    return ca_->bare();
}
CountersignedRequest request(Countersigned how, const std::string& device) {
    if (!Way::cmc || how != Countersigned::properly) return world_.request(how, device);
    const auto csr = LocalWorld::request_of(device);
    return ra::Agent::countersigned(
        LocalWorld::signed_by(world_.agent, rsa_key(1), crypto::build_pki_data(csr.der()), crypto::cmc_pki_data_type),
        csr, world_.plan_for(device));
}
void record(const crypto::Certificate&, const std::string&) {}
void take_away() {
    server_->tell("stop");
}
void bring_back() {
    server_->tell("start");
}
Time now() const {
    return SystemClock().now();
}
void next(contract::Treatment how) {
    using contract::Treatment;
    static const std::map<Treatment, std::string> words{{Treatment::hold, "hold"},
                                                        {Treatment::reject, "reject"},
                                                        {Treatment::lose_the_answer, "lose_the_answer"},
                                                        {Treatment::lie, "lie"},
                                                        {Treatment::cut_the_answer, "cut_the_answer"}};
    server_->tell("next " + words.at(how));
}
void release() {
    server_->tell("release");
}
std::size_t made() {
    return std::stoul(server_->tell("made"));
}
StandIn& server() {
    return *server_;
}
LocalWorld& world() {
    return world_;
}
std::filesystem::path home() const {
    return home_.path();
}

Result<Outcome> submit(const std::string& key = "k") {
    return backend().submit(request(Countersigned::properly, "device-1"), key);
}

private:
countersign::test::ScratchDirectory home_;
LocalWorld world_{LocalWorld::Setup{.now = SystemClock().now()}};
std::optional<StandIn> server_;
std::unique_ptr<Keyed> ca_;
}
;

}  // namespace countersign::ca::test
