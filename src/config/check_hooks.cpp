// Policy hooks: what each type needs, and what means nothing to it.
#include "check.hpp"
#include "countersign/core/text.hpp"

#include <algorithm>

namespace countersign::config {
namespace {

// Beyond this machine nothing but TLS says whose answer it is.
bool protects_answers(const std::string& url) {
    if (url.starts_with("https://")) return url.size() > 8;
    if (!url.starts_with("http://")) return false;
    const auto all_of = [](std::string_view text, std::string_view characters) {
        return text.find_first_not_of(characters) == std::string_view::npos;
    };
    std::string_view host = std::string_view(url).substr(7);
    host = host.substr(0, host.find_first_of("/?#"));
    const auto colon = host.rfind(':');
    if (colon != std::string_view::npos && all_of(host.substr(colon + 1), "0123456789") && host != "[::1]")
        host = host.substr(0, colon);
    return host == "localhost" || host == "[::1]" || (host.starts_with("127.") && all_of(host, "0123456789."));
}

void check_webhook(Document& document, const std::string& key, const HookWebhookSettings& webhook) {
    if (webhook.url.empty()) {
        document.refuse(key + ".url", "this key is missing", "write url = \"https://HOST/PATH\"");
    } else if (!protects_answers(webhook.url)) {
        document.refuse(key + ".url",
                        "\"" + printable(webhook.url, 80) + "\" is neither an https:// URL nor one of this machine",
                        "write https://: nothing but TLS says that an answer is the hook's");
    }
    if (webhook.client_certificate.empty() != webhook.client_key.empty()) {
        document.refuse(key + (webhook.client_key.empty() ? ".client_key" : ".client_certificate"),
                        "this key is missing", "a client certificate and its key belong together");
    }
    if (webhook.secret.empty() && webhook.client_certificate.empty() && !webhook.url.empty()) {
        document.warn(key, "the hook cannot tell our questions from anybody's",
                      "write secret = \"PATH\", or client_certificate and client_key");
    }
}

void check_program(Document& document, const std::string& key, const HookCommandSettings& command) {
    if (command.program.empty()) document.refuse(key + ".program", "this key is missing", "write program = \"/PATH\"");
    for (const std::string& variable : command.environment) {
        const auto equals = variable.find('=');
        if (equals != std::string::npos && equals != 0) continue;
        document.refuse(key + ".environment", "\"" + printable(variable, 60) + "\" is no NAME=VALUE",
                        "write environment = [\"NAME=VALUE\"]");
    }
}

void check_hook(Document& document, const std::string& name, const HookSettings& hook) {
    const std::string key = "hook." + name;
    if (hook.type.empty()) return;  // refused already
    const bool webhook = hook.type == "webhook";
    if (webhook)
        check_webhook(document, key + ".webhook", hook.webhook);
    else
        check_program(document, key + ".command", hook.command);
    const std::string foreign = key + (webhook ? ".command" : ".webhook");
    if (document.written(foreign))
        document.refuse(foreign, "this means nothing to a hook of type " + hook.type, "take it out");
    if (hook.calls.empty())
        document.refuse(key + ".calls", "a hook that is asked nothing has no say", "write calls = [\"verify\"]");
    const bool used = std::ranges::any_of(document.settings.profiles,
                                          [&](const auto& profile) { return profile.second.hook == name; });
    if (!used)
        document.warn(key, "no profile asks this hook", "write hook = \"" + name + "\" in the profiles that shall");
}

}  // namespace

void check_hooks(Document& document) {
    for (const auto& [name, hook] : document.settings.hooks) check_hook(document, name, hook);
}

}  // namespace countersign::config
