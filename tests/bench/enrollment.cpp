// Enrollments per second and CPU per enrollment of a freshly made countersignd, beside the RSA it cannot avoid, and
// beside Debian's scepserver under the same load. Messages are made before, and answers checked after, the time that is
// measured.
#include "primitives.hpp"
#include "report.hpp"
#include "scep_load.hpp"
#include "token.hpp"

#include <CLI/CLI.hpp>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using namespace countersign;
using namespace countersign::test;
using namespace countersign::bench;

struct Options {
    std::string countersign = "countersign";
    std::string countersignd = "countersignd";
    std::string scepserver = "/usr/bin/scepserver";
    std::string directory;
    std::string json;
    std::size_t enrollments = 2000;
    std::size_t queries = 40000;
    std::vector<std::size_t> connections{1, 8, 32};
    bool token = true;
    double token_seconds = 5;
    unsigned paced_engines = 4;
    unsigned paced_ms = 10;
};

constexpr std::size_t kPrimitiveRounds = 150;

std::vector<std::string> http_of(const std::vector<PreparedRequest>& requests) {
    std::vector<std::string> result;
    for (const auto& request : requests) result.push_back(request.http);
    return result;
}

// Answers that are no certificate for the key that asked do not count: a server that refuses quickly is not a fast one.
std::size_t count_certificates(const RequestMaker& maker, const std::vector<PreparedRequest>& requests,
                               const LoadResult& load) {
    std::atomic<std::size_t> certificates{0};
    in_parallel(requests.size(), [&](std::size_t i) {
        if (!load.replies[i]) throw std::runtime_error("a request was not answered");
        const auto rep = must(maker.read(requests[i], load.replies[i]->body), "an answer");
        if (rep.status == scep::PkiStatus::success && !rep.certificates.empty() &&
            rep.certificates.front().public_key() == requests[i].signer.public_key()) {
            ++certificates;
        }
    });
    return certificates;
}

EnrollmentRow measure_enrollments(const std::string& server_name, const ServerProcess& server, const Endpoint& endpoint,
                                  RequestMaker& maker, const std::vector<MintedOtp>& otps, std::size_t connections) {
    const auto requests = maker.make(otps);
    const auto messages = http_of(requests);
    EnrollmentRow row;
    row.server = server_name;
    row.connections = connections;
    row.enrollments = requests.size();

    const auto before = measure_primitives(kPrimitiveRounds);
    const double cpu = server.cpu_seconds();
    const auto load = send_all(endpoint, messages, connections);
    row.cpu_seconds = server.cpu_seconds() - cpu;
    row.seconds = load.seconds;
    const auto after = measure_primitives(kPrimitiveRounds);
    row.primitives = {(before.decrypt_ms + after.decrypt_ms) / 2, (before.sign_ms + after.sign_ms) / 2};

    row.enrollments = count_certificates(maker, requests, load);
    row.refused = requests.size() - row.enrollments;
    return row;
}

QueryRow measure_queries(const std::string& server_name, const ServerProcess& server, const Endpoint& endpoint,
                         const std::string& operation, std::size_t count) {
    const std::vector<std::string> requests(count,
                                            get_request(endpoint.host, endpoint.path + "?operation=" + operation));
    QueryRow row{server_name, operation, count};
    const double cpu = server.cpu_seconds();
    const auto load = send_all(endpoint, requests, 8);
    row.cpu_seconds = server.cpu_seconds() - cpu;
    row.seconds = load.seconds;
    for (const auto& reply : load.replies) {
        if (!reply || reply->status != 200 || reply->body.empty())
            throw std::runtime_error(operation + " was not answered");
    }
    return row;
}

void measure_countersignd(const Options& options, Report& report) {
    const auto instance = make_instance(options.countersign, fs::path(options.directory) / "countersign");
    ServerProcess server({options.countersignd, "--config", instance.config.string()}, {},
                         instance.directory / "daemon.log");
    if (!server.wait_until_ready(instance.endpoint, 30s)) throw std::runtime_error("countersignd does not come up");
    Minter minter(instance, "default");
    RequestMaker maker(instance.endpoint, fetch_certificates(instance.endpoint), 8);
    for (const auto connections : options.connections) {
        report.enrollments.push_back(measure_enrollments("countersignd", server, instance.endpoint, maker,
                                                         minter.mint(options.enrollments), connections));
        if (report.enrollments.back().refused > 0) throw std::runtime_error("countersignd refused a good request");
    }
    for (const auto* operation : {"GetCACaps", "GetCACert"}) {
        report.queries.push_back(
            measure_queries("countersignd", server, instance.endpoint, operation, options.queries));
    }
}

// As many as the daemon has workers (app::worker_count).
std::size_t worker_count() {
    return std::max(8U, 4 * std::thread::hardware_concurrency());
}

// A token, and what it is called in the table.
struct TokenUnderTest {
    std::string name;
    std::string module;  // empty: SoftHSM itself
};

// Files and token in turn, the token by itself around each row: what the machine does besides changes by the minute.
// The token is asked by as many threads as could be in it at once: one for each connection, at most one for each
// worker.
void measure_token(const Options& options, const TokenUnderTest& under_test, Report& report) {
    const auto directory = fs::path(options.directory) / under_test.name;
    const SoftHsmToken token(directory / "softhsm", under_test.module);
    const auto in_files = make_instance(options.countersign, directory / "files");
    const auto in_token = make_instance(options.countersign, directory / "token", token.uri());
    ServerProcess file_server({options.countersignd, "--config", in_files.config.string()}, {},
                              in_files.directory / "daemon.log");
    ServerProcess token_server({options.countersignd, "--config", in_token.config.string()}, {},
                               in_token.directory / "daemon.log");
    if (!file_server.wait_until_ready(in_files.endpoint, 30s) || !token_server.wait_until_ready(in_token.endpoint, 30s))
        throw std::runtime_error("countersignd does not come up");
    Minter file_minter(in_files, "default");
    Minter token_minter(in_token, "default");
    RequestMaker file_maker(in_files.endpoint, fetch_certificates(in_files.endpoint), 8);
    RequestMaker token_maker(in_token.endpoint, fetch_certificates(in_token.endpoint), 8);
    for (const auto connections : options.connections) {
        const auto files = measure_enrollments("files", file_server, in_files.endpoint, file_maker,
                                               file_minter.mint(options.enrollments), connections);
        TokenRow row;
        row.token = under_test.name;
        row.files_per_second = files.per_second();
        row.raw_threads = std::min(connections, worker_count());
        const double before = token.raw_per_second(row.raw_threads, options.token_seconds);
        row.enrollments = measure_enrollments(under_test.name, token_server, in_token.endpoint, token_maker,
                                              token_minter.mint(options.enrollments), connections);
        row.raw_per_second = (before + token.raw_per_second(row.raw_threads, options.token_seconds)) / 2;
        if (row.enrollments.refused > 0) throw std::runtime_error("countersignd refused a good request");
        report.tokens.push_back(row);
    }
}

void measure_tokens(const Options& options, Report& report) {
    measure_token(options, {"softhsm", {}}, report);
    ::setenv("COUNTERSIGN_PACED_ENGINES", std::to_string(options.paced_engines).c_str(), 1);
    ::setenv("COUNTERSIGN_PACED_MS", std::to_string(options.paced_ms).c_str(), 1);
    measure_token(options, {"paced", COUNTERSIGN_PACED_TOKEN}, report);
    report.remarks.push_back(
        "Token alone: one raw decryption and three signatures through PKCS#11 directly, on as many threads as could be "
        "in it "
        "at once. softhsm computes on the same cores as the daemon, so what the daemon does besides RSA is missing "
        "from "
        "the token's own rate. paced is SoftHSM behind a module that takes the time of a token with processors of its "
        "own: " +
        std::to_string(options.paced_engines) + " operations at once, " + std::to_string(options.paced_ms) +
        " ms each, most of it waiting.");
}

void measure_scepserver(const Options& options, Report& report) {
    const std::string depot = (fs::path(options.directory) / "scepserver").string();
    const auto log = fs::path(options.directory) / "scepserver.log";
    ServerProcess init({options.scepserver, "ca", "-init", "-keySize", "2048", "-depot", depot}, {}, log);
    if (init.wait(120s) != 0) throw std::runtime_error("scepserver ca -init failed; see " + log.string());
    const Endpoint endpoint{"127.0.0.1", free_port(), "/scep"};
    const std::string challenge = "benchmark";
    ServerProcess server({options.scepserver, "-depot", depot, "-port", std::to_string(endpoint.port), "-allowrenew",
                          "0", "-challenge", challenge},
                         {}, log);
    if (!server.wait_until_ready(endpoint, 30s))
        throw std::runtime_error("scepserver does not come up; see " + log.string());
    RequestMaker maker(endpoint, fetch_certificates(endpoint), 8);
    const std::vector<MintedOtp> otps(options.enrollments, MintedOtp{"", challenge});
    for (const auto connections : options.connections) {
        report.enrollments.push_back(measure_enrollments("scepserver", server, endpoint, maker, otps, connections));
    }
    for (const auto* operation : {"GetCACaps", "GetCACert"}) {
        report.queries.push_back(measure_queries("scepserver", server, endpoint, operation, options.queries));
    }
}

void run(const Options& options) {
    fs::remove_all(options.directory);
    fs::create_directories(options.directory);
    Report report;
    measure_countersignd(options, report);
    report.primitives_crowded = measure_primitives(kPrimitiveRounds, std::thread::hardware_concurrency());
    if (!options.token || !SoftHsmToken::installed()) {
        report.remarks.emplace_back("Keys in a token: not measured.");
    } else {
        measure_tokens(options, report);
    }
    if (options.scepserver.empty() || !fs::exists(options.scepserver)) {
        report.remarks.emplace_back("scepserver (Debian package scep) is not installed: not compared.");
    } else {
        measure_scepserver(options, report);
        report.remarks.emplace_back(
            "scepserver does less: one private decryption and two signatures, no countersignature, one shared "
            "password, no "
            "one-time passwords, no audit file. What it refused under several connections are races in its file "
            "depot.");
    }
    std::cout << report.table();
    if (!options.json.empty()) std::ofstream(options.json) << report.json() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"Measures enrollments of countersignd and, where it is installed, of scepserver."};
    app.add_option("--countersign", options.countersign, "The command line program")->required();
    app.add_option("--countersignd", options.countersignd, "The daemon")->required();
    app.add_option("--scepserver", options.scepserver, "Debian's scepserver; empty: do not compare");
    app.add_option("--directory", options.directory, "Where instances are made; emptied first")->required();
    app.add_option("--json", options.json, "Also write the numbers here");
    app.add_option("--enrollments", options.enrollments, "How many for each row (at most 10000)");
    app.add_option("--queries", options.queries, "How many for each row");
    app.add_option("--connections", options.connections, "Numbers of connections");
    app.add_flag("!--no-token", options.token, "Do not measure keys in a token");
    app.add_option("--token-seconds", options.token_seconds, "How long the token is measured by itself, each time");
    app.add_option("--paced-engines", options.paced_engines, "Operations the paced token works on at once");
    app.add_option("--paced-ms", options.paced_ms, "How long the paced token takes for each");
    CLI11_PARSE(app, argc, argv);
    try {
        run(options);
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "bench_enrollment: " << error.what() << '\n';
        return 1;
    }
}
