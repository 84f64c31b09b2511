#include "countersign/policy/narrow.hpp"

#include "countersign/core/text.hpp"

#include <algorithm>

namespace countersign::policy {
namespace {

struct Pen {
    const crypto::CertificateContent& plan;  // as it was approved
    crypto::CertificateContent left;
    std::vector<Finding> findings{};
    std::vector<Finding> remarks{};

    void refuse(std::string code, std::string detail) { findings.push_back({std::move(code), std::move(detail)}); }
    void remark(std::string code, std::string detail) { remarks.push_back({std::move(code), std::move(detail)}); }
};

template <class List, class Value>
bool contains(const List& list, const Value& value) {
    return std::ranges::find(list, value) != list.end();
}

// A name without one of its parts is another name, not less of this one.
void keep_subject(Pen& pen, const std::string& subject) {
    if (subject == pen.plan.subject.text()) return;
    pen.refuse("SubjectChanged", "\"" + printable(subject) + "\" is not the plan's subject");
}

void narrow_alt_names(Pen& pen, const std::vector<std::string>& kept) {
    std::vector<std::string> planned;
    pen.left.subject_alt_names.clear();
    for (const auto& name : pen.plan.subject_alt_names) {
        planned.push_back(crypto::to_text(name));
        if (contains(kept, planned.back())) {
            pen.left.subject_alt_names.push_back(name);
        } else {
            pen.remark("SubjectAltNameRemoved", printable(planned.back()));
        }
    }
    for (const auto& name : kept) {
        if (!contains(planned, name)) pen.refuse("SubjectAltNameAdded", printable(name) + " is not in the plan");
    }
    if (pen.left.subject_alt_names.empty() && pen.plan.subject.empty())
        pen.refuse("SubjectAltNameEmpty", "the subject is empty too: nobody would be named");
}

void narrow_key_usage(Pen& pen, const std::vector<std::string>& kept) {
    crypto::KeyUsage usage = 0;
    for (const auto& name : kept) {
        const auto bit = crypto::key_usage_from_names({name});
        if (!bit || (*bit & ~pen.plan.key_usage) != 0) {
            pen.refuse("KeyUsageAdded", printable(name) + " is not in the plan");
        } else {
            usage = static_cast<crypto::KeyUsage>(usage | *bit);
        }
    }
    if (usage == 0 && pen.plan.key_usage != 0) return pen.refuse("KeyUsageEmpty", "no key usage would be left");
    const auto removed = static_cast<crypto::KeyUsage>(pen.plan.key_usage & ~usage);
    // These two bits take away from keyAgreement (RFC 5280 4.2.1.3): without them it is good for more.
    constexpr crypto::KeyUsage restrictions = crypto::usage::encipher_only | crypto::usage::decipher_only;
    if ((removed & restrictions) != 0 && (usage & crypto::usage::key_agreement) != 0) {
        return pen.refuse("KeyUsageAdded",
                          "without " + crypto::describe_key_usage(removed & restrictions) + " keyAgreement is wider");
    }
    if (removed != 0) pen.remark("KeyUsageRemoved", crypto::describe_key_usage(removed));
    pen.left.key_usage = usage;
}

void narrow_extended_key_usage(Pen& pen, const std::vector<std::string>& kept) {
    std::vector<std::string> oids;
    for (const auto& name : kept) {
        auto oid = crypto::extended_key_usage_from_name(name);
        if (!oid || !contains(pen.plan.extended_key_usage, *oid)) {
            pen.refuse("EnhancedKeyUsageAdded", printable(name) + " is not in the plan");
        } else {
            oids.push_back(*std::move(oid));
        }
    }
    if (oids.empty() && !pen.plan.extended_key_usage.empty())
        return pen.refuse("EnhancedKeyUsageEmpty", "no extended key usage would be left");
    pen.left.extended_key_usage.clear();
    for (const auto& oid : pen.plan.extended_key_usage) {
        if (contains(oids, oid)) {
            pen.left.extended_key_usage.push_back(oid);
        } else {
            pen.remark("EnhancedKeyUsageRemoved", printable(crypto::extended_key_usage_name(oid)));
        }
    }
}

void narrow_validity(Pen& pen, const PlanChanges& changes, Time now) {
    const auto whole_seconds = [](Time time) { return Time{std::chrono::floor<std::chrono::seconds>(time)}; };
    const Time not_before = changes.not_before ? whole_seconds(*changes.not_before) : pen.plan.not_before;
    const Time not_after = changes.not_after ? whole_seconds(*changes.not_after) : pen.plan.not_after;
    // What is written has whole seconds: who only repeats the plan has changed nothing.
    if (not_before < whole_seconds(pen.plan.not_before)) {
        return pen.refuse("ValidityWidened", "it would begin at " + to_rfc3339(not_before) + ", before " +
                                                 to_rfc3339(pen.plan.not_before));
    }
    if (not_after > pen.plan.not_after) {
        return pen.refuse("ValidityWidened",
                          "it would end at " + to_rfc3339(not_after) + ", after " + to_rfc3339(pen.plan.not_after));
    }
    if (not_after <= not_before || not_after <= now) {
        return pen.refuse("ValidityEmpty", "from " + to_rfc3339(not_before) + " to " + to_rfc3339(not_after) +
                                               " it would never be valid");
    }
    pen.left.not_before = std::max(not_before, pen.plan.not_before);
    pen.left.not_after = not_after;
    if (pen.left.not_before != pen.plan.not_before || not_after < whole_seconds(pen.plan.not_after)) {
        pen.remark("ValidityShortened", "from " + to_rfc3339(pen.left.not_before) + " to " + to_rfc3339(not_after));
    }
}

}  // namespace

Narrowing narrow(const crypto::CertificateContent& plan, const PlanChanges& changes, Time now) {
    Pen pen{.plan = plan, .left = plan};
    if (changes.subject) keep_subject(pen, *changes.subject);
    if (changes.subject_alt_names) narrow_alt_names(pen, *changes.subject_alt_names);
    if (changes.key_usage) narrow_key_usage(pen, *changes.key_usage);
    if (changes.extended_key_usage) narrow_extended_key_usage(pen, *changes.extended_key_usage);
    if (changes.not_before || changes.not_after) narrow_validity(pen, changes, now);
    if (!pen.findings.empty()) return Widened{std::move(pen.findings)};
    return Narrowed{std::move(pen.left), std::move(pen.remarks)};
}

}  // namespace countersign::policy
