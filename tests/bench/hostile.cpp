// What rightful clients notice while others behave badly: ten thousand slow connections, ten times as many requests as
// can be served, and hours of ordinary work. Everything is compared with the same server left alone, in the same run.
#include "arrivals.hpp"
#include "many_sockets.hpp"
#include "scep_load.hpp"
#include "slow_crowd.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using namespace countersign::test;
using namespace countersign::bench;
using countersign::as_bytes;
using nlohmann::json;
namespace scep = countersign::scep;

struct Options {
    std::string countersign;
    std::string countersignd;
    std::string directory;
    std::string json;
    std::size_t slow = 10000;
    double rate = 20;
    unsigned seconds = 20;
    double times_capacity = 10;
    unsigned soak_minutes = 0;
};

std::string closing(std::string http) {
    return http.insert(http.find("\r\n") + 2, "Connection: close\r\n");
}

// A fresh instance, its daemon, and requests for it.
class Stage {
public:
    Stage(const Options& options, const std::string& name)
        : instance_(make_instance(options.countersign, fs::path(options.directory) / name)),
          server_({options.countersignd, "--config", instance_.config.string()}, {},
                  instance_.directory / "daemon.log"),
          minter_(instance_, "default") {
        if (!server_.wait_until_ready(instance_.endpoint, 30s))
            throw std::runtime_error("countersignd does not come up");
        maker_.emplace(instance_.endpoint, fetch_certificates(instance_.endpoint), 8);
    }

    const Endpoint& endpoint() const { return instance_.endpoint; }
    const ServerProcess& server() const { return server_; }
    std::vector<PreparedRequest> prepare(std::size_t count) { return maker_->make(minter_.mint(count)); }

    // `certificates` of the answers are for the key that asked.
    struct Outcome {
        ArrivalResult arrivals;
        std::size_t certificates = 0;
    };
    Outcome enroll(const std::vector<PreparedRequest>& requests, const ArrivalOptions& options) {
        std::vector<std::string> messages;
        for (const auto& request : requests) messages.push_back(closing(request.http));
        Outcome outcome{arrive(endpoint(), messages, options)};
        std::atomic<std::size_t> good{0};
        in_parallel(outcome.arrivals.answers.size(), [&](std::size_t i) {
            const auto& [number, body] = outcome.arrivals.answers[i];
            const auto rep = maker_->read(requests[number], as_bytes(body));
            if (rep && rep->status == scep::PkiStatus::success && !rep->certificates.empty() &&
                rep->certificates.front().public_key() == requests[number].signer.public_key())
                ++good;
        });
        outcome.certificates = good;
        return outcome;
    }
    Outcome enroll_at(double per_second, unsigned seconds) {
        const auto count = static_cast<std::size_t>(per_second * seconds);
        return enroll(prepare(count), {per_second, std::chrono::seconds(seconds), 60s, false});
    }

private:
    Instance instance_;
    ServerProcess server_;
    Minter minter_;
    std::optional<RequestMaker> maker_;
};

json row(const std::string& name, const Stage::Outcome& outcome) {
    const auto& arrivals = outcome.arrivals;
    std::printf("%-28s %8zu %8zu %8zu %8zu %9.1f %9.1f\n", name.c_str(), arrivals.arrived, outcome.certificates,
                arrivals.busy, arrivals.unclean + arrivals.not_begun, 1e3 * arrivals.percentile(0.5),
                1e3 * arrivals.percentile(0.99));
    std::fflush(stdout);
    return {{"row", name},
            {"arrived", arrivals.arrived},
            {"certificates", outcome.certificates},
            {"busy", arrivals.busy},
            {"unclean", arrivals.unclean},
            {"not_begun", arrivals.not_begun},
            {"p50_ms", 1e3 * arrivals.percentile(0.5)},
            {"p99_ms", 1e3 * arrivals.percentile(0.99)}};
}

void heading(const std::string& text) {
    std::printf("\n%s\n%-28s %8s %8s %8s %8s %9s %9s\n", text.c_str(), "", "requests", "certs", "503", "other",
                "p50 ms", "p99 ms");
}

json measure_slow(const Options& options) {
    Stage stage(options, "slow");
    heading("Slow connections: " + std::to_string(options.slow) +
            ", a third each with slow heads, slow bodies, unread answers");
    static_cast<void>(stage.enroll_at(options.rate, 5));  // warm
    const auto before = stage.enroll_at(options.rate, options.seconds);
    json result{{"alone", row("alone", before)}};
    {
        const SlowCrowd crowd(stage.endpoint(), options.slow);
        const auto beset = stage.enroll_at(options.rate, options.seconds);
        result["beset"] = row("beset", beset);
        result["connected"] = crowd.connected();
        result["thrown_out"] = crowd.thrown_out();
        result["p99_ratio"] = beset.arrivals.percentile(0.99) / before.arrivals.percentile(0.99);
        std::printf("p99 beset / alone: %.2f; connected at the end %zu, thrown out %zu times\n",
                    result["p99_ratio"].get<double>(), crowd.connected(), crowd.thrown_out());
    }
    result["after"] = row("after", stage.enroll_at(options.rate, options.seconds));
    return result;
}

json measure_overload(const Options& options) {
    Stage stage(options, "overload");
    const auto sample = stage.prepare(600);
    std::vector<std::string> messages;
    for (const auto& request : sample) messages.push_back(request.http);
    const double capacity = static_cast<double>(messages.size()) / send_all(stage.endpoint(), messages, 32).seconds;
    const double rate = capacity * options.times_capacity;
    char text[160];
    std::snprintf(text, sizeof text,
                  "Overload: capacity %.0f enrollments a second over 32 connections; %.1f times that arrive", capacity,
                  options.times_capacity);
    heading(text);
    json result{{"capacity", capacity}};
    const auto calm = stage.enroll_at(options.rate, options.seconds);
    result["alone"] = row("alone", calm);
    const auto requests = stage.prepare(static_cast<std::size_t>(capacity * (options.seconds + 20)));
    const auto flood = stage.enroll(requests, {rate, std::chrono::seconds(options.seconds), 90s, true});
    result["flood"] = row("flood", flood);
    result["goodput"] = static_cast<double>(flood.arrivals.in_time) / options.seconds / capacity;
    std::printf("answered with certificates while it lasted: %.2f of capacity\n", result["goodput"].get<double>());
    result["after"] = row("after", stage.enroll_at(options.rate, options.seconds));
    return result;
}

std::size_t resident_kib(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
    throw std::runtime_error("the daemon is gone");
}

std::size_t open_descriptors(pid_t pid) {
    const fs::directory_iterator all("/proc/" + std::to_string(pid) + "/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// Rounds of half a minute, a reload in each; what the daemon holds is read between rounds, when it is idle.
json measure_soak(const Options& options) {
    Stage stage(options, "soak");
    heading("Soak: " + std::to_string(options.soak_minutes) + " minutes, a reload every half");
    json rounds = json::array();
    for (unsigned round = 0; round < 2 * options.soak_minutes; ++round) {
        const auto outcome = stage.enroll_at(options.rate, 30);
        stage.server().signal(SIGHUP);
        std::this_thread::sleep_for(1s);
        auto entry = row("round " + std::to_string(round + 1), outcome);
        entry["resident_kib"] = resident_kib(stage.server().pid());
        entry["descriptors"] = open_descriptors(stage.server().pid());
        std::printf("%-28s resident %zu KiB, descriptors %zu\n", "", entry["resident_kib"].get<std::size_t>(),
                    entry["descriptors"].get<std::size_t>());
        rounds.push_back(std::move(entry));
    }
    return rounds;
}

void run(const Options& options) {
    if (raise_descriptor_limit() < options.slow + 1000)
        throw std::runtime_error("too few descriptors for so many connections: raise ulimit -Hn");
    fs::remove_all(options.directory);
    fs::create_directories(options.directory);
    json result;
    if (options.slow > 0) result["slow"] = measure_slow(options);
    if (options.times_capacity > 0) result["overload"] = measure_overload(options);
    if (options.soak_minutes > 0) result["soak"] = measure_soak(options);
    if (!options.json.empty()) std::ofstream(options.json) << result.dump(2) << '\n';
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{
        "Measures what rightful clients of countersignd notice of slow connections and of overload, and whether it "
        "keeps its size."};
    app.add_option("--countersign", options.countersign, "The command line program")->required();
    app.add_option("--countersignd", options.countersignd, "The daemon")->required();
    app.add_option("--directory", options.directory, "Where instances are made; emptied first")->required();
    app.add_option("--json", options.json, "Also write the numbers here");
    app.add_option("--slow", options.slow, "Slow connections; 0: do not measure");
    app.add_option("--rate", options.rate, "Enrollments a second of the rightful clients");
    app.add_option("--seconds", options.seconds, "How long each row takes");
    app.add_option("--times-capacity", options.times_capacity,
                   "Requests arriving, in terms of what can be served; 0: do not measure");
    app.add_option("--soak", options.soak_minutes, "Minutes of ordinary work; 0: do not measure");
    CLI11_PARSE(app, argc, argv);
    try {
        run(options);
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "bench_hostile: " << error.what() << '\n';
        return 1;
    }
}
