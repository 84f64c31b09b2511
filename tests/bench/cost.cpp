// What a bad request costs the server beside a good one: CPU of every kind of message that is turned away, from garbage
// to the dearest that limits let in, in rounds of all kinds, with good enrollments among them.
#include "countersign/crypto/certificate_builder.hpp"
#include "countersign/keys/file_key.hpp"
#include "forger.hpp"
#include "raw_rsa.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using namespace countersign;
using namespace countersign::test;
using nlohmann::json;

struct Options {
    std::string countersign;
    std::string countersignd;
    std::string directory;
    std::string json;
    std::size_t rounds = 5;
    std::size_t requests = 60;  // of a kind in a round
    bool giant_key = true;
};

constexpr std::size_t connections = 4;
constexpr std::size_t largest_body = 2 * 1024 * 1024;
constexpr std::uint64_t largest_exponent = 4294967291;  // the largest prime below 2^32

struct Kind {
    std::string name;
    std::function<std::string(std::size_t number)> make;
    std::size_t share = 1;          // a round has one request of this kind for so many of the others
    std::string answer{};           // "HTTP status" or "HTTP status, pkiStatus" of the first one
    std::vector<double> cost_ms{};  // of a request, a round each
};

// A client with a key and certificate of its own.
struct Client {
    std::shared_ptr<keys::Key> key;
    crypto::Certificate signer;
};

// Must outlive what it makes.
class Kinds {
public:
    Kinds(Forger& forger, Minter& minter) : forger_(forger), minter_(minter) {}
    std::vector<Kind> all(bool giant_key);

private:
    std::string good() { return forger_.maker().make(minter_.mint()).http; }
    std::string post(const std::string& body) const { return forger_.post(as_bytes(body)); }
    Client client_with(const Secret& pem);
    std::string csr_by(const Client& client, std::vector<crypto::Extension> extensions = {});
    void add_http(std::vector<Kind>& kinds);
    void add_encodings(std::vector<Kind>& kinds);
    void add_messages(std::vector<Kind>& kinds);
    void add_dear_ones(std::vector<Kind>& kinds, bool giant_key);

    Forger& forger_;
    Minter& minter_;
    SystemClock clock_;
    SystemRandom random_;
};

Client Kinds::client_with(const Secret& pem) {
    auto key = must(keys::key_from_pem(pem, "client"), "a client key");
    const auto subject = must(crypto::Name::from_text("CN=forger"), "a name");
    auto signer = must(scep::self_signed_signer(subject, *key, clock_.now(), random_), "a signer certificate");
    return {std::move(key), std::move(signer)};
}

std::string Kinds::csr_by(const Client& client, std::vector<crypto::Extension> extensions) {
    crypto::RequestContent content;
    content.subject = must(crypto::Name::from_text("CN=forger"), "a name");
    content.spki = to_bytes(client.key->public_key().spki());
    const auto challenge = upper_hex(random_.bytes(8));
    content.challenge_password = challenge;
    content.extensions = std::move(extensions);
    content.scheme = client.key->public_key().scheme_with(crypto::DigestAlgorithm::sha256);
    const auto request =
        must(crypto::build_request(content, [&](ByteView octets) { return client.key->sign(content.scheme, octets); }),
             "a CSR");
    return forger_.enclose(request.der(), client.signer, *client.key);
}

std::string with_headers(std::size_t octets) {
    std::string head = "GET /certsrv/mscep/mscep.dll?operation=GetCACaps HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 0; head.size() + 40 < octets; ++i) head += "X-" + std::to_string(i) + ": 0123456789abcdef\r\n";
    return head + "\r\n";
}

std::string in_single_octets(std::size_t octets) {
    std::string request =
        "POST /certsrv/mscep/mscep.dll?operation=PKIOperation HTTP/1.1\r\nHost: a\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";
    for (std::size_t i = 0; i < octets; ++i) request += "1\r\n0\r\n";
    return request + "0\r\n\r\n";
}

void Kinds::add_http(std::vector<Kind>& kinds) {
    kinds.push_back({"no HTTP", [](std::size_t) { return std::string("\x16\x03\x01\x02 not HTTP\r\n\r\n"); }});
    kinds.push_back({"80 KiB of headers", [](std::size_t) { return with_headers(80 * 1024); }});
    kinds.push_back({"100,000 chunks of an octet", [](std::size_t) { return in_single_octets(100000); }, 10});
    kinds.push_back({"a path that is not there", [](std::size_t) { return get_request("a", "/nothing"); }});
    kinds.push_back({"an unknown operation",
                     [](std::size_t) { return get_request("a", "/certsrv/mscep/mscep.dll?operation=Nothing"); }});
}

void Kinds::add_encodings(std::vector<Kind>& kinds) {
    kinds.push_back({"3,000 octets of garbage", [this](std::size_t) { return forger_.post(forger_.random(3000)); }});
    kinds.push_back(
        {"2 MiB of garbage", [this](std::size_t) { return forger_.post(forger_.random(largest_body)); }, 10});
    kinds.push_back({"2 MiB of nested encodings",
                     [this](std::size_t) {
                         std::string nest;
                         while (nest.size() + 2 <= largest_body) nest += "\x30\x80";
                         return post(nest);
                     },
                     10});
    kinds.push_back({"SignedData with 2 MiB of content",
                     [this](std::size_t) {
                         const auto request = forger_.maker().make({"", upper_hex(forger_.random(8))});
                         return forger_.sign(forger_.random(largest_body - 4096), request.signer, *request.key, "A");
                     },
                     10});
}

void Kinds::add_messages(std::vector<Kind>& kinds) {
    using Parts = Forger::Parts;
    const auto forged = [this](const std::function<void(Parts&)>& change) { return forger_.forge(change).http; };
    kinds.push_back({"signature that does not hold", [=](std::size_t) {
                         auto http = forged([](Parts&) {});
                         http.back() = static_cast<char>(http.back() ^ 1);
                         return http;
                     }});
    kinds.push_back({"unknown challenge", [=](std::size_t) { return forged([](Parts&) {}); }});
    kinds.push_back({"bad block padding",
                     [=](std::size_t) { return forged([](Parts& parts) { parts.random_ciphertext = true; }); }});
    kinds.push_back({"bad RSA padding", [=, this](std::size_t) {
                         return forged([this](Parts& parts) {
                             parts.wrapped = forger_.random(parts.wrapped.size());
                             parts.wrapped.front() = 0;  // below the modulus
                         });
                     }});
    kinds.push_back({"an answered message again", [first = good()](std::size_t) { return first; }});
}

void Kinds::add_dear_ones(std::vector<Kind>& kinds, bool giant_key) {
    const auto ordinary = client_with(must(keys::generate_private_key_pem(keys::GeneratedKey::rsa2048), "a key"));
    kinds.push_back({"a request of 63 KiB",
                     [=, this](std::size_t) {
                         return csr_by(ordinary, {{"1.2.3.4", false, crypto::der_octet_string(Bytes(62 * 1024))}});
                     },
                     10});
    if (!giant_key) return;
    const auto giant = client_with(rsa_key_pem(8192, largest_exponent));
    std::printf("made a key of 8,192 bits\n");
    kinds.push_back({"RSA 8192, exponent of 32 bits", [=, this](std::size_t) { return csr_by(giant); }, 4});
    kinds.push_back({"the same, and a bad signature",
                     [=, this](std::size_t) {
                         auto http = csr_by(giant);
                         http.back() = static_cast<char>(http.back() ^ 1);
                         return http;
                     },
                     4});
}

std::vector<Kind> Kinds::all(bool giant_key) {
    std::vector<Kind> kinds{{"good enrollment", [this](std::size_t) { return good(); }}};
    add_http(kinds);
    add_encodings(kinds);
    add_messages(kinds);
    add_dear_ones(kinds, giant_key);
    return kinds;
}

std::string describe_answer(const std::optional<HttpReply>& reply) {
    return reply ? std::to_string(reply->status) : "closed";
}

void measure(Kind& kind, const ServerProcess& server, const Endpoint& endpoint, std::size_t requests) {
    const auto count = std::max<std::size_t>(connections, requests / kind.share);
    std::vector<std::string> messages(count);
    for (std::size_t i = 0; i < count; ++i) messages[i] = kind.make(i);
    const double before = server.cpu_seconds();
    const auto load = send_all(endpoint, messages, connections);
    kind.cost_ms.push_back(1e3 * (server.cpu_seconds() - before) / static_cast<double>(count));
    kind.answer = describe_answer(load.replies.front());
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

json report(const std::vector<Kind>& kinds) {
    const double good = median(kinds.front().cost_ms);
    json rows = json::array();
    std::printf("%-36s %8s %12s %8s\n", "", "answer", "CPU ms", "of good");
    double worst = 0;
    for (const auto& kind : kinds) {
        const double cost = median(kind.cost_ms);
        if (&kind != &kinds.front()) worst = std::max(worst, cost / good);
        std::printf("%-36s %8s %12.3f %8.2f\n", kind.name.c_str(), kind.answer.c_str(), cost, cost / good);
        rows.push_back({{"kind", kind.name}, {"answer", kind.answer}, {"cpu_ms", cost}, {"ratio", cost / good}});
    }
    std::printf("dearest bad request: %.2f times a good one\n", worst);
    return {{"rows", rows}, {"worst_ratio", worst}};
}

void run(const Options& options) {
    fs::remove_all(options.directory);
    fs::create_directories(options.directory);
    const auto instance = make_instance(options.countersign, fs::path(options.directory) / "cost");
    ServerProcess server({options.countersignd, "--config", instance.config.string()}, {},
                         instance.directory / "daemon.log");
    if (!server.wait_until_ready(instance.endpoint, 30s)) throw std::runtime_error("countersignd does not come up");
    Forger forger(instance.endpoint);
    Minter minter(instance, "default");
    Kinds makers(forger, minter);
    auto kinds = makers.all(options.giant_key);
    std::vector<std::size_t> order(kinds.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::mt19937 shuffler(std::random_device{}());
    measure(kinds.front(), server, instance.endpoint, options.requests);  // warm
    kinds.front().cost_ms.clear();
    for (std::size_t round = 0; round < options.rounds; ++round) {
        std::ranges::shuffle(order, shuffler);
        for (const auto which : order) measure(kinds[which], server, instance.endpoint, options.requests);
    }
    const auto result = report(kinds);
    if (!options.json.empty()) std::ofstream(options.json) << result.dump(2) << '\n';
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"Measures what a bad request costs countersignd beside a good one."};
    app.add_option("--countersign", options.countersign, "The command line program")->required();
    app.add_option("--countersignd", options.countersignd, "The daemon")->required();
    app.add_option("--directory", options.directory, "Where instances are made; emptied first")->required();
    app.add_option("--json", options.json, "Also write the numbers here");
    app.add_option("--rounds", options.rounds, "Rounds of all kinds")->check(CLI::PositiveNumber);
    app.add_option("--requests", options.requests, "Requests of a kind in a round")->check(CLI::PositiveNumber);
    app.add_flag("!--no-giant-key", options.giant_key, "Leave out the kinds whose key takes a minute to make");
    CLI11_PARSE(app, argc, argv);
    try {
        run(options);
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "bench_cost: " << error.what() << '\n';
        return 1;
    }
}
