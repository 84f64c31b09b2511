#include "assembly.hpp"

#include "countersign/core/file.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/crypto/oid.hpp"
#include "countersign/policy/blocked_keys.hpp"
#include "countersign/scep/capabilities.hpp"
#include "files.hpp"
#include "template_settings.hpp"

#include <algorithm>

namespace countersign::app {

using config::Finding;
using config::FindingLevel;
using config::Place;

Wiring Assembly::build() {
    auto pepper = read_secret_file(settings_.secrets.pepper, 32, "the pepper");
    if (pepper) {
        pepper_ = *std::move(pepper);
    } else {
        error(settings_.secrets.place, pepper.error().detail,
              "put at least 32 random octets there, readable by the service alone: "
              "openssl rand -out FILE 32 && chmod 600 FILE");
    }
    build_hooks();
    for (const auto& [name, ca] : settings_.ca) build_backend(name, ca);
    for (const auto& [name, profile] : settings_.profiles) build_profile(profile);
    build_receivers();
    return std::move(wiring_);
}

void Assembly::build_hooks() {
    if (parts_.hooks) {
        wiring_.hooks = parts_.hooks;
        return;
    }
    Hooks hooks;
    for (const auto& [name, hook] : settings_.hooks) {
        auto opened =
            note(hook.place, open_hook(settings_, name, parts_), "see `countersign config explain hook." + name + "`");
        if (opened) hooks.emplace(name, *std::move(opened));
    }
    wiring_.hooks = std::make_shared<const Hooks>(std::move(hooks));
}

void Assembly::build_backend(const std::string& name, const config::CaSettings& ca) {
    auto backend = note(ca.place, open_backend(name, ca), "see `countersign config explain ca`");
    if (!backend) return;
    const auto now = parts_.clock.now();
    for (const auto& certificate : (*backend)->chain()) {
        if (certificate.not_after() - now < std::chrono::days{60}) {
            warning(ca.place,
                    "the CA certificate " + certificate.subject().text() + " expires on " +
                        to_rfc3339(certificate.not_after()),
                    "plan its renewal");
        }
    }
    wiring_.backends.emplace(name, *std::move(backend));
    if (!ca.crl.empty()) build_revocations(name, ca);
}

void Assembly::build_templates(ra::Profile& profile) {
    for (const auto& [name, rules] : settings_.templates) {
        auto made = note(rules.place, to_template(rules), "see `countersign config explain template`");
        if (!made) continue;
        if (!rules.blocked_keys.empty()) {
            auto blocked = note(rules.place, blocked_keys_in(rules.blocked_keys),
                                "see `countersign config explain template.*.blocked_keys`");
            if (!blocked) continue;
            made->key.blocked = *std::move(blocked);
        }
        profile.templates.emplace(name, *std::move(made));
    }
}

Result<std::shared_ptr<const policy::BlockedKeys>> Assembly::blocked_keys_in(const std::string& file) {
    constexpr std::size_t octets = 64 * 1024 * 1024;  // every list of weak keys there is has room in this
    auto& keys = blocked_keys_[file];
    if (keys) return keys;
    TRY(const auto text, read_whole_file(file, octets));
    auto parsed = policy::BlockedKeys::parse(as_text(text));
    if (!parsed) return fail::malformed("blocked_keys: " + file + ": " + parsed.error().detail);
    keys = std::make_shared<const policy::BlockedKeys>(*std::move(parsed));
    return keys;
}

void Assembly::build_profile(const config::ProfileSettings& settings) {
    const auto backend = wiring_.backends.find(settings.ca);
    const auto ra = settings_.ra.find(settings.ra);
    if (backend == wiring_.backends.end() || ra == settings_.ra.end() || !pepper_) return;  // said already

    auto profile = std::make_shared<ra::Profile>();
    profile->name = settings.name;
    profile->ca_name = settings.ca;
    profile->backend = backend->second;
    profile->ca_chain = backend->second->chain();
    if (const auto lists = wiring_.revocations.find(settings.ca); lists != wiring_.revocations.end())
        profile->revocations = lists->second;
    const auto& ca = settings_.ca.at(settings.ca);
    if (!ca.successor.empty()) profile->successor_chain = certificates_in(ca.successor, ca.place);

    const auto service = ra_in_service(settings.ra);
    if (!service) return;
    auto identity = identity_of(ra->second, *service, settings, profile->ca_chain);
    auto accepted = note(settings.place, to_accepted(settings), "see `countersign config explain profile.*.ciphers`");
    auto verifier =
        note(settings.challenge.place, open_verifier(settings), "see `countersign config explain profile.*.challenge`");
    build_templates(*profile);
    // Without its hook a profile must not enroll anybody.
    const auto hook = wiring_.hooks->find(settings.hook);
    if (!settings.hook.empty() && hook == wiring_.hooks->end()) return;  // said already
    if (!identity || !accepted || !verifier) return;
    if (ca.local()) check_recorded_agent(ra->second.agent, settings.ca, identity->agent->identity().certificate);

    if (const auto renewing = wiring_.backends.find(service->ca_name); renewing != wiring_.backends.end()) {
        service->backend = renewing->second;
        service->agent = identity->agent;
        wiring_.ras.emplace(settings.ra, service);
    }
    profile->agent = identity->agent;
    profile->agents_of_old = std::move(identity->of_old);
    profile->decryption_keys = std::move(identity->decryption);
    profile->accepted = *accepted;
    profile->verifier = *std::move(verifier);
    if (!settings.hook.empty()) profile->hook = hook->second;
    profile->template_signature = settings.template_signature;
    profile->template_encryption = settings.template_encryption;
    profile->template_general_purpose = settings.template_general_purpose;
    profile->renewal = settings.renewal;
    profile->include_ca_in_reply = settings.include_ca_in_reply;
    profile->answer_queries = settings.get_cert;
    profile->when_unavailable = settings.unavailable_answer == "pending" ? ra::WhenUnavailable::answer_pending
                                                                         : ra::WhenUnavailable::answer_retry;
    profile->hold = std::chrono::seconds{settings.hold_seconds};
    profile->countersign_as_cmc = ca.asks_by_cmc();
    if (!ca.local()) profile->clock_slack = std::chrono::minutes{ca.clock_slack_minutes};
    profile->substitute_secret =
        Secret(crypto::hmac_sha256(pepper_->reveal(), as_bytes("countersign implicit rejection")));
    profile->capabilities =
        scep::capabilities({profile->accepted, settings.renewal, !profile->successor_chain.empty()});
    profile->ca_certificates = scep::ca_certificates(
        {profile->agent->identity().certificate, profile->decryption_keys.front().certificate}, profile->ca_chain);
    check_revocations(settings, *profile);
    wiring_.profiles.emplace(settings.name, std::move(profile));
}

std::optional<Assembly::Identity> Assembly::identity_of(const config::RaSettings& ra, const ra::RaInService& service,
                                                        const config::ProfileSettings& profile,
                                                        const std::vector<crypto::Certificate>& chain) {
    auto agent = key_pair_of(ra.agent, service.identities.at(ra::Role::agent), "the enrollment agent");
    auto encryption = key_pair_of(ra.encryption, service.identities.at(ra::Role::encryption), "the CEP encryption");
    if (!agent || !encryption) return std::nullopt;

    check_key_use(ra.agent, *agent->key, keys::KeyUse::sign);
    check_key_use(ra.encryption, *encryption->key, keys::KeyUse::unwrap);
    check_certificate(ra.agent, agent->certificate, crypto::usage::digital_signature, "the enrollment agent", chain);
    check_certificate(ra.encryption, encryption->certificate, crypto::usage::key_encipherment, "the CEP encryption",
                      chain);
    const auto purposes = agent->certificate.extended_key_usage();
    if (std::ranges::find(purposes, oid::ms_certificate_request_agent) == purposes.end()) {
        error(ra.agent.place, "the enrollment agent certificate lacks the extended key usage Certificate Request Agent",
              "have it issued with extended key usage 1.3.6.1.4.1.311.20.2.1");
    }
    if (!encryption->certificate.public_key().is_rsa()) {
        error(ra.encryption.place, "the CEP encryption key is not RSA",
              "SCEP clients can only encrypt to RSA keys: use an RSA 2048 to 4096 key");
    }
    if (agent->certificate.public_key() == encryption->certificate.public_key()) {
        error(ra.agent.place, "the enrollment agent key and the CEP encryption key are the same key",
              "make a second key: a decryption oracle on one must never be able to sign with the other");
    }

    Identity identity;
    identity.agent = std::make_shared<ra::Agent>(scep::ReplySigner{agent->certificate, agent->key});
    identity.decryption.push_back({encryption->certificate, encryption->key});
    identity.of_old.emplace_back();
    add_overlap(ra, service, identity);
    for (const auto& pair : ra.previous_encryption) {
        if (auto previous = key_pair(pair, "a previous CEP encryption")) {
            check_key_use(pair, *previous->key, keys::KeyUse::unwrap);
            identity.decryption.push_back({previous->certificate, previous->key});
        }
    }
    if (!agent->certificate.public_key().is_rsa()) {
        warning(profile.place, "replies are signed with an EC key, which few SCEP clients can verify",
                "use an RSA agent key");
    }
    return identity;
}

std::optional<Assembly::Pair> Assembly::key_pair(const config::KeyPairSettings& pair, std::string_view what) {
    const auto text =
        note(pair.place, read_file(pair.certificate), "see `countersign config explain " + pair.place.key + "`");
    if (!text) return std::nullopt;
    auto certificate = crypto::Certificate::from_pem(*text);
    if (!certificate) {
        error(pair.place, pair.certificate.string() + ": " + certificate.error().detail,
              "name a file with one PEM certificate");
        return std::nullopt;
    }
    return key_pair_of(pair, {pair.key, *std::move(certificate)}, what);
}

std::optional<Assembly::Pair> Assembly::key_pair_of(const config::KeyPairSettings& pair, const ra::Identity& identity,
                                                    std::string_view what) {
    auto key = note(pair.place, open_key(identity.key), "see `countersign config explain " + pair.place.key + "`");
    if (!key) return std::nullopt;
    if (!((*key)->public_key() == identity.certificate.public_key())) {
        error(pair.place,
              std::string(what) + " certificate " + identity.certificate.serial_hex() + " does not belong to the key " +
                  (*key)->describe(),
              "name the certificate that was issued for this key");
        return std::nullopt;
    }
    return Pair{*std::move(key), identity.certificate};
}

void Assembly::check_certificate(const config::KeyPairSettings& pair, const crypto::Certificate& certificate,
                                 crypto::KeyUsage needed, std::string_view what,
                                 const std::vector<crypto::Certificate>& chain) {
    const auto now = parts_.clock.now();
    const std::string name = std::string(what) + " certificate " + certificate.serial_hex();
    if (const auto usage = certificate.key_usage(); usage && (*usage & needed) == 0) {
        error(pair.place, name + " has key usage " + crypto::describe_key_usage(*usage),
              "it needs " + crypto::describe_key_usage(needed));
    }
    if (!certificate.valid_at(now)) {
        // No error: the admin side must come up and say so. Enrollments are answered 503 until it is mended.
        warning(pair.place,
                name + " is not valid now but from " + to_rfc3339(certificate.not_before()) + " to " +
                    to_rfc3339(certificate.not_after()),
                "check this machine's clock, or renew the certificate: see docs/ra-lifecycle.md");
    } else if (certificate.not_after() - now < std::chrono::days{60}) {
        warning(pair.place, name + " expires on " + to_rfc3339(certificate.not_after()), "see `countersign ra status`");
    }
    if (!crypto::order_chain(certificate, chain)) {
        error(pair.place, name + " was not issued by the CA of this profile",
              "have the profile's CA issue it, or name the right CA");
    }
}

void Assembly::check_key_use(const config::KeyPairSettings& pair, const keys::Key& key, keys::KeyUse use) {
    if (const auto suited = key.suits(use); !suited) {
        error(pair.place, suited.error().detail, "see docs/hsm.md for what a token must offer");
    } else if (use == keys::KeyUse::unwrap && !key.offers(keys::DecryptScheme::rsa_raw)) {
        warning(pair.place,
                key.describe() +
                    ": the token does not offer raw RSA (CKM_RSA_X_509), so it checks paddings itself, and "
                    "how long it takes may tell strangers about them",
                "allow CKM_RSA_X_509 for this key, or keep it in a file");
    }
}

// The embedded CA believes the agents in its ledger; one that is not there would have every request refused.
void Assembly::check_recorded_agent(const config::KeyPairSettings& pair, const std::string& ca,
                                    const crypto::Certificate& agent) {
    const auto record = parts_.database.issued().find(ca, agent.serial_hex());
    if (!record) return error(pair.place, record.error().detail, "see `countersign config explain store`");
    if (!*record || (*record)->kind != "ra" || !equal((*record)->der, agent.der())) {
        return error(
            pair.place,
            "the agent certificate " + agent.serial_hex() + " is not in the store as an RA certificate of ca." + ca,
            "use the store that `countersign init` made together with this certificate, or restore both from "
            "one backup");
    }
    if ((*record)->revoked) {
        error(pair.place, "the agent certificate " + agent.serial_hex() + " has been revoked",
              "have the CA issue another agent certificate");
    }
}

std::vector<crypto::Certificate> Assembly::certificates_in(const std::filesystem::path& file, const Place& place) {
    const auto text = note(place, read_file(file), "name a readable PEM file");
    if (!text) return {};
    auto certificates =
        note(place, crypto::Certificate::all_from_pem(*text), file.string() + ": name a file with PEM certificates");
    return certificates ? *std::move(certificates) : std::vector<crypto::Certificate>{};
}

Result<std::vector<crypto::Certificate>> Assembly::anchors_of(const config::CaSettings& ca) {
    const auto issuing = certificates_in(ca.issuer.certificate, ca.place);
    if (issuing.empty()) return fail::denied("the CA's own certificate could not be loaded");
    auto pool = issuing;
    if (!ca.chain.empty()) std::ranges::move(certificates_in(ca.chain, ca.place), std::back_inserter(pool));
    auto chain = crypto::order_chain(issuing.front(), pool);
    if (!chain) {
        return fail::malformed("the CA certificate " + issuing.front().subject().text() +
                               " leads to no root: name the certificates above it in chain");
    }
    if (!issuing.front().basic_constraints().ca)
        return fail::malformed(ca.issuer.certificate.string() + " is no CA certificate");
    return chain;
}

void Assembly::error(const Place& place, std::string problem, std::string remedy) {
    wiring_.findings.push_back({FindingLevel::error, place, std::move(problem), std::move(remedy)});
}

void Assembly::warning(const Place& place, std::string problem, std::string remedy) {
    wiring_.findings.push_back({FindingLevel::warning, place, std::move(problem), std::move(remedy)});
}

bool Wiring::usable() const {
    return std::ranges::none_of(findings, [](const Finding& finding) { return finding.level == FindingLevel::error; });
}

}  // namespace countersign::app
