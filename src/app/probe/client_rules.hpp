// Which SCEP clients can use a server, judged by what each client is known to look for in GetCACaps and GetCACert.
//
// The rules come from the clients' public sources and from threads in which their refusals were tracked down; each
// carries where it comes from. Pure functions; any thread.
#pragma once

#include "countersign/crypto/certificate.hpp"
#include "finding.hpp"

#include <set>
#include <string>
#include <vector>

namespace countersign::app {

// What a client sees before it enrolls.
struct OfferedFacts {
    bool answered_capabilities = false;
    std::set<std::string> capabilities;  // in lower case
    std::size_t capabilities_octets = 0;
    std::string ca_type;                            // Content-Type of GetCACert as sent
    std::vector<crypto::Certificate> certificates;  // of GetCACert, in order
    bool answers_without_message = true;            // GetCACert without "&message=" gave the same
    Time now{};

    bool offers(std::string_view capability) const;
};

struct ClientVerdict {
    std::string client;  // "apple", "windows", "strongswan", "jscep", "sscep", "certmonger"
    StepOutcome outcome = StepOutcome::pass;
    std::vector<std::string> reasons;  // why it fails or may fail
    std::vector<std::string> remedies;
    std::string source;  // where the client's rules are written down
};

// One verdict for each client, always all six.
std::vector<ClientVerdict> judge_clients(const OfferedFacts& facts);

// What more than one place asks about a bundle.
bool may_encrypt(const crypto::Certificate& certificate);  // key usage absent or keyEncipherment
bool may_sign(const crypto::Certificate& certificate);     // key usage absent or digitalSignature
bool is_authority(const crypto::Certificate& certificate);

}  // namespace countersign::app
