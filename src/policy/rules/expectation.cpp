// Whether the request is what its challenge was given for.
#include "case.hpp"
#include "countersign/core/text.hpp"

#include <set>

namespace countersign::policy {
namespace {

void check_expected_subject(Case& c) {
    const auto& expected = c.facts.expectation.subject;
    if (expected.empty()) return;
    const auto name = crypto::Name::from_text(expected);
    const auto& subject = c.facts.request->subject();
    if (!name) {
        c.contradict("SubjectNameMismatch",
                     "the subject bound to the challenge cannot be read: " + printable(expected));
    } else if (subject.empty()) {
        c.contradict("SubjectNameMissing", "the challenge is for " + printable(expected));
    } else if (!name->matches(subject)) {
        c.contradict("SubjectNameMismatch",
                     "the challenge is for " + printable(expected) + ", the request for " + printable(subject.text()));
    }
}

// A set, compared for equality: a superset is an attack, a subset a mistake. A challenge that names a subject names
// everything: whoever holds it must not add somebody else's user principal name.
void check_expected_sans(Case& c) {
    if (c.facts.expectation.sans.empty() && c.facts.expectation.subject.empty()) return;
    std::set<std::string> expected;
    for (const auto& text : c.facts.expectation.sans) {
        const auto name = crypto::general_name_from_text(text);
        expected.insert(name ? canonical_text(*name) : text);
    }
    const auto names = c.facts.request->subject_alt_names();
    if (!names) return c.contradict("SubjectAltNameMismatch", "the requested names cannot be read");
    std::set<std::string> requested;
    for (const auto& name : *names) requested.insert(canonical_text(name));

    for (const auto& text : expected) {
        if (!requested.contains(text)) {
            c.contradict("SubjectAltNameMissing", "the challenge is for " + printable(text));
        }
    }
    for (const auto& text : requested) {
        if (!expected.contains(text)) {
            c.contradict("SubjectAltNameMismatch", "the challenge is not for " + printable(text));
        }
    }
}

}  // namespace

void check_expectation(Case& c) {
    if (c.facts.expectation.exact) {
        check_exact_terms(c);
    } else {
        check_expected_subject(c);
        check_expected_sans(c);
    }
    const auto& template_name = c.facts.expectation.template_name;
    if (!template_name.empty() && template_name != c.rules.name) {
        c.contradict("TemplateMismatch",
                     "the challenge is for template " + printable(template_name) + ", not " + c.rules.name);
    }
}

}  // namespace countersign::policy
