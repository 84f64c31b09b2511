// What must hold after any number of crashes, judged from outside: from what clients hold, what the store says, and
// what the audit file says. Pure functions.
#pragma once

#include "ledger.hpp"

#include <string>
#include <vector>

namespace countersign::test {

// One client with one request, and what it got in all its tries.
struct ClientRecord {
    std::string challenge_id;
    std::string transaction_id;
    std::string signer_key;
    Bytes csr;
    bool shares_challenge = false;      // another client has the same one-time password: one of them gets a certificate
    std::vector<Bytes> certificates;    // the different ones it was given
    std::vector<std::string> troubles;  // refusals and answers that make no sense
};

// Everything that is wrong, in words; empty when all is well. `audit`: the audit file's text. `torn_lines`: unparsable
// lines that the test itself put there.
std::vector<std::string> judge(const Ledger& ledger, const std::vector<ClientRecord>& clients, const std::string& audit,
                               std::size_t torn_lines = 0);

}  // namespace countersign::test
