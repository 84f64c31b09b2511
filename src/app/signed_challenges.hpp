// Signed challenges from settings: their keys and issuers. Errors name the file, the key and the remedy.
#pragma once

#include "countersign/challenge/signed.hpp"
#include "countersign/config/settings.hpp"
#include "countersign/keys/key.hpp"

namespace countersign::app {

// denied: the key cannot open challenges, and why.
Result<challenge::ChallengeKey> open_challenge_key(keys::KeySource& source, const std::string& uri);
Result<std::vector<challenge::TrustedIssuer>> read_issuers(const config::Settings& settings);
// All that a profile of mode "signed" needs.
Result<challenge::SignedOptions> signed_options(const config::Settings& settings, const std::string& profile,
                                                keys::KeySource& source);

}  // namespace countersign::app
