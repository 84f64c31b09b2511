#include "command.hpp"
#include "command_line.hpp"
#include "countersign/admin/password_hash.hpp"
#include "countersign/ca/local.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/oid.hpp"
#include "countersign/store/ledger_entry.hpp"
#include "files.hpp"
#include "key_kinds.hpp"
#include "new_instance.hpp"
#include "service_files.hpp"
#include "staging.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

namespace countersign::app {
namespace {

struct InitOptions {
    std::filesystem::path directory;
    std::string listen = "127.0.0.1:8080";
    std::string admin_user = "administrator";
    keys::GeneratedKey ca_key = keys::GeneratedKey::rsa3072;
    ca::NewCaOptions ca;
    std::string token;
    std::string store = default_store_url;
    std::filesystem::path config;  // empty: in the directory
    std::string owner;             // empty: whoever runs this
    bool json = false;
};

constexpr std::chrono::days ra_validity{1825};

std::string host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
    return name.data();
}

// 20 letters and digits that nobody confuses: 100 bits.
Secret random_password(Random& random) {
    constexpr std::string_view alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
    static_assert(alphabet.size() == 32);
    const Secret octets(random.bytes(20));
    std::string text;
    for (const std::uint8_t octet : octets.reveal()) text += alphabet[octet % alphabet.size()];
    Secret password(text);
    wipe_memory(text.data(), text.size());
    return password;
}

struct Authority {
    crypto::Certificate ca;
    crypto::Certificate agent;
    crypto::Certificate encryption;
};

// The EKU constraint of a CA covers the RA's certificates too: without the agent's EKU nobody could verify them.
ca::NewCaOptions completed(ca::NewCaOptions options) {
    for (std::string& usage : options.extended_key_usage) usage = or_throw(crypto::extended_key_usage_from_name(usage));
    const std::string agent(oid::ms_certificate_request_agent);
    auto& usages = options.extended_key_usage;
    if (!usages.empty() && std::ranges::find(usages, agent) == usages.end()) usages.push_back(agent);
    return options;
}

Authority make_authority(StagedDirectory& staged, const InitOptions& options, const InstanceAddresses& addresses,
                         const InstanceKeys& keys, Console& console) {
    const auto settings = load_or_throw(staged.path() / "countersign.toml", [](const std::string&) {});
    const auto source = open_key_source(settings);
    const auto make = [&](const std::string& uri, keys::GeneratedKey kind, keys::KeyUse use) {
        return or_throw(source->generate(uri, kind, use, console.random));
    };
    const Time now = console.clock.now();
    const std::vector<std::string> crl_urls{addresses.scep_base + default_crl_path};
    const auto ca_key = make(keys.ca, options.ca_key, keys::KeyUse::sign);
    const auto ca = or_throw(ca::make_root_certificate(completed(options.ca), *ca_key, now, console.random));
    // Clients encrypt to RSA keys alone, and few verify another signature.
    const auto agent_key = make(keys.agent, keys::GeneratedKey::rsa2048, keys::KeyUse::sign);
    const auto encryption_key = make(keys.encryption, keys::GeneratedKey::rsa2048, keys::KeyUse::unwrap);
    make(keys.audit, keys::GeneratedKey::ec_p256, keys::KeyUse::sign);
    Authority authority{
        ca,
        or_throw(ca::make_ra_certificate(ca::RaRole::agent, "CN=Countersign Enrollment Agent", agent_key->public_key(),
                                         ra_validity, ca, *ca_key, crl_urls, now, console.random)),
        or_throw(ca::make_ra_certificate(ca::RaRole::encryption, "CN=Countersign CEP Encryption",
                                         encryption_key->public_key(), ra_validity, ca, *ca_key, crl_urls, now,
                                         console.random))};
    staged.write("ca/ca.pem", as_bytes(authority.ca.pem()), 0644);
    staged.write("ra/agent.pem", as_bytes(authority.agent.pem()), 0644);
    staged.write("ra/encryption.pem", as_bytes(authority.encryption.pem()), 0644);
    return authority;
}

// Through the configuration just written, so that an instance that would not load is never published.
void make_store(const StagedDirectory& staged, const Authority& authority) {
    const auto settings = load_or_throw(staged.path() / "countersign.toml", [](const std::string&) {});
    store::DatabaseOptions store_options;
    store_options.url = settings.store.url;
    // Before anything is changed there; a SQLite file of our own does not exist yet.
    const bool elsewhere = !settings.store.url.starts_with("sqlite:");
    if (elsewhere && or_throw(store::Database::status(store_options)).found != 0) {
        throw StartupError(
            fail::conflict("the database of --store holds an instance already; nothing is overwritten: name"
                           " an empty one"));
    }
    or_throw(store::Database::migrate(store_options));
    const auto database = or_throw(open_store(settings));
    or_throw(database->issued().insert(store::ledger_entry(authority.ca, "default", "ca")));
    or_throw(database->issued().insert(store::ledger_entry(authority.agent, "default", "ra")));
    or_throw(database->issued().insert(store::ledger_entry(authority.encryption, "default", "ra")));
    database->close();
}

void check_start(const StagedDirectory& staged) {
    for (const config::Finding& finding : check_everything(staged.path() / "countersign.toml")) {
        if (finding.level == config::FindingLevel::error) {
            throw StartupError(fail::internal("the new instance would not start: " + config::describe(finding)));
        }
    }
}

void report(const InitOptions& options, const InstanceAddresses& addresses, const Authority& authority,
            const Secret& password, Console& console) {
    auto directory = std::filesystem::absolute(options.directory).lexically_normal();
    if (!directory.has_filename()) directory = directory.parent_path();
    const auto config =
        options.config.empty() ? directory / "countersign.toml" : std::filesystem::absolute(options.config);
    const nlohmann::ordered_json json{{"config", config.string()},
                                      {"scep_url", addresses.scep_base + default_scep_path},
                                      {"admin_url", addresses.admin_base + default_admin_path + "/"},
                                      {"admin_user", options.admin_user},
                                      {"admin_password", password.reveal_text()},
                                      {"ca_sha256", authority.ca.fingerprint_sha256()}};
    if (options.json) return print_json(console, json);
    for (const auto& [key, value] : json.items()) {
        console.out << key << ":" << std::string(16 - key.size(), ' ') << value.get<std::string>() << "\n";
    }
    console.out << "\nThe password is shown this once. Start the server:\n  countersignd --config "
                << json["config"].get<std::string>() << "\n";
}

// A directory that failed is removed; what was made in a token stays, and nobody but the operator may take it out.
template <class Work>
auto noting_leftovers(const Work& work, const InstanceKeys& keys) {
    try {
        return work();
    } catch (const StartupError& error) {
        throw StartupError(
            Error{error.error().kind, error.error().detail + "\nKeys made before that stay in the token; look for " +
                                          keys.agent + ", " + keys.encryption + ", " + keys.ca + " and " + keys.audit});
    }
}

// The instance as it stands, configured from elsewhere: relative paths stay below its directory.
void move_config(const InitOptions& options, const std::optional<Owner>& owner) {
    const auto directory = std::filesystem::absolute(options.directory).lexically_normal();
    const auto inside = directory / "countersign.toml";
    const std::string text = or_throw(read_file(inside));
    put_config(options.config,
               "# Where everything else of this instance is.\ndirectory = \"" + directory.string() + "\"\n\n" + text,
               owner);
    std::filesystem::remove(inside);
}

// As a TOML string, without escapes.
bool fits_in_quotes(const std::string& text) {
    return std::ranges::none_of(text, [](unsigned char c) { return c == '"' || c == '\\' || c < 0x20 || c == 0x7f; });
}

int init(const InitOptions& options, Console& console) {
    if (!options.config.empty()) require_unused(options.config);
    if (!options.config.empty() && !fits_in_quotes(options.directory.string()))
        throw StartupError(fail::malformed("DIR has a quote or a backslash, which --config cannot write down"));
    if (!fits_in_quotes(options.store) ||
        (options.store != default_store_url && !options.store.starts_with("postgresql://"))) {
        throw StartupError(fail::malformed("--store: write postgresql://USER@HOST/DATABASE"));
    }
    const auto owner = options.owner.empty() ? std::nullopt : std::optional(owner_named(options.owner));
    const auto addresses = or_throw(InstanceAddresses::from(options.listen, host_name()));
    const auto keys = options.token.empty() ? InstanceKeys() : or_throw(InstanceKeys::in_token(options.token));
    StagedDirectory staged(options.directory);
    for (const char* directory : {"ca", "ra", "secrets"}) staged.make_directory(directory);
    staged.write_secret("secrets/pepper", Secret(console.random.bytes(32)));
    staged.write_secret("secrets/serial", Secret(console.random.bytes(32)));
    const Secret password = random_password(console.random);
    const std::string hash = or_throw(admin::hash_password(password, console.random));
    staged.write_text("countersign.toml", configuration_text(addresses, keys, options.store, options.admin_user, hash));
    const auto finish = [&] {
        Authority made = make_authority(staged, options, addresses, keys, console);
        make_store(staged, made);
        check_start(staged);
        if (owner) give_to(staged.path(), *owner);
        staged.publish();
        if (!options.config.empty()) move_config(options, owner);
        return made;
    };
    const Authority authority = options.token.empty() ? finish() : noting_leftovers(finish, keys);
    report(options, addresses, authority, password, console);
    return exit_done;
}

}  // namespace

void add_init_command(CLI::App& app, Chosen& chosen, Console& console) {
    const auto options = std::make_shared<InitOptions>();
    auto* command =
        app.add_subcommand("init", "Make a self-contained instance: configuration, store, CA, RA, one administrator");
    command->add_option("DIR", options->directory, "Where; must not exist or be empty")->required();
    command->add_option("--listen", options->listen, "Where the daemon will listen")
        ->type_name("HOST:PORT")
        ->capture_default_str();
    command->add_option("--ca-subject", options->ca.subject, "Subject of the CA (RFC 4514)")
        ->type_name("DN")
        ->capture_default_str();
    command->add_option("--ca-key", options->ca_key, "Key of the CA: rsa2048, rsa3072 (default), rsa4096, p256, p384")
        ->transform(CLI::CheckedTransformer(key_kinds()).description(""))
        ->type_name("KIND");
    command
        ->add_option("--token", options->token,
                     "Make every key in this token: pkcs11:token=LABEL?pin-source=file:/PATH, with &module-path=/FILE "
                     "where p11-kit does not know the module")
        ->type_name("URI");
    command
        ->add_option(
            "--store", options->store,
            "An empty PostgreSQL database for several nodes: postgresql://USER@HOST/DATABASE. Default: a SQLite "
            "file in DIR")
        ->type_name("URL");
    command
        ->add_option("--permit", options->ca.permitted_names,
                     "Name the CA is constrained to, like dns:example.com; repeatable")
        ->type_name("TYPE:NAME")
        ->allow_extra_args(false);
    command->add_option("--exclude", options->ca.excluded_names, "Name the CA must not certify; repeatable")
        ->type_name("TYPE:NAME")
        ->allow_extra_args(false);
    command
        ->add_option("--eku", options->ca.extended_key_usage, "Extended key usage the CA is constrained to; repeatable")
        ->type_name("NAME")
        ->allow_extra_args(false);
    command->add_option("--admin-user", options->admin_user, "Name of the administrator's account")
        ->check([](const std::string& name) {
            const bool good = !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](unsigned char c) {
                return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_';
            });
            return good ? std::string() : std::string("letters, digits, - and _ only");
        })
        ->capture_default_str();
    command
        ->add_option("--config", options->config,
                     "Put the configuration here instead, where nothing but comments may be so far")
        ->type_name("FILE");
    command->add_option("--owner", options->owner, "User of the service that the instance is for (as root)")
        ->type_name("USER");
    command->add_flag("--json", options->json, "Print JSON");
    command->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return init(*options, console); }; });
}

}  // namespace countersign::app
