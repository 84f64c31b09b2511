// store::UsedChallenges in SQL. Borrows the writer and the readers. Private to the store.
#pragma once

#include "countersign/store/used_challenges.hpp"
#include "readers.hpp"
#include "writer.hpp"

namespace countersign::store {

class SqlUsedChallenges final : public UsedChallenges {
public:
    SqlUsedChallenges(Writer& writer, Readers& readers) : writer_(writer), readers_(readers) {}

    Result<std::optional<UsedChallenge>> find(const std::string& mac) override;
    Result<std::size_t> purge(Time before) override;

private:
    Writer& writer_;
    Readers& readers_;
};

}  // namespace countersign::store
