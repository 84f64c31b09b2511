// countersign challenge key|mint|inspect|verify: signed challenges at the command line (docs/signed-challenge.md).
#include "../files.hpp"
#include "../signed_challenges.hpp"
#include "../template_settings.hpp"
#include "command.hpp"
#include "command_line.hpp"
#include "countersign/challenge/mint.hpp"
#include "countersign/core/text.hpp"
#include "countersign/policy/judge.hpp"

#include <iostream>
#include <iterator>

namespace countersign::app {
namespace {

using nlohmann::ordered_json;

struct SignedOptions : CommonOptions {
    std::string profile;
    std::string issuer;
    std::string signing_key;
    std::string algorithm;
    std::string key_id;
    std::string subject;
    std::vector<std::string> sans;
    std::vector<std::string> key_usage;
    std::vector<std::string> extended_key_usage;
    std::string key_type;
    unsigned key_size = 0;
    std::string template_name;
    std::uint32_t validity_days = 0;
    std::uint32_t valid_minutes = 60;
    std::string device;
    std::filesystem::path file;
    std::filesystem::path request;
};

// Opens no store: an issuer's tool works beside a daemon that is down.
struct Opened {
    config::Settings settings;
    std::unique_ptr<keys::KeySource> keys;
    std::string profile;
    challenge::SignedOptions challenges;
};

Opened open_signed(const SignedOptions& options) {
    Opened opened{load_or_throw(options.config, [](const std::string&) {}), nullptr, "", {}};
    opened.keys = open_key_source(opened.settings);
    opened.profile = choose_profile(opened.settings, options.profile);
    if (!opened.settings.profiles.at(opened.profile).challenge.accepts("signed"))
        throw StartupError(fail::denied("profile " + opened.profile + " accepts no signed challenges"));
    opened.challenges = or_throw(signed_options(opened.settings, opened.profile, *opened.keys));
    return opened;
}

int print_key(const SignedOptions& options, Console& console) {
    const Opened opened = open_signed(options);
    const auto& key = opened.challenges.keys.front().key->public_key();
    console.out << challenge::to_jwk(key, "enc", key.is_rsa() ? "RSA-OAEP-256" : "ECDH-ES") << "\n";
    return exit_done;
}

std::string statement_from(const SignedOptions& options, const Opened& opened, Console& console) {
    challenge::Statement statement;
    statement.issuer = options.issuer;
    statement.audience = opened.challenges.audience;
    statement.id = lower_hex(console.random.bytes(16));
    statement.issued_at = statement.not_before = Time{std::chrono::floor<std::chrono::seconds>(console.clock.now())};
    statement.expires = statement.issued_at + std::chrono::minutes{options.valid_minutes};
    statement.device = options.device;
    statement.subject = options.subject;
    statement.sans = options.sans;
    statement.template_name = options.template_name;
    if (!options.key_usage.empty())
        statement.terms.key_usage = or_throw(crypto::key_usage_from_names(options.key_usage));
    if (!options.extended_key_usage.empty()) {
        std::vector<std::string> oids;
        for (const auto& name : options.extended_key_usage)
            oids.push_back(or_throw(crypto::extended_key_usage_from_name(name)));
        statement.terms.extended_key_usage = std::move(oids);
    }
    if (options.validity_days != 0) statement.terms.validity = std::chrono::days{options.validity_days};
    auto json = ordered_json::parse(challenge::write_statement(statement));
    if (!options.key_type.empty()) json["request"]["key"]["type"] = options.key_type;
    if (options.key_size != 0) json["request"]["key"]["size"] = options.key_size;
    const std::string claims = json.dump();
    // What we would refuse is not handed out.
    or_throw(challenge::read_statement(claims));
    return claims;
}

int mint(const SignedOptions& options, Console& console) {
    const Opened opened = open_signed(options);
    const auto key = or_throw(opened.keys->open(options.signing_key));
    const std::string claims = statement_from(options, opened, console);
    const std::string jws = or_throw(challenge::sign_statement(claims, *key, options.algorithm, options.key_id));
    const auto& receiver = opened.challenges.keys.front().key->public_key();
    const std::string sealed = or_throw(challenge::seal_challenge(jws, receiver, console.random));
    if (options.json)
        print_json(console, {{"challenge", sealed}, {"claims", ordered_json::parse(claims)}});
    else
        console.out << sealed << "\n";
    return exit_done;
}

std::string read_challenge(const std::filesystem::path& file) {
    if (file != "-") return std::string(trim(or_throw(read_file(file))));
    std::string text(std::istreambuf_iterator<char>(std::cin), {});
    return std::string(trim(text));
}

int inspect(const SignedOptions& options, Console& console) {
    const auto sealed = or_throw(challenge::read_sealed(read_challenge(options.file)));
    ordered_json shown{{"encrypted_with", sealed.key_management}, {"encrypted_for", sealed.key_id}};
    if (!options.config.empty()) {
        const Opened opened = open_signed(options);
        const Secret substitute(console.random.bytes(32));
        const Secret jws = or_throw(challenge::open_sealed(sealed, opened.challenges.keys, substitute));
        const auto inner = or_throw(challenge::read_signed(jws.reveal_text()));
        shown["signed_with"] = inner.algorithm;
        shown["signing_key"] = inner.key_id;
        shown["signature"] = "not verified; use `countersign challenge verify`";
        shown["claims"] = ordered_json::parse(challenge::write_statement(inner.statement));
    }
    print_json(console, shown);
    return exit_done;
}

// As the daemon would judge, but for what only a whole message shows: who signed it.
policy::Decision judge_request(const Opened& opened, const challenge::Claim& claim,
                               const crypto::CertificateRequest& request, Time now) {
    const auto& profile = opened.settings.profiles.at(opened.profile);
    std::map<std::string, policy::Template> templates;
    for (const auto& [name, settings] : opened.settings.templates) {
        auto rules = or_throw(to_template(settings));
        rules.signer_key_must_match = false;
        templates.emplace(name, std::move(rules));
    }
    policy::Facts facts;
    facts.profile = opened.profile;
    facts.request = &request;
    facts.expectation = {claim.binding.subject, claim.binding.sans, claim.binding.template_name, claim.binding.exact};
    facts.now = now;
    const policy::TemplateSet set{&templates.at(profile.template_signature), &templates.at(profile.template_encryption),
                                  &templates.at(profile.template_general_purpose)};
    const auto* rules = policy::choose_template(set, request, claim.binding.template_name);
    if (rules == nullptr)
        return policy::Deny{{{"TemplateNotAllowed", "the challenge names a template this profile does not use"}}, true};
    return policy::judge(facts, *rules, now);
}

int verify(const SignedOptions& options, Console& console) {
    Opened opened = open_signed(options);
    const auto instance = open_instance(options, console);
    const Secret substitute(console.random.bytes(32));
    challenge::SignedChallenges verifier(opened.challenges, substitute, instance.database->used_challenges());
    challenge::Facts facts;
    facts.profile = opened.profile;
    facts.challenge = Secret(std::string_view(read_challenge(options.file)));
    facts.now = console.clock.now();
    const auto claim = verifier.reserve(facts);
    std::string verdict = claim ? "" : claim.error().detail;
    if (claim && !options.request.empty()) {
        const auto request = or_throw(crypto::CertificateRequest::from_pem(or_throw(read_file(options.request))));
        const auto decision = judge_request(opened, *claim, request, facts.now);
        if (const auto* deny = std::get_if<policy::Deny>(&decision)) verdict = policy::describe(deny->findings);
    }
    if (options.json) {
        print_json(console, {{"accepted", verdict.empty()},
                             {"challenge", claim ? claim->id : ""},
                             {"verdict", verdict.empty() ? "Success" : verdict}});
    } else {
        console.out << (verdict.empty() ? "Success: challenge of " + claim->id : verdict) << "\n";
    }
    return verdict.empty() ? exit_done : exit_refused;
}

void add_mint(CLI::App& group, const std::shared_ptr<SignedOptions>& options, Chosen& chosen, Console& console) {
    auto* make = group.add_subcommand("mint", "Sign a challenge as an issuer would; print it");
    add_common_options(*make, *options);
    make->add_option("--profile", options->profile, "The profile it is for")->type_name("NAME");
    make->add_option("--issuer", options->issuer, "The claim iss")->required();
    make->add_option("--signing-key", options->signing_key, "The issuer's key: file:PATH or a pkcs11: URI")
        ->required()
        ->type_name("KEY");
    make->add_option("--algorithm", options->algorithm, "RS256, PS256 or ES256; else what fits the key");
    make->add_option("--kid", options->key_id, "The key's name; else its thumbprint");
    make->add_option("--subject", options->subject, "The subject the request must have (RFC 4514)")->type_name("DN");
    make->add_option("--san", options->sans, "A name the request must have, like dns:host.example; repeatable")
        ->type_name("TYPE:NAME")
        ->allow_extra_args(false);
    make->add_option("--key-usage", options->key_usage, "Like digitalSignature; repeatable")->allow_extra_args(false);
    make->add_option("--eku", options->extended_key_usage, "Like clientAuth; repeatable")->allow_extra_args(false);
    make->add_option("--key-type", options->key_type, "RSA, P-256, P-384 or P-521");
    make->add_option("--key-size", options->key_size, "Bits of the key");
    make->add_option("--template", options->template_name, "The template it is for")->type_name("NAME");
    make->add_option("--validity-days", options->validity_days, "Of the certificate; else what the template says");
    make->add_option("--valid", options->valid_minutes, "How long the challenge is good")
        ->check(CLI::Range(1, 43200))
        ->type_name("MINUTES");
    make->add_option("--device", options->device, "The claim device, for the audit");
    make->callback([&chosen, &console, options] { chosen = [options, &console] { return mint(*options, console); }; });
}

}  // namespace

void add_signed_challenge_commands(CLI::App& group, Chosen& chosen, Console& console) {
    const auto options = std::make_shared<SignedOptions>();
    add_mint(group, options, chosen, console);

    auto* key = group.add_subcommand("key", "Print the public key that issuers encrypt challenges to, as a JWK");
    add_common_options(*key, *options);
    key->add_option("--profile", options->profile, "The profile")->type_name("NAME");
    key->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return print_key(*options, console); }; });

    auto* look = group.add_subcommand("inspect", "Show what a signed challenge says, without believing it");
    look->add_option("--config", options->config, "The configuration file, to open it")->type_name("FILE");
    look->add_flag("--json", options->json, "Print JSON (it always is)");
    look->add_option("--profile", options->profile, "The profile whose key opens it")->type_name("NAME");
    look->add_option("FILE", options->file, "A file with the challenge, or - for standard input")->required();
    look->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return inspect(*options, console); }; });

    auto* judge = group.add_subcommand("verify", "Judge a signed challenge as the daemon would, and use nothing up");
    add_common_options(*judge, *options);
    judge->add_option("--profile", options->profile, "The profile it is brought to")->type_name("NAME");
    judge->add_option("--csr", options->request, "Compare it with this request (PEM) too")->type_name("FILE");
    judge->add_option("FILE", options->file, "A file with the challenge, or - for standard input")->required();
    judge->callback(
        [&chosen, &console, options] { chosen = [options, &console] { return verify(*options, console); }; });
}

}  // namespace countersign::app
