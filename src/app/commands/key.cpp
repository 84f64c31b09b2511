// countersign key generate|list|test
#include "command.hpp"
#include "command_line.hpp"
#include "countersign/core/text.hpp"
#include "countersign/keys/unwrap.hpp"
#include "key_kinds.hpp"

#include <atomic>
#include <thread>

namespace countersign::app {
namespace {

struct KeyOptions : CommonOptions {
    std::string uri;
    keys::GeneratedKey kind = keys::GeneratedKey::rsa3072;
    keys::KeyUse use = keys::KeyUse::sign;
    unsigned seconds = 1;
    unsigned threads = 4;
};

struct ConfiguredKey {
    std::string role;  // as the configuration names it: "ra.default.agent"
    std::string uri;
    keys::KeyUse use = keys::KeyUse::sign;
};

std::vector<ConfiguredKey> configured_keys(const config::Settings& settings) {
    std::vector<ConfiguredKey> keys;
    for (const auto& [name, ra] : settings.ra) {
        keys.push_back({"ra." + name + ".agent", ra.agent.key, keys::KeyUse::sign});
        keys.push_back({"ra." + name + ".encryption", ra.encryption.key, keys::KeyUse::unwrap});
        for (const auto& previous : ra.previous_encryption)
            keys.push_back({"ra." + name + ".previous_encryption", previous.key, keys::KeyUse::unwrap});
    }
    for (const auto& [name, ca] : settings.ca) {
        if (!ca.issuer.key.empty()) keys.push_back({"ca." + name, ca.issuer.key, keys::KeyUse::sign});
    }
    return keys;
}

std::string_view name(keys::KeyUse use) {
    return use == keys::KeyUse::sign ? "sign" : "decrypt";
}

// Here, not in the configuration's directory, is where the person at the command line is. What holds a PIN is not
// repeated, not even in an error.
std::string absolute_uri(const std::string& uri) {
    if (to_lower(uri).find("pin-value") != std::string::npos)
        throw StartupError(fail::malformed("the URI holds a PIN (pin-value); write pin-source=file:/PATH instead"));
    if (!uri.starts_with("file:") || uri.starts_with("file:/")) return uri;
    return "file:" + std::filesystem::absolute(uri.substr(5)).lexically_normal().string();
}

int key_generate(const KeyOptions& options, Console& console) {
    const auto settings = load_or_throw(options.config, [](const std::string&) {});
    const auto source = open_key_source(settings);
    const std::string uri = absolute_uri(options.uri);
    const auto key = or_throw(source->generate(uri, options.kind, options.use, console.random));
    if (options.json) {
        print_json(console, {{"key", uri},
                             {"description", key->describe()},
                             {"use", name(options.use)},
                             {"spki_sha256", key->public_key().fingerprint()}});
    } else {
        console.out << key->describe() << "\n";
    }
    return exit_done;
}

// A key as it is now; the reason for which it is of no use otherwise.
struct Looked {
    std::shared_ptr<keys::Key> key;
    std::string trouble;
};

Looked look(keys::KeySource& source, const ConfiguredKey& wanted) {
    auto key = source.open(wanted.uri);
    if (!key) return {nullptr, key.error().detail};
    const auto suited = (*key)->suits(wanted.use);
    return {*key, suited ? "" : suited.error().detail};
}

int key_list(const KeyOptions& options, Console& console) {
    const auto settings = load_or_throw(options.config, [](const std::string&) {});
    const auto source = open_key_source(settings);
    auto list = nlohmann::ordered_json::array();
    std::vector<std::vector<std::string>> rows;
    bool good = true;
    for (const ConfiguredKey& one : configured_keys(settings)) {
        const Looked looked = look(*source, one);
        good = good && looked.trouble.empty();
        const std::string description = looked.key ? looked.key->describe() : printable(one.uri);
        list.push_back({{"role", one.role},
                        {"key", one.uri},
                        {"use", name(one.use)},
                        {"description", description},
                        {"spki_sha256", looked.key ? looked.key->public_key().fingerprint() : ""},
                        {"usable", looked.trouble.empty()},
                        {"problem", looked.trouble}});
        rows.push_back({one.role, std::string(name(one.use)), looked.trouble.empty() ? "usable" : "NOT USABLE",
                        looked.trouble.empty() ? description : printable(looked.trouble, 400)});
    }
    if (options.json) {
        print_json(console, list);
    } else {
        print_table(console, {"ROLE", "USE", "STATE", "KEY"}, rows);
    }
    return good ? exit_done : exit_refused;
}

// One operation, checked with the public half.
Result<void> work_once(keys::Key& key, keys::KeyUse use, const Bytes& wrapped, const Bytes& content,
                       const Secret& substitute) {
    if (use == keys::KeyUse::sign) {
        const auto message = as_bytes("countersign key test");
        const auto scheme = key.public_key().scheme_with(crypto::DigestAlgorithm::sha256);
        TRY(const Bytes signature, key.sign(scheme, message));
        return key.public_key().verify(scheme, message, signature);
    }
    TRY(const Secret opened, keys::unwrap_content_key(key, {}, wrapped, content.size(), substitute));
    if (opened.equals(content)) return boost::system::in_place_value;
    return fail::internal("the key opened an envelope to something else");
}

struct Measured {
    double per_second = 0;
    std::string trouble;
};

Measured measure(keys::Key& key, keys::KeyUse use, const KeyOptions& options, Random& random) {
    const Bytes content = random.bytes(16);
    const Secret substitute(random.bytes(32));
    Bytes wrapped;
    if (use == keys::KeyUse::unwrap) wrapped = or_throw(key.public_key().encrypt({}, content));
    if (const auto first = work_once(key, use, wrapped, content, substitute); !first) return {0, first.error().detail};

    std::atomic<unsigned> done{0};
    std::mutex mutex;
    std::string trouble;
    const auto begin = std::chrono::steady_clock::now();
    const auto end = begin + std::chrono::seconds(options.seconds);
    {
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < options.threads; ++i) {
            threads.emplace_back([&] {
                while (std::chrono::steady_clock::now() < end) {
                    const auto worked = work_once(key, use, wrapped, content, substitute);
                    if (worked) {
                        ++done;
                        continue;
                    }
                    const std::lock_guard lock(mutex);
                    trouble = worked.error().detail;
                    return;
                }
            });
        }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    return {done / took.count(), trouble};
}

std::vector<ConfiguredKey> asked_for(const KeyOptions& options, const config::Settings& settings) {
    auto keys = configured_keys(settings);
    if (options.uri.empty()) return keys;
    const std::string uri = absolute_uri(options.uri);
    std::erase_if(keys, [&](const ConfiguredKey& one) { return one.role != options.uri && one.uri != uri; });
    if (keys.empty()) keys.push_back({"-", uri, options.use});
    return keys;
}

int key_test(const KeyOptions& options, Console& console) {
    const auto settings = load_or_throw(options.config, [](const std::string&) {});
    const auto source = open_key_source(settings);
    auto list = nlohmann::ordered_json::array();
    std::vector<std::vector<std::string>> rows;
    bool good = true;
    for (const ConfiguredKey& one : asked_for(options, settings)) {
        const Looked looked = look(*source, one);
        Measured measured{0, looked.trouble};
        if (measured.trouble.empty()) measured = measure(*looked.key, one.use, options, console.random);
        good = good && measured.trouble.empty();
        list.push_back({{"role", one.role},
                        {"key", one.uri},
                        {"use", name(one.use)},
                        {"works", measured.trouble.empty()},
                        {"operations_per_second", measured.per_second},
                        {"threads", options.threads},
                        {"problem", measured.trouble}});
        rows.push_back({one.role, std::string(name(one.use)), measured.trouble.empty() ? "works" : "FAILED",
                        std::to_string(static_cast<unsigned>(measured.per_second)),
                        measured.trouble.empty() ? looked.key->describe() : printable(measured.trouble, 400)});
    }
    if (options.json) {
        print_json(console, list);
    } else {
        print_table(console, {"ROLE", "USE", "STATE", "PER SECOND", "KEY"}, rows);
    }
    return good ? exit_done : exit_refused;
}

void add_use_option(CLI::App& command, KeyOptions& options) {
    static const std::map<std::string, keys::KeyUse> uses{{"sign", keys::KeyUse::sign},
                                                          {"decrypt", keys::KeyUse::unwrap}};
    command.add_option("--use", options.use, "sign (agent and CA keys, default) or decrypt (CEP encryption keys)")
        ->transform(CLI::CheckedTransformer(uses).description(""))
        ->type_name("USE");
}

}  // namespace

void add_key_commands(CLI::App& app, Chosen& chosen, Console& console) {
    auto* group = app.add_subcommand("key", "Make, list and try private keys in files and tokens");
    group->require_subcommand(1);
    const auto options = std::make_shared<KeyOptions>();

    auto* generate = group->add_subcommand("generate", "Make a new key; nothing is overwritten");
    generate->add_option("KEY", options->uri, "file:PATH, or pkcs11:token=...;object=...?pin-source=file:PATH")
        ->required();
    add_common_options(*generate, *options);
    generate->add_option("--type", options->kind, "rsa2048, rsa3072 (default), rsa4096, p256, p384")
        ->transform(CLI::CheckedTransformer(key_kinds()).description(""))
        ->type_name("KIND");
    add_use_option(*generate, *options);
    generate->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return key_generate(*options, console); }; });

    auto* list = group->add_subcommand("list", "Say which keys the configuration names and whether they can be used");
    add_common_options(*list, *options);
    list->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return key_list(*options, console); }; });

    auto* test = group->add_subcommand("test", "Sign and decrypt, check the results, and say how fast that was");
    test->add_option("KEY", options->uri, "A URI, or a role as `key list` shows it; else every configured key");
    add_common_options(*test, *options);
    add_use_option(*test, *options);
    test->add_option("--seconds", options->seconds, "For how long")->check(CLI::Range(1, 3600))->capture_default_str();
    test->add_option("--threads", options->threads, "How many at a time")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    test->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return key_test(*options, console); }; });
}

}  // namespace countersign::app
