// Whether the request is, member by member, what a signed challenge describes. Every comparison is for equality: what
// is more is an attack, what is less a mistake, and neither is worth a guess.
#include "../pattern.hpp"
#include "case.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/oid.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace countersign::policy {
namespace {

constexpr std::string_view smime_capabilities = "1.2.840.113549.1.9.15";

// The encoding of a string is the client's business; order, grouping, types and every character are not.
bool same_name(const crypto::Name& a, const crypto::Name& b) {
    const auto same = [](const crypto::NameAttribute& x, const crypto::NameAttribute& y) {
        return x.oid == y.oid && x.rdn == y.rdn && x.convertible && y.convertible && x.value == y.value;
    };
    return std::ranges::equal(a.attributes(), b.attributes(), same);
}

void check_subject(Case& c) {
    const auto& expected = c.facts.expectation.subject;
    const auto& subject = c.facts.request->subject();
    const auto name = expected.empty() ? Result<crypto::Name>(crypto::Name()) : crypto::Name::from_text(expected);
    if (!name) {
        c.contradict("SubjectNameMismatch", "the subject of the challenge cannot be read: " + printable(expected));
    } else if (subject.empty() && !name->empty()) {
        c.contradict("SubjectNameMissing", "the challenge is for " + printable(expected));
    } else if (!same_name(*name, subject)) {
        c.contradict("SubjectNameMismatch", "the challenge is for \"" + printable(expected) + "\", the request for \"" +
                                                printable(subject.text()) + "\"");
    }
}

void check_sans(Case& c) {
    const auto& texts = c.facts.expectation.sans;
    const std::set<std::string> expected(texts.begin(), texts.end());
    const auto names = c.facts.request->subject_alt_names();
    if (!names) return c.contradict("SubjectAltNameMismatch", "the requested names cannot be read");
    std::set<std::string> requested;
    for (const auto& name : *names) requested.insert(crypto::to_text(name));
    for (const auto& text : expected) {
        if (!requested.contains(text)) c.contradict("SubjectAltNameMissing", "the challenge is for " + printable(text));
    }
    for (const auto& text : requested) {
        if (!expected.contains(text))
            c.contradict("SubjectAltNameMismatch", "the challenge is not for " + printable(text));
    }
}

bool any_fits(const std::string& text, const std::vector<std::string>& patterns, PatternText kind) {
    return patterns.empty() || std::ranges::any_of(patterns, [&](const std::string& pattern) {
               return matches_pattern(text, pattern, kind);
           });
}

// The request's own names, which are those of the challenge or have been refused for it already.
void check_name_rights(Case& c, const crypto::CertificateTerms& terms) {
    const auto subject = c.facts.request->subject().text();
    if (!any_fits(subject, terms.subject_patterns, PatternText::distinguished_name)) {
        c.contradict("IssuerNameForbidden", "the challenge's issuer may not vouch for " + printable(subject));
    }
    const auto names = c.facts.request->subject_alt_names();
    if (!names) return;
    for (const auto& name : *names) {
        const auto kind =
            name.type == crypto::GeneralNameType::directory_name ? PatternText::distinguished_name : PatternText::plain;
        const auto text = crypto::to_text(name);
        if (!any_fits(text, terms.san_patterns, kind)) {
            c.contradict("IssuerNameForbidden", "the challenge's issuer may not vouch for " + printable(text));
        }
    }
}

void check_key(Case& c, const crypto::CertificateTerms& terms) {
    const auto& key = c.facts.request->public_key();
    if (terms.key_algorithm && *terms.key_algorithm != key.algorithm()) {
        c.contradict("KeyAlgorithmMismatch", "the challenge is for " + std::string(crypto::name(*terms.key_algorithm)) +
                                                 ", the key is " + std::string(crypto::name(key.algorithm())));
    }
    if (terms.key_bits && *terms.key_bits != key.bits()) {
        c.contradict("KeyLengthMismatch", "the challenge is for " + std::to_string(*terms.key_bits) +
                                              " bits, the key has " + std::to_string(key.bits()));
    }
    if (!terms.public_key.empty() && terms.public_key != key.fingerprint()) {
        c.contradict("RegisteredKeyMismatch", "the challenge is for another key");
    }
}

// Request and plan: the request may not ask for something else, and the certificate will say nothing else.
void check_key_usage(Case& c, const crypto::CertificateTerms& terms) {
    if (!terms.key_usage) return;
    const auto requested = c.facts.request->key_usage().value_or(0);
    if (requested != *terms.key_usage) {
        c.contradict("KeyUsageMismatch", "the challenge is for " + crypto::describe_key_usage(*terms.key_usage) +
                                             ", the request asks for \"" + crypto::describe_key_usage(requested) +
                                             "\"");
    } else if (c.plan.key_usage != *terms.key_usage) {
        c.contradict("KeyUsageMismatch", "template " + c.rules.name + " would give " +
                                             crypto::describe_key_usage(c.plan.key_usage) + " instead of " +
                                             crypto::describe_key_usage(*terms.key_usage));
    }
}

void check_extended_key_usage(Case& c, const crypto::CertificateTerms& terms) {
    if (!terms.extended_key_usage) return;
    const auto asked = c.facts.request->extended_key_usage();
    if (!asked) return;  // refused already
    const std::set<std::string> expected(terms.extended_key_usage->begin(), terms.extended_key_usage->end());
    const std::set<std::string> requested(asked->begin(), asked->end());
    for (const auto& oid : expected) {
        if (!requested.contains(oid)) {
            c.contradict("EnhancedKeyUsageMissing",
                         "the challenge is for " + crypto::extended_key_usage_name(oid) + ", which is not asked for");
        }
    }
    for (const auto& oid : requested) {
        if (!expected.contains(oid)) {
            c.contradict("EnhancedKeyUsageMismatch",
                         "the challenge is not for " + printable(crypto::extended_key_usage_name(oid)));
        }
    }
    if (expected.empty()) return;
    const auto in_template = [&](const std::string& oid) {
        return std::ranges::find(c.rules.extended_key_usage, oid) != c.rules.extended_key_usage.end();
    };
    if (!std::ranges::all_of(expected, in_template)) {
        c.contradict("EnhancedKeyUsageMismatch",
                     "template " + c.rules.name + " does not have all the challenge is for");
    }
    // Narrower than the template, never wider.
    std::erase_if(c.plan.extended_key_usage, [&](const std::string& oid) { return !expected.contains(oid); });
}

void check_validity(Case& c, const crypto::CertificateTerms& terms) {
    if (!terms.validity) return;
    if (*terms.validity > c.rules.validity) {
        return c.contradict("ValidityMismatch", "the challenge is for " + std::to_string(terms.validity->count()) +
                                                    " seconds, longer than template " + c.rules.name + " gives");
    }
    c.plan.not_after = Time{std::chrono::floor<std::chrono::seconds>(c.now + *terms.validity)};
}

// Identity hides in extensions too (a security identifier decides who logs on). These say nothing of identity:
void check_further_extensions(Case& c) {
    constexpr std::array harmless{oid::key_usage,         oid::extended_key_usage,     oid::subject_alt_name,
                                  oid::basic_constraints, oid::subject_key_identifier, oid::ms_template_name,
                                  oid::ms_template,       smime_capabilities};
    for (const auto& extension : c.facts.request->extensions()) {
        if (std::ranges::find(harmless, std::string_view(extension.oid)) != harmless.end()) continue;
        c.contradict("ExtensionMismatch", "the challenge has no word for extension " + printable(extension.oid));
    }
}

}  // namespace

void check_exact_terms(Case& c) {
    const auto& terms = *c.facts.expectation.exact;
    check_subject(c);
    check_sans(c);
    check_name_rights(c, terms);
    check_key(c, terms);
    check_key_usage(c, terms);
    check_extended_key_usage(c, terms);
    check_validity(c, terms);
    check_further_extensions(c);
}

}  // namespace countersign::policy
