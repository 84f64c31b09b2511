// store::Challenges in SQL. Borrows the writer and the readers. Private to the store.
#pragma once

#include "countersign/store/challenges.hpp"
#include "readers.hpp"
#include "writer.hpp"

namespace countersign::store {

class SqlChallenges final : public Challenges {
public:
    SqlChallenges(Writer& writer, Readers& readers) : writer_(writer), readers_(readers) {}

    Result<void> insert(const Challenge& challenge, const OutstandingLimits& limits) override;
    Result<std::optional<Challenge>> find(const std::string& mac) override;
    Result<std::optional<Challenge>> find_by_id(const std::string& id) override;
    Result<std::vector<Challenge>> list(const std::string& profile, bool only_outstanding, Time now,
                                        std::size_t limit) override;
    Result<std::size_t> count_outstanding(const std::string& profile, Time now) override;
    Result<void> revoke(const std::string& id, Time now) override;
    Result<ChallengeState> count_refusal(const std::string& mac, int burn_after, Time now) override;
    Result<std::size_t> purge(Time before) override;

private:
    Result<std::vector<Challenge>> select(const Sql& sql, Parameters parameters);

    Writer& writer_;
    Readers& readers_;
};

}  // namespace countersign::store
