// The judgement of a request: pure, complete, and the only maker of certificate plans.
//
// Certificate content is rebuilt from the template; from the request only the public key passes through, and the names
// the rules allow (design invariant 2). All findings are reported, not the first. Any thread.
#pragma once

#include "countersign/crypto/certificate_builder.hpp"
#include "countersign/policy/facts.hpp"

#include <string>
#include <variant>
#include <vector>

namespace countersign::policy {

// One thing that is wrong, in the vocabulary of the Intune and NDES logs where it has a word (ndes reference F).
struct Finding {
    std::string code;    // stable, e.g. "SubjectNameMismatch", "KeyLengthMismatch", "KeyWeak", "ExtensionForbidden"
    std::string detail;  // in words, foreign text printable()
    bool operator==(const Finding&) const = default;
};

struct Allow {
    crypto::CertificateContent plan;
    std::vector<Finding> remarks;  // what was dropped
};
struct Hold {
    crypto::CertificateContent plan;
    std::string reason;
    std::vector<Finding> remarks;
};
struct Deny {
    std::vector<Finding> findings;  // never empty
    bool mismatch = false;          // the request is not what its challenge was given for
    bool blameless = false;         // whoever asked did nothing wrong: it does not count against their challenge
};
using Decision = std::variant<Allow, Hold, Deny>;

Decision judge(const Facts& facts, const Template& rules, Time now);

// "SubjectNameMismatch: ...; KeyWeak: ..."
std::string describe(const std::vector<Finding>& findings);

// Compares what a CA returned with what was planned: public key, subject, SAN set, key usage, EKU, basic constraints,
// and validity within the plan (a shorter one is the CA's right). Empty: it matches.
std::vector<Finding> compare_with_plan(const crypto::CertificateContent& plan, const crypto::Certificate& certificate);

}  // namespace countersign::policy
