// The ways to sign in: which class a word in a listener's sign_in stands for, and what it needs to work.
#include "admin_surfaces.hpp"
#include "ca_connection.hpp"
#include "countersign/admin/basic.hpp"
#include "countersign/admin/client_certificate.hpp"
#include "countersign/admin/negotiate.hpp"
#include "countersign/admin/ntlm.hpp"
#include "countersign/core/text.hpp"
#include "files.hpp"

#include <algorithm>

namespace countersign::app {
namespace {

using AccountsPtr = std::shared_ptr<const admin::Accounts>;
using Made = Result<std::shared_ptr<admin::Scheme>>;

admin::ChannelBinding binding_from(const std::string& word) {
    if (word == "required") return admin::ChannelBinding::required;
    return word == "when-offered" ? admin::ChannelBinding::when_offered : admin::ChannelBinding::off;
}

Made make_negotiate(const config::SignInSettings& settings, const AccountsPtr& accounts) {
    // The library would take a keytab that everybody reads.
    if (const auto keytab = read_secret_file(settings.keytab, 2, "the keytab"); !keytab)
        return within("sign_in.keytab", keytab.error());
    auto made = admin::Negotiate::create(
        {settings.keytab.string(), settings.service, binding_from(settings.channel_binding)}, accounts);
    if (!made) return within(settings.service.empty() ? "sign_in.keytab" : "sign_in.service", made.error());
    return std::shared_ptr<admin::Scheme>(*std::move(made));
}

Made make_ntlm(const config::SignInSettings& settings, const AccountsPtr& accounts) {
    if (const auto users = read_secret_file(settings.ntlm_users, 1, "the list of NTLM users"); !users)
        return within("sign_in.ntlm_users", users.error());
    const bool required = settings.ntlm_channel_binding == "required";
    auto made = admin::Ntlm::create({settings.ntlm_users.string(),
                                     required ? admin::ChannelBinding::required : admin::ChannelBinding::when_offered},
                                    accounts);
    if (!made) return within("sign_in.ntlm", made.error());
    return std::shared_ptr<admin::Scheme>(*std::move(made));
}

Result<crypto::ClientTrust> trust_in(const std::filesystem::path& file) {
    TRY(const auto text, read_file(file));
    auto pool = crypto::Certificate::all_from_pem(text);
    if (!pool) return within(file.string(), pool.error());
    auto trust = crypto::ClientTrust::of(*pool);
    if (!trust) return within(file.string(), trust.error());
    return trust;
}

Made make_certificate(const config::Settings& settings, const AccountsPtr& accounts, const Clock& clock) {
    std::map<std::string, admin::ProxyCertificates> proxies;
    for (const auto& listener : settings.listeners) {
        if (!listener.offers("certificate") || listener.client_certificate_header.empty()) continue;
        auto trust = trust_in(listener.client_certificate_ca);
        if (!trust) return within(listener.place.key + ".client_certificate_ca", trust.error());
        proxies.emplace(listener.address,
                        admin::ProxyCertificates{to_lower(listener.client_certificate_header), *std::move(trust)});
    }
    return std::shared_ptr<admin::Scheme>(
        std::make_shared<admin::ClientCertificate>(std::move(proxies), accounts, clock));
}

}  // namespace

void prepare_process(const config::Settings& settings) {
    if (settings.sign_in.ntlm && !settings.sign_in.ntlm_users.empty())
        admin::prepare_process_for_ntlm(settings.sign_in.ntlm_users.string());
    prepare_process_for_kerberos(settings);
}

Result<Schemes> make_schemes(const config::Settings& settings, const SharedParts& parts) {
    const auto offered = [&](std::string_view scheme) {
        return std::ranges::any_of(settings.listeners, [&](const auto& listener) { return listener.offers(scheme); });
    };
    const auto accounts = accounts_of(settings);
    Schemes schemes;
    if (offered("basic")) schemes["basic"] = std::make_shared<admin::Basic>(accounts, parts.clock, parts.random);
    if (offered("negotiate")) {
        TRY(schemes["negotiate"], make_negotiate(settings.sign_in, accounts));
    }
    if (offered("ntlm")) {
        TRY(schemes["ntlm"], make_ntlm(settings.sign_in, accounts));
    }
    if (offered("certificate")) {
        TRY(schemes["certificate"], make_certificate(settings, accounts, parts.clock));
    }
    return schemes;
}

std::optional<config::Finding> check_sign_in(const config::Settings& settings, const SharedParts& parts) {
    const auto schemes = make_schemes(settings, parts);
    if (schemes) return std::nullopt;
    return config::Finding{config::FindingLevel::error, settings.sign_in.place, schemes.error().detail,
                           "see `countersign config explain sign_in`"};
}

}  // namespace countersign::app
