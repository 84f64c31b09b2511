// One SCEP endpoint, wired: everything an enrollment needs to know that does not change between reloads.
//
// Immutable once built; shared by all threads. The challenge verifier and CA backend are safe on many threads by
// contract.
#pragma once

#include "countersign/ca/backend.hpp"
#include "countersign/ca/revocation_view.hpp"
#include "countersign/challenge/verifier.hpp"
#include "countersign/hook/hook.hpp"
#include "countersign/policy/facts.hpp"
#include "countersign/ra/agent.hpp"
#include "countersign/scep/capabilities.hpp"
#include "countersign/scep/request.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace countersign::ra {

enum class WhenUnavailable { answer_retry, answer_pending };

struct Profile {
    std::string name;
    scep::AcceptedAlgorithms accepted;
    std::vector<scep::DecryptionKey> decryption_keys;  // the advertised one first
    std::shared_ptr<const Agent> agent;
    // Beside decryption_keys: the agent that was advertised together with each; null or not there: the agent above.
    std::vector<std::shared_ptr<const Agent>> agents_of_old;
    std::shared_ptr<challenge::Verifier> verifier;
    std::shared_ptr<hook::Hook> hook{};  // has a say beside policy; null: none
    std::string ca_name;  // how the ledger names the backend
    std::shared_ptr<ca::Backend> backend;
    std::shared_ptr<const ca::RevocationView> revocations{};  // what the CA has revoked; null: the ledger alone says
    std::vector<crypto::Certificate> ca_chain;                // issuing CA first
    std::vector<crypto::Certificate> successor_chain;  // for GetNextCACert; empty: none
    std::map<std::string, policy::Template> templates;
    std::string template_signature;
    std::string template_encryption;
    std::string template_general_purpose;
    bool renewal = true;
    bool include_ca_in_reply = false;
    bool answer_queries = true;  // GetCert, GetCRL
    WhenUnavailable when_unavailable = WhenUnavailable::answer_retry;
    std::chrono::milliseconds hold{15'000};  // how long a client waits for the CA before it is told to poll
    bool countersign_as_cmc = false;         // a CMC full PKI request instead of CMS over the PKCS#10
    // How far the clock of a CA somewhere else may be from ours; nullopt: the CA is ours and keeps to the plan.
    std::optional<std::chrono::minutes> clock_slack{};
    Secret substitute_secret;            // keys the substitute content key (design invariant 5)
    std::string capabilities;            // GetCACaps, made once
    scep::BodyWithType ca_certificates;  // GetCACert, made once

    policy::TemplateSet template_set() const;
    // Whose signature a client expects that encrypted to this one of decryption_keys: the agent it saw beside it, while
    // that one is valid, else the present one. A client that remembers what GetCACert once said verifies replies with
    // that (interop reference, fact 11).
    const Agent& replying_agent(std::size_t recipient, Time now) const;
};

}  // namespace countersign::ra
