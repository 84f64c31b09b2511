#include "case.hpp"
#include "countersign/policy/key_strength.hpp"

namespace countersign::policy {

void plan_key(Case& c) {
    const auto& key = c.facts.request->public_key();
    c.plan.spki = to_bytes(key.spki());
    for (auto& finding : key_findings(key, c.rules.key)) c.findings.push_back(std::move(finding));

    // Design invariant 3: whoever re-signs a captured envelope with a key of his own must not get the reply.
    if (c.facts.purpose != Purpose::enroll || !c.rules.signer_key_must_match) return;
    if (c.facts.signer == nullptr || !(c.facts.signer->public_key() == key)) {
        c.refuse("SignerKeyMismatch", "the message is not signed with the key it asks a certificate for");
    }
}

}  // namespace countersign::policy
