// The case before the judge: what is known, what has been found, and the plan as far as it has been written. Each file
// of rules/ adds to it; none stops at its first finding. Values; one judgement, one thread.
#pragma once

#include "countersign/policy/judge.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace countersign::policy {

struct Case {
    const Facts& facts;
    const Template& rules;
    Time now;
    crypto::CertificateContent plan{};
    std::vector<Finding> findings{};
    std::vector<Finding> remarks{};
    bool mismatch = false;

    void refuse(std::string code, std::string detail) { findings.push_back({std::move(code), std::move(detail)}); }
    void remark(std::string code, std::string detail) { remarks.push_back({std::move(code), std::move(detail)}); }
    // The request is not what its challenge was given for.
    void contradict(std::string code, std::string detail) {
        mismatch = true;
        refuse(std::move(code), std::move(detail));
    }
    // Dropped, or refused where the template is strict.
    void drop(std::string code, std::string detail) {
        if (rules.strict_extensions)
            refuse(std::move(code), std::move(detail));
        else
            remark(std::move(code), std::move(detail));
    }
};

// A template that would make dangerous certificates makes none.
void check_template(Case& c);
void plan_key(Case& c);
void plan_validity(Case& c);
void plan_usages(Case& c);
void plan_subject(Case& c);
void plan_alt_names(Case& c);
// What the request carries beyond key, names and usages.
void check_extensions(Case& c);
void check_expectation(Case& c);
// After the plan is made: what a challenge with exact terms says, against request and plan. Narrows the plan.
void check_exact_terms(Case& c);
void check_renewal(Case& c);

// Usages no end entity gets from an RA, whatever template or request say (security reference 1.2).
bool forbidden_usage(std::string_view oid);

// The form in which SANs are compared: to_text() with host names in lower case.
std::string canonical_text(const crypto::GeneralName& name);

// Control characters, direction marks and invalid UTF-8 make a name look like another.
bool deceptive(std::string_view utf8);

}  // namespace countersign::policy
