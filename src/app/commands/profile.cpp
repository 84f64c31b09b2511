#include "command.hpp"
#include "command_line.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/certificate.hpp"
#include "countersign/crypto/digest.hpp"
#include "files.hpp"
#include "mobileconfig.hpp"

#include <algorithm>

namespace countersign::app {
namespace {

struct MobileconfigOptions {
    std::filesystem::path config;
    std::string profile;
    std::string url;
    std::string subject = "CN=device";
    std::vector<std::string> sans;
    std::filesystem::path challenge_file;
    bool new_challenge = false;
    unsigned key_size = 2048;
    std::filesystem::path out;
};

// Where the first plain-spoken scep listener can be reached; a proxy in front knows a better name, hence --url.
std::string url_of(const config::Settings& settings, const config::ProfileSettings& profile) {
    for (const config::ListenerSettings& listener : settings.listeners) {
        const bool scep = std::ranges::find(listener.serves, "scep") != listener.serves.end();
        const bool named = !listener.address.starts_with("unix:") && !listener.address.starts_with("systemd:") &&
                           !listener.address.starts_with("0.0.0.0:") && !listener.address.starts_with("[::]:") &&
                           !listener.address.ends_with(":0");
        if (scep && named) return (listener.tls ? "https://" : "http://") + listener.address + profile.paths.front();
    }
    throw StartupError(fail::not_found("no listener has an address that clients could use; say --url"));
}

// The top of the profile's chain, which Apple compares the fingerprint with.
Bytes fingerprint_of(const config::CaSettings& ca) {
    const auto& file = ca.chain.empty() ? ca.issuer.certificate : ca.chain;
    const auto certificates = crypto::Certificate::all_from_pem(or_throw(read_file(file)));
    if (!certificates) throw StartupError(within(file.string(), certificates.error()));
    return crypto::digest(crypto::DigestAlgorithm::sha1, certificates->back().der());
}

std::optional<Secret> challenge_for(const MobileconfigOptions& options, const std::string& profile, Console& console) {
    if (!options.challenge_file.empty()) {
        std::string text = or_throw(read_file(options.challenge_file));
        Secret challenge(trim(std::string_view(text).substr(0, text.find('\n'))));
        wipe_memory(text.data(), text.size());
        if (challenge.empty())
            throw StartupError(fail::malformed(options.challenge_file.string() + ": the first line is empty"));
        return challenge;
    }
    OpenInstance instance = open_instance({options.config, false}, console);
    if (options.new_challenge) {
        const admin::MintRequest request{profile, {options.subject, options.sans, ""}, std::nullopt};
        return or_throw(open_desk(instance, console)->mint(request, {operator_name(), "command line"})).value;
    }
    if (instance.settings.profiles.at(profile).challenge.mode != "none")
        throw StartupError(fail::malformed("the profile wants a challenge; say --new-challenge or --challenge-file"));
    return std::nullopt;
}

MobileconfigContent content_for(const MobileconfigOptions& options) {
    const auto settings = load_or_throw(options.config, [](const std::string&) {});
    const std::string profile = choose_profile(settings, options.profile);
    MobileconfigContent content;
    content.url = options.url.empty() ? url_of(settings, settings.profiles.at(profile)) : options.url;
    if (!content.url.starts_with("http://") && !content.url.starts_with("https://"))
        throw StartupError(fail::malformed("--url must begin with http:// or https://"));
    content.name = profile;
    content.subject = or_throw(crypto::Name::from_text(options.subject));
    for (const std::string& text : options.sans) content.sans.push_back(or_throw(crypto::general_name_from_text(text)));
    content.key_bits = options.key_size;
    content.ca_fingerprint = fingerprint_of(settings.ca.at(settings.profiles.at(profile).ca));
    return content;
}

int write_mobileconfig(const MobileconfigOptions& options, Console& console) {
    MobileconfigContent content = content_for(options);
    // Everything that can be wrong is wrong before a challenge is made for it.
    or_throw(mobileconfig(content, console.random));
    content.challenge = challenge_for(options, content.name, console);
    const Secret made = or_throw(mobileconfig(content, console.random));
    if (options.out.empty()) {
        console.out << made.reveal_text();
    } else {
        or_throw(write_new_file(options.out, made.reveal_text(), 0600));
    }
    return exit_done;
}

}  // namespace

void add_profile_commands(CLI::App& app, Chosen& chosen, Console& console) {
    auto* group = app.add_subcommand("profile", "What clients are configured with");
    group->require_subcommand(1);
    const auto options = std::make_shared<MobileconfigOptions>();
    auto* command = group->add_subcommand("mobileconfig",
                                          "Make a configuration profile for Apple devices (com.apple.security.scep)");
    command->add_option("--config", options->config, "The configuration file")->required()->type_name("FILE");
    command->add_option("--profile", options->profile, "The profile to enroll with")->type_name("NAME");
    command->add_option("--url", options->url, "How devices reach it; else the address of the first scep listener");
    command->add_option("--subject", options->subject, "Subject to ask for (RFC 4514)")
        ->type_name("DN")
        ->capture_default_str();
    command
        ->add_option("--san", options->sans,
                     "Name to ask for, like dns:host.example (dns, email, uri, upn); repeatable")
        ->type_name("TYPE:NAME")
        ->allow_extra_args(false);
    auto* file = command->add_option("--challenge-file", options->challenge_file, "A file with the challenge")
                     ->check(CLI::ExistingFile);
    command
        ->add_flag("--new-challenge", options->new_challenge,
                   "Make a challenge that is good for this subject and these names alone")
        ->excludes(file);
    command->add_option("--key-size", options->key_size, "Bits of the device's RSA key")
        ->check(CLI::IsMember({2048, 4096}))
        ->capture_default_str();
    command->add_option("--out", options->out, "Where it goes; must not exist. Absent: standard output")
        ->type_name("FILE");
    command->callback([&chosen, &console, options] {
        chosen = [options, &console] { return write_mobileconfig(*options, console); };
    });
}

}  // namespace countersign::app
