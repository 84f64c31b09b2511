// An Apple configuration profile with one com.apple.security.scep payload: what a Mac, an iPhone or an MDM is given to
// enroll with. Pure but for the randomness it is handed; any thread.
#pragma once

#include "countersign/core/random.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/crypto/general_name.hpp"
#include "countersign/crypto/name.hpp"

#include <optional>
#include <string>
#include <vector>

namespace countersign::app {

struct MobileconfigContent {
    std::string url;
    std::string name;  // sent as `message` of GetCACert
    crypto::Name subject;
    std::vector<crypto::GeneralName> sans;  // dns, email, uri and upn: Apple has no others
    std::optional<Secret> challenge;
    unsigned key_bits = 2048;
    Bytes ca_fingerprint;  // SHA-1 of the topmost CA certificate: what Apple compares
};

// The property list, XML. Its two UUIDs (version 4) are the first 32 octets of `random`. malformed: a name of a type
// Apple has no place for, or text that XML cannot hold (control characters).
Result<Secret> mobileconfig(const MobileconfigContent& content, Random& random);

}  // namespace countersign::app
