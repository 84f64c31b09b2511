// Finds out whether audit files are as they were written: nothing changed, removed, added, moved or cut off.
//
// What it can know: a line changed or missing in the middle is always found. Lines cut off the end are found by a later
// line that is known (`expected`: a checkpoint from another machine's journal), or by the next daemon that goes on with
// the chain. Whoever can write the files and has the audit key can make another history; without the key not beyond the
// last checkpoint. Reads files; no state; any thread.
#pragma once

#include "countersign/audit/chain.hpp"
#include "countersign/crypto/public_key.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace countersign::audit {

struct VerificationOptions {
    std::optional<crypto::PublicKey> key;  // without: the signatures of checkpoints are not judged
    std::vector<ChainHead> expected;       // lines that must be there
};

struct Finding {
    std::filesystem::path file;  // empty: about all of them
    std::size_t line = 0;        // from 1; 0: about the file
    std::string what;
};

struct Verification {
    std::vector<Finding> findings;  // empty: all is well
    std::vector<Finding> notes;     // nothing wrong, but to be known
    std::size_t lines = 0;
    ChainHead head;                   // the last line
    std::optional<ChainHead> sealed;  // the last line a good checkpoint covers
};

// `files` from the oldest to the newest. unavailable: one cannot be read.
Result<Verification> verify(const std::vector<std::filesystem::path>& files, const VerificationOptions& options);

}  // namespace countersign::audit
