// The verdict on a signed challenge whose form is wrong, whichever layer it is found in.
#pragma once

#include "countersign/core/result.hpp"

#include <string>

namespace countersign::challenge {

inline Error unreadable(const std::string& why) {
    return fail::denied("ChallengeDeserializationError: " + why);
}

}  // namespace countersign::challenge
