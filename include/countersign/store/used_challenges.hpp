// Which signed challenges have been used: nothing about them is kept before. Reserving, consuming and releasing happen
// in store::Transactions, in the same commit as the attempt; here is what is asked and cleaned. Same contract of
// durability, blocking and errors as there.
#pragma once

#include "countersign/core/result.hpp"
#include "countersign/store/records.hpp"

#include <optional>

namespace countersign::store {

class UsedChallenges {
public:
    virtual ~UsedChallenges() = default;
    // nullopt: nobody used it, or the attempt that did failed without its fault.
    virtual Result<std::optional<UsedChallenge>> find(const std::string& mac) = 0;
    // Forgets those that expired before `before`: expired challenges are refused for that. Returns how many.
    virtual Result<std::size_t> purge(Time before) = 0;
};

}  // namespace countersign::store
