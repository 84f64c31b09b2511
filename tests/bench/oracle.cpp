// Does the time of an answer tell what was wrong with a message? Samples of each class of failure, a round of all of
// them in random order after another, first of the unwrapping of content keys alone, then of whole answers over HTTP;
// and what a statistician says about them.
#include "countersign/keys/file_key.hpp"
#include "countersign/keys/unwrap.hpp"
#include "differences.hpp"
#include "forger.hpp"
#include "raw_rsa.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using namespace countersign;
using namespace countersign::test;
using namespace countersign::bench;

struct Options {
    std::string countersign;
    std::string countersignd;
    std::string directory;
    std::string json;
    std::size_t unwraps = 20000;
    std::size_t answers = 1000;
};

constexpr std::size_t pool = 64;  // different ciphertexts or messages of a class

double microseconds(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

using Spoiler = std::function<void(Bytes&)>;

// One spoilt block of each class; the first one is good.
std::vector<std::pair<std::string, std::function<Bytes()>>> block_classes(std::size_t modulus, Random& random) {
    const auto spoilt = [modulus, &random](std::size_t message, Spoiler spoil) {
        return [=, &random] {
            auto block = padded(modulus, random.bytes(message), random);
            spoil(block);
            return block;
        };
    };
    return {{"good", spoilt(forged_key_octets, [](Bytes&) {})},
            {"another length", spoilt(forged_key_octets + 8, [](Bytes&) {})},
            {"no length", spoilt(0, [](Bytes&) {})},
            {"block type 1", spoilt(forged_key_octets, [](Bytes& block) { block[1] = 1; })},
            {"first octet not 0", spoilt(forged_key_octets, [](Bytes& block) { block[0] = 1; })},
            {"zero in the padding", spoilt(forged_key_octets, [modulus](Bytes& block) { block[modulus / 2] = 0; })},
            {"no separator",
             spoilt(forged_key_octets, [modulus](Bytes& block) { block[modulus - forged_key_octets - 1] = 7; })}};
}

Samples time_unwrapping(const Options& options) {
    SystemRandom random;
    const auto key = must(
        keys::key_from_pem(must(keys::generate_private_key_pem(keys::GeneratedKey::rsa2048), "a key"), "key"), "a key");
    const Secret substitute(random.bytes(32));
    const auto modulus = key->public_key().rsa_modulus();
    const auto classes = block_classes(modulus.size(), random);
    Samples samples;
    std::vector<std::vector<Bytes>> ciphertexts;
    for (const auto& [name, make] : classes) {
        samples.names.push_back(name);
        auto& mine = ciphertexts.emplace_back();
        for (std::size_t i = 0; i < pool; ++i) mine.push_back(raw_rsa(key->public_key(), make()));
    }
    take_rounds(samples, options.unwraps, [&](std::size_t which, std::size_t round) {
        const auto& ciphertext = ciphertexts[which][round % pool];
        return microseconds([&] {
            static_cast<void>(must(keys::unwrap_content_key(*key, pkcs1, ciphertext, forged_key_octets, substitute),
                                   "a content key"));
        });
    });
    return samples;
}

// Everything a client sees of an answer but its time, nonces and signature.
std::string shape_of(const HttpReply& reply, const Result<scep::CertRep>& rep) {
    if (!rep) return std::to_string(reply.status) + " " + describe(rep.error());
    return std::to_string(reply.status) + "\n" + reply.head + std::to_string(reply.body.size()) +
           " octets, pkiStatus " + std::to_string(static_cast<int>(rep->status.value_or(scep::PkiStatus::success))) +
           ", failInfo " + std::to_string(static_cast<int>(rep->fail_info.value_or(scep::FailInfo::bad_alg))) +
           rep->fail_info_text;
}

struct Answers {
    Samples samples;
    std::map<std::string, std::size_t> shapes;
};

Answers time_answers(const Options& options) {
    const auto instance = make_instance(options.countersign, fs::path(options.directory) / "oracle");
    ServerProcess server({options.countersignd, "--config", instance.config.string()}, {},
                         instance.directory / "daemon.log");
    if (!server.wait_until_ready(instance.endpoint, 30s)) throw std::runtime_error("countersignd does not come up");
    Forger forger(instance.endpoint);
    using Parts = Forger::Parts;
    const auto modulus = forger.recipient().rsa_modulus().size();
    SystemRandom random;
    const std::vector<std::pair<std::string, std::function<void(Parts&)>>> classes{
        {"unknown challenge", [](Parts&) {}},
        {"no request inside", [&](Parts& parts) { parts.plaintext = forger.random(parts.plaintext.size()); }},
        {"bad block padding", [](Parts& parts) { parts.random_ciphertext = true; }},
        {"another content key", [&](Parts& parts) { parts.key = forger.random(forged_key_octets); }},
        {"short content key",
         [&](Parts& parts) { parts.wrapped = must(forger.recipient().encrypt(pkcs1, forger.random(8)), "a key"); }},
        {"bad RSA padding", [&](Parts& parts) {
             auto block = padded(modulus, parts.key, random);
             block[1] = 1;
             parts.wrapped = raw_rsa(forger.recipient(), block);
         }}};
    Answers result;
    auto& samples = result.samples;
    std::vector<std::vector<Forger::Message>> messages;
    for (const auto& [name, change] : classes) {
        samples.names.push_back(name);
        auto& mine = messages.emplace_back();
        for (std::size_t i = 0; i < pool; ++i) mine.push_back(forger.forge(change));
    }
    HttpConnection connection(instance.endpoint.host, instance.endpoint.port);
    take_rounds(samples, options.answers, [&](std::size_t which, std::size_t round) {
        std::optional<HttpReply> reply;
        const auto time = microseconds([&] { reply = connection.exchange(messages[which][round % pool].http); });
        if (!reply) throw std::runtime_error(samples.names[which] + " was not answered");
        ++result.shapes[shape_of(*reply, forger.read(messages[which][round % pool], *reply))];
        return time;
    });
    return result;
}

nlohmann::json report_answers(const Answers& answers) {
    auto result = report("Whole answers over HTTP", answers.samples);
    std::printf("%zu different answers but for time, nonces and signature:\n", answers.shapes.size());
    for (const auto& [shape, count] : answers.shapes) {
        std::printf("%zu times %s\n", count, shape.c_str());
        result["shapes"].push_back({{"answer", shape}, {"times", count}});
    }
    return result;
}

void run(const Options& options) {
    fs::remove_all(options.directory);
    fs::create_directories(options.directory);
    nlohmann::json result;
    if (options.unwraps > 0) result["unwrapping"] = report("Unwrapping a content key", time_unwrapping(options));
    if (options.answers > 0) result["answers"] = report_answers(time_answers(options));
    if (!options.json.empty()) std::ofstream(options.json) << result.dump(2) << '\n';
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"Measures whether the time of a failure tells what failed."};
    app.add_option("--countersign", options.countersign, "The command line program")->required();
    app.add_option("--countersignd", options.countersignd, "The daemon")->required();
    app.add_option("--directory", options.directory, "Where instances are made; emptied first")->required();
    app.add_option("--json", options.json, "Also write the numbers here");
    app.add_option("--unwraps", options.unwraps, "Rounds of unwrapping; 0: do not measure");
    app.add_option("--answers", options.answers, "Rounds of messages; 0: do not measure");
    CLI11_PARSE(app, argc, argv);
    try {
        run(options);
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "bench_oracle: " << error.what() << '\n';
        return 1;
    }
}
