// The only file that names adapters: which kind of key, CA, challenge and store a word in the configuration stands for.
#include "countersign/app/wire.hpp"

#include "admin_surfaces.hpp"
#include "assembly.hpp"
#include "ca_connection.hpp"
#include "countersign/ca/adcs.hpp"
#include "countersign/ca/cmp.hpp"
#include "countersign/ca/command.hpp"
#include "countersign/ca/est.hpp"
#include "countersign/ca/guard.hpp"
#include "countersign/ca/local.hpp"
#include "countersign/ca/rest.hpp"
#include "countersign/challenge/fixed.hpp"
#include "countersign/challenge/one_time.hpp"
#include "countersign/challenge/ranked.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/hook/command.hpp"
#include "countersign/hook/webhook.hpp"
#include "countersign/http/crl_endpoint.hpp"
#include "countersign/http/scep_endpoint.hpp"
#include "countersign/keys/file_key.hpp"
#include "countersign/keys/pkcs11_key.hpp"
#include "directory_templates.hpp"
#include "files.hpp"
#include "monitoring.hpp"
#include "notifications.hpp"
#include "template_settings.hpp"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>

namespace countersign::app {
namespace {

challenge::OneTimeOptions one_time_options(const config::ProfileSettings& profile) {
    return {profile.name, profile.challenge.bytes, std::chrono::minutes{profile.challenge.valid_minutes},
            profile.challenge.max_outstanding, static_cast<int>(profile.challenge.burn_after_refusals)};
}

Result<Secret> read_pepper(const config::Settings& settings) {
    return read_secret_file(settings.secrets.pepper, 32, "the pepper");
}

// Null without a pepper: whoever assembles profiles says what is wrong with it, and the daemon does not start.
std::shared_ptr<const Secret> request_key_of(const config::Settings& settings) {
    const auto pepper = read_pepper(settings);
    if (!pepper) return nullptr;
    return std::make_shared<const Secret>(
        crypto::hmac_sha256(pepper->reveal(), as_bytes("countersign requests in the store")));
}

class EveryKeySource final : public keys::KeySource {
public:
    EveryKeySource(const std::filesystem::path& directory, keys::Pkcs11Options tokens)
        : files_(directory), tokens_(std::move(tokens)) {}

    Result<std::shared_ptr<keys::Key>> open(std::string_view uri) override {
        TRY(auto* const home, home_of(uri));
        return home->open(uri);
    }
    Result<std::shared_ptr<keys::Key>> generate(std::string_view uri, keys::GeneratedKey kind, keys::KeyUse use,
                                                Random& random) override {
        TRY(auto* const home, home_of(uri));
        return home->generate(uri, kind, use, random);
    }
    Result<void> probe() override {
        CHECK(files_.probe());
        return tokens_.probe();
    }
    void close() override {
        files_.close();
        tokens_.close();
    }

private:
    Result<keys::KeySource*> home_of(std::string_view uri) {
        if (uri.starts_with("file:")) return &files_;
        if (uri.starts_with("pkcs11:")) return &tokens_;
        return fail::malformed(printable(uri) +
                               " is no kind of key this version knows; it knows file:PATH and pkcs11: URIs");
    }

    keys::FileKeySource files_;
    keys::Pkcs11KeySource tokens_;
};

}  // namespace

unsigned worker_count(const config::ServerSettings& server) {
    // More than cores, because workers wait for commits together and a commit is shared by all who wait.
    return server.workers != 0 ? server.workers : std::max(8U, 4 * std::thread::hardware_concurrency());
}

std::shared_ptr<ca::Submissions> make_submissions(const config::Settings& settings) {
    return std::make_shared<ca::Submissions>(worker_count(settings.server) / 2);
}

std::unique_ptr<keys::KeySource> open_key_source(const config::Settings& settings) {
    keys::Pkcs11Options tokens;
    tokens.directory = settings.directory;
    tokens.module = settings.pkcs11.module;
    tokens.sessions = settings.pkcs11.sessions != 0 ? settings.pkcs11.sessions : worker_count(settings.server);
    return std::make_unique<EveryKeySource>(settings.directory, std::move(tokens));
}

Result<std::shared_ptr<keys::Key>> Assembly::open_key(const std::string& uri) {
    return parts_.keys.open(uri);
}

// Which adapter the type of a [ca.NAME] stands for: one line each.
struct Assembly::CaKind {
    std::string_view type;
    Result<std::shared_ptr<ca::Backend>> (Assembly::*open)(const std::string&, const config::CaSettings&);
    static const CaKind all[];
};
const Assembly::CaKind Assembly::CaKind::all[] = {
    {"local", &Assembly::open_local_ca},
    {"exec", &Assembly::open_command_ca},
    {"adcs-web", &Assembly::open_adcs_web_enrollment},
    {"adcs-wstep", &Assembly::open_adcs_web_service},
    {"cmp", &Assembly::open_cmp},
    {"est", &Assembly::open_est},
    {"ejbca", &Assembly::open_ejbca},
    {"vault", &Assembly::open_vault},
    {"step", &Assembly::open_step},
};

Result<std::shared_ptr<ca::Backend>> Assembly::open_backend(const std::string& name, const config::CaSettings& ca) {
    const auto* const kind = std::ranges::find(CaKind::all, ca.type, &CaKind::type);
    if (kind == std::ranges::end(CaKind::all))
        return fail::malformed("this version has no ca type " + printable(ca.type));
    TRY(auto backend, (this->*kind->open)(name, ca));
    if (ca.local()) return backend;
    if (!parts_.submissions) parts_.submissions = make_submissions(settings_);
    const auto pause = std::chrono::seconds{ca.pause_seconds};
    ca::GuardOptions options{name,
                             ca.requests_at_once,
                             ca.queue,
                             ca.failures_to_open,
                             pause,
                             std::max(pause, std::chrono::seconds{120}),
                             std::chrono::seconds{ca.poll_seconds}};
    return std::shared_ptr<ca::Backend>(
        std::make_shared<ca::Guard>(std::move(options), std::move(backend), parts_.submissions, parts_.clock));
}

Result<std::shared_ptr<ca::Backend>> Assembly::open_local_ca(const std::string& name, const config::CaSettings& ca) {
    auto issuer = key_pair(ca.issuer, "the CA");
    if (!issuer) return fail::denied("the CA's own key and certificate could not be loaded");
    CHECK(issuer->key->suits(keys::KeyUse::sign));
    TRY(Secret serial_secret, read_secret_file(ca.serial_secret, 32, "the serial number secret"));

    ca::LocalCaOptions options{name, issuer->certificate, {}, {}, {}, {}, {}};
    if (!ca.chain.empty()) options.chain = certificates_in(ca.chain, ca.place);
    options.crl_urls = ca.crl_urls;
    options.ca_issuers_urls = ca.ca_issuers_urls;
    for (const auto& purpose : ca.extended_key_usage) {
        TRY(auto oid, crypto::extended_key_usage_from_name(purpose));
        options.extended_key_usage.push_back(std::move(oid));
    }
    options.renews_after_expiry = parts_.renews_after_expiry;
    options.max_validity = std::chrono::days{ca.max_validity_days};
    options.crl_validity = std::chrono::hours{ca.crl_validity_hours};
    options.crl_refresh = std::chrono::hours{ca.crl_refresh_hours};
    TRY(auto local, ca::LocalCa::create(std::move(options), issuer->key, std::move(serial_secret),
                                        parts_.database.issued(), parts_.clock));
    return std::shared_ptr<ca::Backend>(std::move(local));
}

Result<std::shared_ptr<ca::Backend>> Assembly::open_command_ca(const std::string& name, const config::CaSettings& ca) {
    ca::CommandCaOptions options;
    options.name = name;
    options.program = ca.command.program;
    options.arguments = ca.command.arguments;
    options.environment = ca.command.environment;
    options.directory = settings_.directory;
    options.time_limit = std::chrono::seconds{ca.command.seconds};
    options.templates = ca_template_names(settings_);
    TRY(options.chain, anchors_of(ca));
    if (::access(options.program.c_str(), X_OK) != 0)
        return fail::denied(options.program.string() + " is no program this user may run");
    return std::shared_ptr<ca::Backend>(std::make_shared<ca::CommandCa>(std::move(options), parts_.clock));
}

Result<std::shared_ptr<ca::Backend>> Assembly::open_adcs_web_enrollment(const std::string& name,
                                                                        const config::CaSettings& ca) {
    TRY(auto options, adcs_options(name, ca, settings_));
    TRY(options.chain, anchors_of(ca));
    TRY(auto http, open_http(ca.connection));
    return std::shared_ptr<ca::Backend>(std::make_shared<ca::AdcsWebEnrollment>(std::move(options), std::move(http)));
}

Result<std::shared_ptr<ca::Backend>> Assembly::open_adcs_web_service(const std::string& name,
                                                                     const config::CaSettings& ca) {
    TRY(auto options, adcs_options(name, ca, settings_));
    TRY(options.chain, anchors_of(ca));
    TRY(auto http, open_http(ca.connection));
    return std::shared_ptr<ca::Backend>(
        std::make_shared<ca::AdcsWebService>(std::move(options), std::move(http), parts_.random));
}

Result<std::unique_ptr<ca::AdcsPolicyService>> open_policy_service(const std::string& name,
                                                                   const config::CaSettings& ca,
                                                                   const config::Settings& settings, Random& random) {
    TRY(auto options, adcs_options(name, ca, settings));
    options.url = ca.policy_url;
    TRY(auto http, open_http(ca.connection));
    return std::make_unique<ca::AdcsPolicyService>(std::move(options), std::move(http), random);
}

Result<std::shared_ptr<ca::Backend>> Assembly::open_cmp(const std::string& name, const config::CaSettings& ca) {
    TRY(auto options, cmp_options(name, ca, settings_));
    TRY(options.chain, anchors_of(ca));
    if (ca.cmp.protection == "signature") {
        const auto service = ra_in_service(ca.cmp.ra);
        if (!service) return fail::denied("the RA whose agent signs could not be loaded");
        const auto& agent = service->identities.at(ra::Role::agent);
        TRY(options.key, open_key(agent.key));
        auto signer = crypto::order_chain(agent.certificate, options.chain);
        options.signer = signer ? *std::move(signer) : std::vector{agent.certificate};
        options.responders = {options.chain.front()};
        if (!ca.cmp.responders.empty()) options.responders = certificates_in(ca.cmp.responders, ca.place);
    }
    TRY(auto http, open_http(ca.connection));
    return std::shared_ptr<ca::Backend>(
        std::make_shared<ca::CmpCa>(std::move(options), std::move(http), parts_.random, parts_.clock));
}

Result<std::shared_ptr<ca::Backend>> Assembly::open_est(const std::string& name, const config::CaSettings& ca) {
    TRY(auto options, est_options(name, ca));
    TRY(options.chain, anchors_of(ca));
    TRY(auto http, open_http(ca.connection));
    return std::shared_ptr<ca::Backend>(std::make_shared<ca::EstCa>(std::move(options), std::move(http), parts_.clock));
}

Result<std::shared_ptr<ca::Backend>> Assembly::open_ejbca(const std::string& name, const config::CaSettings& ca) {
    ca::EjbcaOptions options{rest_options(name, ca, settings_), ca.ejbca.authority, ca.ejbca.end_entity_profile,
                             2 * std::chrono::seconds{ca.connection.answer_seconds}};
    TRY(options.rest.chain, anchors_of(ca));
    TRY(auto http, open_http(ca.connection));
    return std::shared_ptr<ca::Backend>(
        std::make_shared<ca::EjbcaCa>(std::move(options), std::move(http), parts_.random, parts_.clock));
}

Result<std::shared_ptr<ca::Backend>> Assembly::open_vault(const std::string& name, const config::CaSettings& ca) {
    const auto token = [file = ca.vault.token_file] { return read_password_file(file); };
    CHECK(token());
    ca::VaultOptions options{rest_options(name, ca, settings_), ca.vault.mount, ca.vault.namespace_path, token};
    TRY(options.rest.chain, anchors_of(ca));
    TRY(auto http, open_http(ca.connection));
    return std::shared_ptr<ca::Backend>(std::make_shared<ca::VaultCa>(std::move(options), std::move(http)));
}

Result<std::shared_ptr<ca::Backend>> Assembly::open_step(const std::string& name, const config::CaSettings& ca) {
    ca::StepOptions options{rest_options(name, ca, settings_), ca.step.provisioner, nullptr, ca.step.key_id};
    TRY(options.rest.chain, anchors_of(ca));
    TRY(options.key, open_key(ca.step.key));
    const auto algorithm = options.key->public_key().algorithm();
    if (algorithm != crypto::KeyAlgorithm::rsa && algorithm != crypto::KeyAlgorithm::ec_p256)
        return fail::malformed("the provisioner's key is " + std::string(crypto::name(algorithm)) +
                               "; step.key must be P-256 or RSA");
    TRY(auto http, open_http(ca.connection));
    return std::shared_ptr<ca::Backend>(
        std::make_shared<ca::StepCa>(std::move(options), std::move(http), parts_.random, parts_.clock));
}

Result<std::shared_ptr<ca::RevocationLists>> Assembly::open_revocations(const std::string& name,
                                                                        const config::CaSettings& ca) {
    ca::RevocationListOptions options;
    options.name = name;
    for (auto& certificate : certificates_in(ca.issuer.certificate, ca.place)) {
        // Those above the CA may stand in the same file, and one key may have several certificates.
        const bool another =
            !options.issuers.empty() && !certificate.subject().matches(options.issuers.front().subject());
        const bool known = std::ranges::any_of(
            options.issuers, [&](const auto& one) { return one.public_key() == certificate.public_key(); });
        if (!another && !known) options.issuers.push_back(std::move(certificate));
    }
    if (options.issuers.empty()) return fail::denied("the CA's own certificate could not be loaded");
    for (const auto& location : ca.crl) {
        const bool url = location.find("://") != std::string::npos;
        options.locations.push_back(url ? location : (settings_.directory / location).lexically_normal().string());
    }
    options.refresh = std::chrono::minutes{ca.crl_refresh_minutes};
    options.directory = ca.crl_directory;
    options.ledger_alone_when_missing = ca.renewal_without_crl == "allow";
    TRY(auto http, open_anonymous_http(ca.connection, ca::RevocationLists::largest_answer));
    return std::make_shared<ca::RevocationLists>(std::move(options), std::move(http), parts_.clock, parts_.random);
}

Result<std::shared_ptr<challenge::Verifier>> Assembly::open_verifier(const config::ProfileSettings& profile) {
    std::vector<challenge::RankedVerifiers::Entry> accepted;
    for (const char* kind : {"signed", "intune", "one-time", "single-password", "none"}) {
        if (!profile.challenge.accepts(kind)) continue;
        TRY(auto verifier, open_verifier_of_kind(profile, kind));
        accepted.push_back({kind, std::move(verifier)});
    }
    if (accepted.empty()) {
        return fail::malformed("challenge mode " + printable(profile.challenge.mode) +
                               " does not exist; this version knows: signed, intune, one-time, single-password, none");
    }
    if (accepted.size() == 1) return std::move(accepted.front().verifier);
    return std::shared_ptr<challenge::Verifier>(std::make_shared<challenge::RankedVerifiers>(std::move(accepted)));
}

Result<std::shared_ptr<challenge::Verifier>> Assembly::open_verifier_of_kind(const config::ProfileSettings& profile,
                                                                             std::string_view mode) {
    if (mode == "signed") return open_signed_verifier(profile);
    if (mode == "intune") return open_intune_verifier(profile);
    if (mode == "none") return std::shared_ptr<challenge::Verifier>(std::make_shared<challenge::NoPassword>());
    if (mode == "single-password") {
        TRY(Secret password, read_password_file(profile.challenge.password_file));
        return std::shared_ptr<challenge::Verifier>(std::make_shared<challenge::SinglePassword>(std::move(password)));
    }
    if (mode == "one-time") {
        return std::shared_ptr<challenge::Verifier>(std::make_shared<challenge::OneTimePasswords>(
            one_time_options(profile), *pepper_, parts_.database.challenges(), parts_.random));
    }
    return fail::internal("no verifier of kind " + std::string(mode));
}

Wiring assemble(const config::Settings& settings, const SharedParts& parts) {
    return Assembly(settings, parts).build();
}

Result<std::shared_ptr<ca::Backend>> open_ca(const config::Settings& settings, const std::string& name,
                                             const SharedParts& parts) {
    const auto ca = settings.ca.find(name);
    if (ca == settings.ca.end()) return fail::not_found("there is no [ca." + printable(name) + "]");
    return Assembly(settings, parts).open_backend(name, ca->second);
}

Result<std::unique_ptr<challenge::Issuer>> make_issuer(const config::Settings& settings, const std::string& profile,
                                                       store::Database& database, Random& random) {
    const auto found = settings.profiles.find(profile);
    if (found == settings.profiles.end())
        return fail::not_found("there is no profile " + printable(profile) + " in " + settings.file.string());
    if (!found->second.challenge.accepts("one-time")) {
        return fail::denied("profile " + profile + " has challenge mode \"" + found->second.challenge.mode +
                            "\", which mints no passwords");
    }
    TRY(const Secret pepper, read_pepper(settings));
    return std::unique_ptr<challenge::Issuer>(std::make_unique<challenge::OneTimePasswords>(
        one_time_options(found->second), pepper, database.challenges(), random));
}

unsigned hook_workers(const config::Settings& settings) {
    unsigned workers = 0;
    for (const auto& [name, hook] : settings.hooks) workers += hook.at_once + hook.queue;
    return workers;
}

namespace {

Result<std::unique_ptr<hook::Carrier>> open_webhook(const config::HookSettings& settings) {
    const auto& webhook = settings.webhook;
    net::HttpClientOptions options;
    options.connect_timeout = std::chrono::seconds{std::min(webhook.connect_seconds, settings.seconds)};
    options.total_timeout = std::chrono::seconds{settings.seconds};
    options.response_limit = hook::longest_answer;
    options.proxy = webhook.proxy;
    for (const auto& file : {webhook.trust, webhook.client_certificate}) {
        if (!file.empty()) CHECK(read_file(file));
    }
    options.ca_file = webhook.trust.string();
    options.client_certificate = webhook.client_certificate.string();
    options.client_key = webhook.client_key.string();
    if (!webhook.client_key.empty()) CHECK(read_secret_file(webhook.client_key, 1, "the key of the webhook's client"));
    Secret secret;
    if (!webhook.secret.empty()) {
        TRY(const Secret text, read_password_file(webhook.secret));
        auto octets = hook::webhook_secret_from(text.reveal_text());
        if (!octets) return within(webhook.secret.string(), octets.error());
        secret = *std::move(octets);
    }
    return std::unique_ptr<hook::Carrier>(
        std::make_unique<hook::Webhook>(webhook.url, std::move(secret), net::make_http_client(options)));
}

Result<std::unique_ptr<hook::Carrier>> open_hook_command(const config::HookSettings& settings,
                                                         const std::filesystem::path& directory) {
    const auto& command = settings.command;
    if (::access(command.program.c_str(), X_OK) != 0)
        return fail::denied(command.program.string() + " is no program this user may run");
    return std::unique_ptr<hook::Carrier>(std::make_unique<hook::Command>(hook::CommandOptions{
        command.program, command.arguments, command.environment, directory, std::chrono::seconds{settings.seconds}}));
}

// Whoever writes, the daemon or a command, writes down who is to be told.
Result<std::unique_ptr<store::Database>> subscribed(const config::Settings& settings,
                                                    Result<std::unique_ptr<store::Database>> database) {
    if (database) (*database)->outbox().subscribe(subscriptions_of(settings));
    return database;
}

}  // namespace

Result<std::shared_ptr<hook::Hook>> open_hook(const config::Settings& settings, const std::string& name,
                                              const SharedParts& parts) {
    const auto found = settings.hooks.find(name);
    if (found == settings.hooks.end()) return fail::not_found("there is no [hook." + printable(name, 60) + "]");
    const auto& hook = found->second;
    TRY(auto carrier, hook.type == "exec" ? open_hook_command(hook, settings.directory) : open_webhook(hook));
    const auto pause = std::chrono::seconds{hook.pause_seconds};
    hook::HookOptions options;
    options.name = name;
    options.calls.clear();
    for (const auto& word : hook.calls) {
        if (const auto call = hook::call_from(word)) options.calls.insert(*call);
    }
    options.at_once = hook.at_once;
    options.queue = hook.queue;
    options.patience = std::chrono::seconds{hook.seconds};
    options.failures_to_open = hook.failures_to_open;
    options.pause = pause;
    options.longest_pause = std::max(pause, std::chrono::seconds{120});
    return std::make_shared<hook::Hook>(std::move(options), std::move(carrier), parts.clock, parts.random);
}

Result<std::unique_ptr<store::Database>> open_store(const config::Settings& settings) {
    store::DatabaseOptions options;
    options.url = settings.store.url;
    options.request_key = request_key_of(settings);
    return subscribed(settings, store::Database::open(options));
}

Result<std::unique_ptr<store::Database>> open_store_as_daemon(const config::Settings& settings,
                                                              store::CrashPoint crash_point) {
    store::DatabaseOptions options;
    options.url = settings.store.url;
    options.request_key = request_key_of(settings);
    options.as_daemon = true;
    options.crash_point = std::move(crash_point);
    return subscribed(settings, store::Database::open(options));
}

Result<AuditTrail> open_audit(const config::Settings& settings, const Clock& clock,
                              std::function<void(audit::Severity, const std::string&)> also) {
    AuditTrail trail;
    std::vector<std::unique_ptr<audit::Sink>> sinks;
    if (!settings.audit.file.empty()) {
        audit::JsonLinesOptions options;
        options.sync = settings.audit.sync;
        if (also) {
            options.when_broken = [also](const std::string& what) {
                also(audit::Severity::alert, "the file was changed by somebody else: " + what);
            };
        }
        TRY(auto lines, audit::JsonLinesSink::open(settings.audit.file, clock, std::move(options)));
        trail.file = lines.get();
        sinks.push_back(std::move(lines));
    }
    if (!settings.audit.syslog.empty()) {
        TRY(auto syslog, audit::SyslogSink::open(settings.audit.syslog, clock));
        sinks.push_back(std::move(syslog));
    }
    if (also) sinks.push_back(std::make_unique<audit::CallbackSink>(std::move(also), clock));
    trail.sink = std::make_unique<audit::TeeSink>(std::move(sinks));
    return trail;
}

std::shared_ptr<const http::Router> make_router(const config::Settings& settings, const Wiring& wiring,
                                                const AdminSurfaces& admin, ra::Enrollment& enrollment,
                                                const SharedParts& parts,
                                                const std::shared_ptr<const admin::Metrics>& metrics) {
    auto router = std::make_shared<http::Router>();
    for (const auto& [name, profile] : wiring.profiles) {
        const auto endpoint = std::make_shared<http::ScepEndpoint>(
            profile, enrollment, parts.clock,
            has_password_page(settings.profiles.at(name)) ? http::Landing::page : http::Landing::forbidden);
        std::set<std::string> forms;
        for (const auto& path : settings.profiles.at(name).paths) {
            forms.insert({path, path + "/pkiclient.exe"});
            // As IIS answers /certsrv/mscep/ with mscep.dll, so the directory of a .dll path is the endpoint too.
            if (path.ends_with(".dll")) forms.insert(std::filesystem::path(path).parent_path().string());
        }
        for (const auto& form : forms) router->add(form, endpoint);
        add_password_page(*router, settings.profiles.at(name), *profile, admin, parts.clock, endpoint);
    }
    for (const auto& [name, ca] : settings.ca) {
        if (!ca.crl_path.empty())
            router->add(ca.crl_path, std::make_shared<http::CrlEndpoint>(wiring.backends.at(name), parts.clock));
    }
    add_api(*router, admin, parts);
    add_monitoring(*router, settings, wiring, admin, parts, metrics);
    return router;
}

}  // namespace countersign::app
