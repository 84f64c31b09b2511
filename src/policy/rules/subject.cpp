// The subject name: which attributes, how long, how often, in which characters.
#include "../pattern.hpp"
#include "case.hpp"
#include "countersign/core/text.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace countersign::policy {
namespace {

struct AttributeKind {
    std::string_view name;
    std::string_view oid;
    std::size_t longest;  // characters; upper bounds of RFC 5280 appendix A, 256 where it has none worth the name
};

constexpr std::array attribute_kinds{
    AttributeKind{"CN", "2.5.4.3", 64},
    AttributeKind{"commonName", "2.5.4.3", 64},
    AttributeKind{"SN", "2.5.4.4", 256},
    AttributeKind{"surname", "2.5.4.4", 256},
    AttributeKind{"serialNumber", "2.5.4.5", 64},
    AttributeKind{"C", "2.5.4.6", 2},
    AttributeKind{"L", "2.5.4.7", 128},
    AttributeKind{"ST", "2.5.4.8", 128},
    AttributeKind{"STREET", "2.5.4.9", 256},
    AttributeKind{"O", "2.5.4.10", 64},
    AttributeKind{"OU", "2.5.4.11", 64},
    AttributeKind{"T", "2.5.4.12", 64},
    AttributeKind{"title", "2.5.4.12", 64},
    AttributeKind{"GN", "2.5.4.42", 256},
    AttributeKind{"givenName", "2.5.4.42", 256},
    AttributeKind{"UID", "0.9.2342.19200300.100.1.1", 256},
    AttributeKind{"DC", "0.9.2342.19200300.100.1.25", 256},
    AttributeKind{"E", "1.2.840.113549.1.9.1", 255},
    AttributeKind{"emailAddress", "1.2.840.113549.1.9.1", 255},
    AttributeKind{"unstructuredName", "1.2.840.113549.1.9.2", 255},
    AttributeKind{"unstructuredAddress", "1.2.840.113549.1.9.8", 255},
};
constexpr std::string_view common_name = "2.5.4.3";
constexpr std::string_view country = "2.5.4.6";

std::string_view oid_of_attribute(std::string_view name) {
    const auto found =
        std::ranges::find_if(attribute_kinds, [&](const auto& kind) { return equals_ignoring_case(kind.name, name); });
    return found == attribute_kinds.end() ? name : found->oid;
}

std::string name_of_attribute(std::string_view oid) {
    const auto found = std::ranges::find(attribute_kinds, oid, &AttributeKind::oid);
    return found == attribute_kinds.end() ? printable(oid) : std::string(found->name);
}

std::size_t longest_of_attribute(std::string_view oid) {
    const auto found = std::ranges::find(attribute_kinds, oid, &AttributeKind::oid);
    return found == attribute_kinds.end() ? 256 : found->longest;
}

std::size_t characters(std::string_view utf8) {
    return static_cast<std::size_t>(
        std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

bool is_country(std::string_view value) {
    const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
    return value.size() == 2 && std::ranges::all_of(value, letter);
}

void check_value(Case& c, const crypto::NameAttribute& attribute) {
    const auto name = name_of_attribute(attribute.oid);
    if (!attribute.convertible) {
        return c.refuse("SubjectNameInvalid", name + " holds something that is not text of its own string type");
    }
    if (attribute.value.empty()) return c.refuse("SubjectNameInvalid", name + " is empty");
    if (deceptive(attribute.value)) {
        c.refuse("SubjectNameInvalid", name + " has control or direction characters: " + printable(attribute.value));
    }
    if (characters(attribute.value) > longest_of_attribute(attribute.oid)) {
        c.refuse("SubjectNameInvalid",
                 name + " is longer than " + std::to_string(longest_of_attribute(attribute.oid)) + " characters");
    }
    if (attribute.oid == country && !is_country(attribute.value)) {
        c.refuse("SubjectNameInvalid", "C is not a two-letter country code: " + printable(attribute.value));
    }
}

void check_attributes(Case& c, const std::vector<crypto::NameAttribute>& attributes) {
    std::set<std::string_view> allowed;
    for (const auto& name : c.rules.names.subject_attributes) allowed.insert(oid_of_attribute(name));
    std::set<std::pair<std::size_t, std::string_view>> in_rdn;
    int common_names = 0;
    for (const auto& attribute : attributes) {
        if (!allowed.contains(attribute.oid)) {
            c.refuse("SubjectNameForbidden", "the template allows no " + name_of_attribute(attribute.oid));
        }
        check_value(c, attribute);
        if (!in_rdn.emplace(attribute.rdn, attribute.oid).second) {
            c.refuse("SubjectNameInvalid", name_of_attribute(attribute.oid) + " twice in one relative name");
        }
        if (attribute.oid == common_name && ++common_names == 2) {
            c.refuse("SubjectNameInvalid", "more than one common name");
        }
    }
}

// T61String, BMPString and UniversalString are read differently by different verifiers; RFC 5280 4.1.2.4 retires them.
Result<crypto::Name> in_current_strings(const crypto::Name& subject,
                                        const std::vector<crypto::NameAttribute>& attributes) {
    constexpr std::array current{std::string_view("UTF8String"), std::string_view("PrintableString"),
                                 std::string_view("IA5String")};
    const bool is_current = std::ranges::all_of(attributes, [&](const auto& attribute) {
        return std::ranges::find(current, std::string_view(attribute.string_type)) != current.end();
    });
    if (is_current) return subject;
    TRY(auto rewritten, crypto::Name::from_text(subject.text()));
    const auto same = [](const auto& a, const auto& b) {
        return a.oid == b.oid && a.value == b.value && a.rdn == b.rdn;
    };
    if (!std::ranges::equal(attributes, rewritten.attributes(), same)) {
        return fail::malformed("its strings cannot be written in a current type");
    }
    return rewritten;
}

void check_patterns(Case& c, const std::string& text) {
    const auto& patterns = c.rules.names.subject_patterns;
    const auto matching = [&](const auto& pattern) {
        return matches_pattern(text, pattern, PatternText::distinguished_name);
    };
    if (patterns.empty() || std::ranges::any_of(patterns, matching)) return;
    c.refuse("SubjectNameForbidden", "no subject pattern of the template fits " + printable(text));
}

}  // namespace

bool deceptive(std::string_view utf8) {
    // printable() also escapes the backslash, which deceives nobody in a name.
    std::string text(utf8);
    std::erase(text, '\\');
    return printable(text, text.size()) != text;
}

void plan_subject(Case& c) {
    const auto& subject = c.facts.request->subject();
    if (subject.empty()) {
        const auto names = c.facts.request->subject_alt_names();
        if (!c.rules.names.allow_empty_subject)
            c.refuse("SubjectNameMissing", "the request names no subject");
        else if (!names || names->empty())
            c.refuse("SubjectNameMissing", "neither a subject nor an alternative name");
        return;
    }
    const auto attributes = subject.attributes();
    check_attributes(c, attributes);
    check_patterns(c, subject.text());
    auto planned = in_current_strings(subject, attributes);
    if (!planned) return c.refuse("SubjectNameInvalid", planned.error().detail);
    if (!(*planned == subject)) c.remark("SubjectNameRewritten", "in UTF8String");
    c.plan.subject = *std::move(planned);
}

}  // namespace countersign::policy
