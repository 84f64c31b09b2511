// How a question gets to a policy hook, and its answer back: the seam between what is asked (hook.hpp) and how
// (webhook.hpp, command.hpp).
//
// Contract: blocking, safe on many threads, bounded in time and in octets. What it carries was made for the hook alone
// and holds no secret.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/core/result.hpp"

#include <string>

namespace countersign::hook {

// An answer is a few hundred octets; a plan repeated with 128 names is some thousands.
inline constexpr std::size_t longest_answer = 64 * 1024;

struct Letter {
    std::string id;    // the same when the same question is asked again
    std::string body;  // JSON
    Time at{};
};

class Carrier {
public:
    virtual ~Carrier() = default;
    // The answer's body as it came, believed in nothing. Any error means that there is no answer, whatever became of
    // the question: hooks are asked again under the same id.
    virtual Result<std::string> carry(const Letter& letter) = 0;
    virtual std::string describe() const = 0;
};

}  // namespace countersign::hook
