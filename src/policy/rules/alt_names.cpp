// Subject alternative names: which types, in which form, matching what. Every type of GeneralName arrives here and is
// refused unless the template names it.
#include "../pattern.hpp"
#include "case.hpp"
#include "countersign/core/text.hpp"

#include <algorithm>
#include <set>

namespace countersign::policy {
namespace {

std::string type_of(const crypto::GeneralName& name) {
    return name.is_upn() ? "upn" : std::string(crypto::name(name.type));
}

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// A label as devices really use them: underscores are in many a host name.
bool is_label(std::string_view label) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    return std::ranges::all_of(label, [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; });
}

bool is_host_name(std::string_view text) {
    return text.size() <= 253 &&
           std::ranges::all_of(split(text, '.'), [](const auto& label) { return is_label(label); });
}

// The host behind a leftmost "*." that stands above at least two labels; empty otherwise.
std::string_view below_wildcard(std::string_view dns) {
    if (!dns.starts_with("*.")) return {};
    dns.remove_prefix(2);
    return dns.find('.') == std::string_view::npos ? std::string_view{} : dns;
}

bool is_graphic_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_mailbox(std::string_view text, bool ascii) {
    const auto at = text.rfind('@');
    if (at == std::string_view::npos || at == 0 || text.find('@') != at) return false;
    if (ascii && !is_graphic_ascii(text)) return false;
    return is_host_name(text.substr(at + 1));
}

bool is_uri(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size() || !is_graphic_ascii(text))
        return false;
    const auto scheme_character = [](char c) { return is_letter_or_digit(c) || c == '+' || c == '-' || c == '.'; };
    return std::ranges::all_of(text.substr(0, colon), scheme_character);
}

bool is_security_identifier(const crypto::GeneralName& name) {
    return name.type == crypto::GeneralNameType::uri && to_lower(name.value).starts_with("tag:microsoft.com");
}

// It decides which account a domain controller logs on (strong mapping): the client must not choose it, unless it was
// named when the challenge was made or stands in the certificate being renewed.
bool may_carry_identifier(const Case& c, const crypto::GeneralName& name) {
    if (c.rules.names.security_identifier_uri) return true;
    const auto text = canonical_text(name);
    const auto same = [&](const std::string& other) {
        const auto parsed = crypto::general_name_from_text(other);
        return parsed && canonical_text(*parsed) == text;
    };
    if (std::ranges::any_of(c.facts.expectation.sans, same)) return true;
    if (c.facts.purpose != Purpose::renew || !c.facts.renewed) return false;
    const auto earlier = c.facts.renewed->certificate.subject_alt_names();
    return std::ranges::any_of(earlier, [&](const auto& one) { return canonical_text(one) == text; });
}

void check_form(Case& c, const crypto::GeneralName& name, const std::string& text) {
    using crypto::GeneralNameType;
    bool good = true;
    if (name.type == GeneralNameType::dns) {
        const auto host = below_wildcard(name.value);
        if (!host.empty() && !c.rules.names.allow_wildcard_dns) {
            return c.refuse("SubjectAltNameForbidden", "the template allows no wildcard: " + text);
        }
        good = is_host_name(host.empty() ? std::string_view(name.value) : host);
    } else if (name.type == GeneralNameType::email) {
        good = is_mailbox(name.value, true);
    } else if (name.type == GeneralNameType::uri) {
        good = is_uri(name.value);
        if (is_security_identifier(name) && !may_carry_identifier(c, name)) {
            c.refuse("SubjectAltNameForbidden", "a security identifier the challenge does not name: " + text);
        }
    } else if (name.is_upn()) {
        good = is_mailbox(name.value, false) && !deceptive(name.value);
    } else if (name.type == GeneralNameType::directory_name) {
        good = !name.value.empty() && !deceptive(name.value);
    }
    if (!good) c.refuse("SubjectAltNameInvalid", "not a well-formed name: " + text);
}

void check_pattern(Case& c, const crypto::GeneralName& name, const std::string& text) {
    const auto& patterns = c.rules.names.san_patterns;
    const auto kind =
        name.type == crypto::GeneralNameType::directory_name ? PatternText::distinguished_name : PatternText::plain;
    const auto matching = [&](const auto& pattern) { return matches_pattern(text, pattern, kind); };
    if (patterns.empty() || std::ranges::any_of(patterns, matching)) return;
    c.refuse("SubjectAltNameForbidden", "no name pattern of the template fits " + printable(text));
}

void plan_alt_name(Case& c, const crypto::GeneralName& name, std::set<std::string>& seen) {
    const auto text = crypto::to_text(name);
    const auto& types = c.rules.names.san_types;
    const auto listed = [&](const std::string& type) { return equals_ignoring_case(type, type_of(name)); };
    if (std::ranges::none_of(types, listed)) {
        return c.refuse("SubjectAltNameForbidden", "the template allows no name of this type: " + printable(text));
    }
    check_form(c, name, printable(text));
    check_pattern(c, name, text);
    if (!seen.insert(canonical_text(name)).second) {
        return c.remark("SubjectAltNameDropped", "twice in the request: " + printable(text));
    }
    c.plan.subject_alt_names.push_back(name);
}

}  // namespace

std::string canonical_text(const crypto::GeneralName& name) {
    const auto text = crypto::to_text(name);
    if (name.type == crypto::GeneralNameType::dns) return to_lower(text);
    if (name.type != crypto::GeneralNameType::email && !name.is_upn()) return text;
    const auto at = text.rfind('@');
    return at == std::string::npos ? text : text.substr(0, at) + to_lower(text.substr(at));
}

void plan_alt_names(Case& c) {
    const auto names = c.facts.request->subject_alt_names();
    if (!names)
        return c.refuse("SubjectAltNameInvalid",
                        "the requested names cannot be read: " + printable(names.error().detail));
    if (names->size() > c.rules.names.max_sans) {
        return c.refuse("SubjectAltNameForbidden", std::to_string(names->size()) + " names, the template allows " +
                                                       std::to_string(c.rules.names.max_sans));
    }
    std::set<std::string> seen;
    for (const auto& name : *names) plan_alt_name(c, name, seen);
}

}  // namespace countersign::policy
