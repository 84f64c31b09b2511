#include "check.hpp"
#include "countersign/core/text.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

namespace countersign::config {
namespace {

struct HostAndPort {
    std::string host;
    unsigned port = 0;
};

std::optional<HostAndPort> split_address(std::string_view address) {
    const auto colon = address.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    std::string_view host = address.substr(0, colon);
    const std::string_view digits = address.substr(colon + 1);
    if (host.starts_with('[')) {
        if (!host.ends_with(']')) return std::nullopt;
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return std::nullopt;
    }
    unsigned port = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size() || port > 65535) return std::nullopt;
    return HostAndPort{std::string(host), port};
}

// Octets in the address: 4, 16, or 0 when it is none.
unsigned address_octets(const std::string& text) {
    std::array<unsigned char, 16> octets{};
    if (::inet_pton(AF_INET, text.c_str(), octets.data()) == 1) return 4;
    return ::inet_pton(AF_INET6, text.c_str(), octets.data()) == 1 ? 16 : 0;
}

bool address_or_block(const std::string& text) {
    const auto slash = text.find('/');
    const unsigned octets = address_octets(text.substr(0, slash));
    if (octets == 0 || slash == std::string::npos) return octets != 0;
    const std::string length = text.substr(slash + 1);
    unsigned bits = 0;
    const auto parsed = std::from_chars(length.data(), length.data() + length.size(), bits);
    return parsed.ec == std::errc{} && parsed.ptr == length.data() + length.size() && bits <= octets * 8;
}

bool is_loopback(const std::string& host) {
    return host == "::1" || (address_octets(host) == 4 && host.starts_with("127."));
}

bool serves(const ListenerSettings& listener, std::string_view what) {
    return std::ranges::find(listener.serves, what) != listener.serves.end();
}

// Whether only this machine (or whoever may open the socket file) can reach the address.
bool check_address(Document& document, const ListenerSettings& listener) {
    const std::string key = listener.place.key + ".address";
    const std::string& address = listener.address;
    if (address.empty()) return true;  // missing: said already
    if (address.starts_with("unix:")) {
        if (!address.starts_with("unix:/"))
            document.refuse(key, "the socket path is not absolute", "write \"unix:/PATH\"");
        return true;
    }
    if (address.starts_with("systemd:")) {
        if (address.size() == 8) document.refuse(key, "the socket has no name", "write \"systemd:NAME\"");
        return false;
    }
    const auto parts = split_address(address);
    if (!parts || address_octets(parts->host) == 0) {
        document.refuse(key, "\"" + printable(address, 80) + "\" is no address to listen on",
                        "write \"127.0.0.1:8080\", \"[::1]:8080\", \"unix:/PATH\" or \"systemd:NAME\"");
        return true;
    }
    return is_loopback(parts->host);
}

void check_listener(Document& document, const ListenerSettings& listener) {
    const std::string& key = listener.place.key;
    const bool local = check_address(document, listener);
    for (const std::string& proxy : listener.trusted_proxies) {
        if (address_or_block(proxy)) continue;
        document.refuse(key + ".trusted_proxies", "\"" + printable(proxy, 60) + "\" is no address or CIDR block",
                        "write addresses like \"192.0.2.7\" or \"2001:db8::/64\"");
    }
    for (const std::string& proxy : listener.trusted_proxies) {
        if (!proxy.ends_with("/0")) continue;
        document.refuse(key + ".trusted_proxies", "this trusts everybody to say who the client is",
                        "name the proxies' own addresses");
    }
    const bool exposed = serves(listener, "admin") && !listener.tls && !local && listener.trusted_proxies.empty();
    if (exposed && !listener.allow_plain_admin) {
        document.refuse(
            key + ".serves", "admin over plain HTTP beyond loopback: passwords would travel in clear",
            "add tls = { certificate = \"...\", key = \"...\" }, listen on 127.0.0.1 behind a TLS proxy, or write "
            "plain_http_admin = \"i understand passwords travel in clear\"");
    }
    if (listener.allow_plain_admin && serves(listener, "admin") && !listener.tls) {
        document.warn(key + ".plain_http_admin", "admin passwords and challenges travel in clear on this listener",
                      "use TLS as soon as you can");
    }
    if (listener.allow_plain_admin && (listener.tls || !serves(listener, "admin"))) {
        document.refuse(key + ".plain_http_admin", "there is no plain HTTP admin surface here to allow",
                        "take the key out");
    }
    if (listener.tls && !listener.tls->client_ca.empty() && serves(listener, "scep")) {
        document.refuse(key + ".tls.client_ca", "SCEP clients cannot be asked for a certificate",
                        "serve admin on a listener of its own, or take client_ca out");
    }
}

}  // namespace

void check_listeners(Document& document) {
    const auto& listeners = document.settings.listeners;
    std::set<std::string> addresses;
    for (const ListenerSettings& listener : listeners) {
        check_listener(document, listener);
        if (listener.address.empty() || listener.address.ends_with(":0")) continue;
        if (!addresses.insert(to_lower(listener.address)).second) {
            document.refuse(listener.place.key + ".address", "another listener has this address", "give each its own");
        }
    }
    const bool any_scep = std::ranges::any_of(listeners, [](const auto& listener) { return serves(listener, "scep"); });
    if (!listeners.empty() && !any_scep) {
        document.refuse("listener", "no listener serves scep", "write serves = [\"scep\"] in one of them");
    }
    const ServerSettings& server = document.settings.server;
    if (server.max_connections_per_client > server.max_connections) {
        document.refuse("server.max_connections_per_client",
                        "one client may have more connections than there are in all",
                        "write at most " + std::to_string(server.max_connections));
    }
}

void check_accounts(Document& document) {
    const Settings& settings = document.settings;
    const bool admin =
        std::ranges::any_of(settings.listeners, [](const auto& listener) { return serves(listener, "admin"); });
    if (admin && settings.accounts.empty()) {
        document.warn("listener", "a listener serves admin, but nobody may log in", "add [account.NAME]");
    }
    std::set<std::string> names;
    for (const auto& [name, account] : settings.accounts) {
        const std::string key = "account." + name;
        if (!names.insert(to_lower(name)).second) {
            document.refuse(key, "another account has this name in other letter case",
                            "rename one: names match in any case");
        }
        if (!account.password_hash.empty() && !account.password_hash.starts_with('$')) {
            document.refuse(key + ".password_hash", "this is no password hash",
                            "write what `countersign hash-password` prints, and change the password if it stood here");
        }
        for (const std::string& used : account.templates) {
            if (settings.templates.contains(used)) continue;
            document.refuse(key + ".templates", "no [template." + printable(used, 60) + "] exists",
                            one_of(settings.templates, "template"));
        }
        for (const std::string& profile : account.profiles) {
            if (settings.profiles.contains(profile)) continue;
            document.refuse(key + ".profiles", "no [profile." + printable(profile, 60) + "] exists",
                            one_of(settings.profiles, "profile"));
        }
    }
}

}  // namespace countersign::config
