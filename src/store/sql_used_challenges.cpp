#include "sql_used_challenges.hpp"

namespace countersign::store {
namespace {

constexpr Sql kFind{"SELECT mac, issuer, id, expires, attempt, state FROM used_challenges WHERE mac = :m", "t",
                    "tttitt"};
// A few at a time: the writer has others to serve.
constexpr std::int64_t kPurgeBatch = 1000;
constexpr Sql kPurge{
    "DELETE FROM used_challenges WHERE mac IN (SELECT mac FROM used_challenges WHERE expires < :b LIMIT :l)", "ii", ""};

}  // namespace

Result<std::optional<UsedChallenge>> SqlUsedChallenges::find(const std::string& mac) {
    std::optional<UsedChallenge> found;
    CHECK(readers_.run([&](Connection& connection) {
        connection.run(kFind, {mac}, [&](const Row& row) {
            found = UsedChallenge{
                {row.text(0), row.text(1), row.text(2), row.time(3)}, row.text(4), row.text(5) == "consumed"};
        });
    }));
    return found;
}

Result<std::size_t> SqlUsedChallenges::purge(Time before) {
    std::int64_t removed = 0;
    for (std::int64_t batch = kPurgeBatch; batch == kPurgeBatch; removed += batch) {
        CHECK(writer_.run("used_challenge_purge", [&](Connection& connection) -> Result<void> {
            batch = connection.change(kPurge, {before, kPurgeBatch});
            return {};
        }));
    }
    return static_cast<std::size_t>(removed);
}

}  // namespace countersign::store
