#include "admin_surfaces.hpp"

#include "countersign/admin/password_page.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"
#include "files.hpp"

namespace countersign::app {

std::shared_ptr<const admin::Accounts> accounts_of(const config::Settings& settings) {
    std::vector<admin::Account> accounts;
    for (const auto& [name, account] : settings.accounts) {
        admin::Account entry;
        entry.name = name;
        entry.password_hash = account.password_hash;
        entry.roles = admin::roles_from(account.roles);
        entry.profiles = account.profiles;
        entry.templates = account.templates;
        entry.principals = account.principals;
        entry.certificates = account.certificates;
        entry.max_outstanding = account.max_outstanding;
        accounts.push_back(std::move(entry));
    }
    return std::make_shared<const admin::Accounts>(std::move(accounts), settings.sign_in.realms);
}

namespace {

// The embedded CA revokes by the ledger; one that revokes nothing through us (AD CS) is told by people.
std::function<Result<admin::RevokedWhere>(const std::string&, const std::string&, int, Time)> revocation_at(
    const config::Settings& settings, const SharedParts& parts) {
    using admin::RevokedWhere;
    return [settings, parts](const std::string& ca, const std::string& serial, int reason,
                             Time when) -> Result<RevokedWhere> {
        const auto known = settings.ca.find(ca);
        if (known == settings.ca.end()) return RevokedWhere::here_alone;
        if (known->second.local()) return RevokedWhere::at_the_ca;
        TRY(const auto backend, open_ca(settings, ca, parts));
        auto* revoker = backend->revoker();
        if (revoker == nullptr) return RevokedWhere::here_alone;
        CHECK(revoker->revoke(serial, reason, when));
        return RevokedWhere::at_the_ca;
    };
}

// The hooks that enrollments use too, where there are any already.
Result<std::shared_ptr<hook::Hook>> hook_of(const config::Settings& settings, const std::string& name,
                                            const SharedParts& parts) {
    if (!parts.hooks) return open_hook(settings, name, parts);
    const auto found = parts.hooks->find(name);
    if (found == parts.hooks->end()) return fail::not_found("there is no [hook." + printable(name, 60) + "]");
    return found->second;
}

// Of several kinds, the strongest that can be shown to an administrator; signed challenges are nobody's to see.
std::string shown_mode(const config::ChallengeSettings& challenge) {
    for (const char* kind : {"one-time", "single-password"}) {
        if (challenge.accepts(kind)) return kind;
    }
    return challenge.mode;
}

}  // namespace

Result<std::shared_ptr<admin::Desk>> make_desk(const config::Settings& settings, const SharedParts& parts,
                                               audit::Sink& audit) {
    std::map<std::string, admin::ProfileDesk> profiles;
    for (const auto& [name, profile] : settings.profiles) {
        admin::ProfileDesk desk;
        desk.mode = shown_mode(profile.challenge);
        desk.templates = {profile.template_signature, profile.template_encryption, profile.template_general_purpose};
        desk.valid = std::chrono::minutes{profile.challenge.valid_minutes};
        if (desk.mode == "one-time") {
            TRY(desk.issuer, make_issuer(settings, name, parts.database, parts.random));
        }
        if (!profile.hook.empty()) {
            TRY(desk.hook, hook_of(settings, profile.hook, parts));
        }
        profiles.emplace(name, std::move(desk));
    }
    return std::make_shared<admin::Desk>(
        admin::DeskParts{parts.database.challenges(), parts.database.transactions(), parts.database.issued(), audit,
                         parts.clock, revocation_at(settings, parts), &parts.database.outbox()},
        std::move(profiles));
}

Result<AdminSurfaces> make_admin_surfaces(const config::Settings& settings, const SharedParts& parts,
                                          audit::Sink& audit) {
    AdminSurfaces surfaces;
    TRY(surfaces.desk, make_desk(settings, parts, audit));
    TRY(const auto schemes, make_schemes(settings, parts));
    std::map<std::string, admin::ListenerSignIn> listeners;
    for (const auto& listener : settings.listeners) {
        admin::ListenerSignIn entry;
        entry.plain_http = listener.allow_plain_admin;
        for (const auto& name : listener.sign_in) {
            if (listener.offers(name)) entry.schemes.push_back(schemes.at(name));
        }
        listeners.emplace(listener.address, std::move(entry));
    }
    surfaces.sign_in = std::make_shared<admin::SignIn>(std::move(listeners), audit, parts.clock);
    return surfaces;
}

bool has_password_page(const config::ProfileSettings& settings) {
    const auto mode = shown_mode(settings.challenge);
    return mode == "one-time" || mode == "single-password" || mode == "none";
}

void add_password_page(http::Router& router, const config::ProfileSettings& settings, const ra::Profile& profile,
                       const AdminSurfaces& admin, const Clock& clock, const std::shared_ptr<net::Endpoint>& scep) {
    if (!has_password_page(settings)) return;
    const auto& challenge = settings.challenge;
    admin::PasswordPageOptions options;
    options.profile = settings.name;
    options.mode = shown_mode(challenge);
    options.valid = std::chrono::minutes{challenge.valid_minutes};
    options.max_outstanding = challenge.max_outstanding;
    options.ca_thumbprint = crypto::digest(crypto::DigestAlgorithm::md5, profile.ca_chain.front().der());
    options.notice = [&clock, agent = profile.agent]() -> std::string {
        if (agent->identity().certificate.valid_at(clock.now())) return {};
        return "the certificate of this server is not valid now, so it enrolls nobody. Renew it: countersign ra "
               "status.";
    };
    if (options.mode == "single-password") {
        auto password = read_password_file(challenge.password_file);
        if (!password) throw StartupError(password.error());
        options.single_password = *std::move(password);
    }
    const auto page = std::make_shared<admin::PasswordPage>(std::move(options), admin.desk, admin.sign_in, scep);
    for (const auto& path : settings.admin_paths) {
        router.add(path, page);
        router.add(path + "/mscep.dll", page);
    }
}

}  // namespace countersign::app
