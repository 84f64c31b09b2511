// The statement that the audit key signs, as an event. Private to audit; values.
#pragma once

#include "countersign/audit/chain.hpp"
#include "countersign/keys/key.hpp"

#include <nlohmann/json.hpp>

namespace countersign::audit {

// "The line numbered `head.seq` has the hash `head.hash`." unavailable: the key is away.
Result<Event> checkpoint_event(const ChainHead& head, keys::Key& key);

// A member of a line that may be anything; empty: absent, or no text.
std::string text_of(const nlohmann::json& line, const char* member);

// Whether `line`, an audit.checkpoint as JSON, says so of `head` and is signed by `key`. denied: why not.
Result<void> check_checkpoint(const nlohmann::json& line, const ChainHead& head, const crypto::PublicKey& key);

}  // namespace countersign::audit
