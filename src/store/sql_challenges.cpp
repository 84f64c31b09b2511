#include "sql_challenges.hpp"

#include "countersign/core/text.hpp"
#include "rows.hpp"

namespace countersign::store {
namespace {

#define COUNTERSIGN_SELECT_CHALLENGE "SELECT " COUNTERSIGN_CHALLENGE_COLUMNS " FROM challenges "
#define COUNTERSIGN_NEWEST_CHALLENGES " ORDER BY created DESC, id LIMIT :l"

constexpr Sql kFind{COUNTERSIGN_SELECT_CHALLENGE "WHERE mac = :m", "t", kChallengeTypes};
constexpr Sql kFindById{COUNTERSIGN_SELECT_CHALLENGE "WHERE id = :i", "t", kChallengeTypes};
// Four texts rather than one with "or": each can then use the index made for it.
constexpr Sql kAll{COUNTERSIGN_SELECT_CHALLENGE COUNTERSIGN_NEWEST_CHALLENGES, "i", kChallengeTypes};
constexpr Sql kOfProfile{COUNTERSIGN_SELECT_CHALLENGE "WHERE profile = :p" COUNTERSIGN_NEWEST_CHALLENGES, "ti",
                         kChallengeTypes};
constexpr Sql kOutstanding{COUNTERSIGN_SELECT_CHALLENGE
                           "WHERE state = 'outstanding' AND expires > :n" COUNTERSIGN_NEWEST_CHALLENGES,
                           "ii", kChallengeTypes};
constexpr Sql kOutstandingOfProfile{
    COUNTERSIGN_SELECT_CHALLENGE
    "WHERE state = 'outstanding' AND profile = :p AND expires > :n" COUNTERSIGN_NEWEST_CHALLENGES,
    "tii", kChallengeTypes};

constexpr Sql kCount{"SELECT COUNT(*) FROM challenges WHERE state = 'outstanding' AND profile = :p AND expires > :n",
                     "ti", "i"};
constexpr Sql kCountByCreator{
    "SELECT COUNT(*) FROM challenges WHERE created_by = :c AND state = 'outstanding' AND expires > :n", "ti", "i"};
constexpr Sql kInsert{"INSERT INTO challenges (" COUNTERSIGN_CHALLENGE_COLUMNS
                      ", changed) VALUES (:a, :b, :c, :d, :e, :f, :g, :h, :i, :j, :k, :l, :m)",
                      "tttttttiititi", ""};
constexpr Sql kRevoke{"UPDATE challenges SET state = 'revoked', changed = :n WHERE id = :i AND state = 'outstanding'",
                      "it", ""};
constexpr Sql kStateById{"SELECT state FROM challenges WHERE id = :i", "t", "t"};
// A reserved one belongs to its attempt: it is counted and, should it come back, burnt at the next refusal.
constexpr Sql kRefuse{
    "UPDATE challenges SET refusals = refusals + 1, changed = :n,"
    " state = CASE WHEN state = 'outstanding' AND refusals + 1 >= :b THEN 'burnt' ELSE state END"
    " WHERE mac = :m AND state IN ('outstanding', 'reserved')",
    "iit", ""};
// A few at a time: the writer has others to serve.
constexpr std::int64_t kPurgeBatch = 1000;
constexpr Sql kPurgeExpired{
    "DELETE FROM challenges WHERE mac IN (SELECT mac FROM challenges"
    " WHERE state = 'outstanding' AND expires < :b LIMIT :l)",
    "ii", ""};
constexpr Sql kPurgeFinal{
    "DELETE FROM challenges WHERE mac IN (SELECT mac FROM challenges"
    " WHERE state IN ('consumed', 'revoked', 'burnt') AND changed < :b LIMIT :l)",
    "ii", ""};

}  // namespace

Result<void> SqlChallenges::insert(const Challenge& c, const OutstandingLimits& limits) {
    return writer_.run("challenge_insert", [&](Connection& connection) -> Result<void> {
        const auto refuse_at = [&](const Sql& count, const std::string& whose, std::size_t limit) -> Result<void> {
            std::size_t outstanding = 0;
            connection.run(count, {whose, c.created},
                           [&](const Row& row) { outstanding = static_cast<std::size_t>(row.number(0)); });
            if (outstanding < limit) return {};
            return fail::throttled(printable(whose) + " has " + std::to_string(outstanding) +
                                   " outstanding challenges already");
        };
        CHECK(refuse_at(kCount, c.profile, limits.in_profile));
        if (limits.by_creator != 0) CHECK(refuse_at(kCountByCreator, c.created_by, limits.by_creator));
        connection.change(kInsert, {c.mac, c.id, c.profile, c.subject, joined(c.sans), c.template_name, c.created_by,
                                    c.created, c.expires, name(c.state), c.refusals, c.attempt, c.created});
        return {};
    });
}

Result<std::vector<Challenge>> SqlChallenges::select(const Sql& sql, Parameters parameters) {
    std::vector<Challenge> found;
    CHECK(readers_.run([&](Connection& connection) {
        connection.run(sql, parameters, [&](const Row& row) { found.push_back(challenge_from(row)); });
    }));
    return found;
}

Result<std::optional<Challenge>> SqlChallenges::find(const std::string& mac) {
    TRY(std::vector<Challenge> found, select(kFind, {mac}));
    if (found.empty()) return std::optional<Challenge>();
    return std::optional<Challenge>(std::move(found.front()));
}

Result<std::optional<Challenge>> SqlChallenges::find_by_id(const std::string& id) {
    TRY(std::vector<Challenge> found, select(kFindById, {id}));
    if (found.empty()) return std::optional<Challenge>();
    return std::optional<Challenge>(std::move(found.front()));
}

Result<std::vector<Challenge>> SqlChallenges::list(const std::string& profile, bool only_outstanding, Time now,
                                                   std::size_t limit) {
    if (only_outstanding && profile.empty()) return select(kOutstanding, {now, limit_of(limit)});
    if (only_outstanding) return select(kOutstandingOfProfile, {profile, now, limit_of(limit)});
    if (profile.empty()) return select(kAll, {limit_of(limit)});
    return select(kOfProfile, {profile, limit_of(limit)});
}

Result<std::size_t> SqlChallenges::count_outstanding(const std::string& profile, Time now) {
    std::size_t count = 0;
    CHECK(readers_.run([&](Connection& connection) {
        connection.run(kCount, {profile, now},
                       [&](const Row& row) { count = static_cast<std::size_t>(row.number(0)); });
    }));
    return count;
}

Result<void> SqlChallenges::revoke(const std::string& id, Time now) {
    return writer_.run("challenge_revoke", [&](Connection& connection) -> Result<void> {
        if (connection.change(kRevoke, {now, id}) == 1) return {};
        std::string state;
        connection.run(kStateById, {id}, [&](const Row& row) { state = row.text(0); });
        if (state.empty()) return fail::not_found("there is no challenge " + printable(id));
        return fail::conflict("challenge " + printable(id) + " is " + state);
    });
}

Result<ChallengeState> SqlChallenges::count_refusal(const std::string& mac, int burn_after, Time now) {
    std::optional<Challenge> after;
    CHECK(writer_.run("challenge_refusal", [&](Connection& connection) -> Result<void> {
        connection.change(kRefuse, {now, burn_after, mac});
        connection.run(kFind, {mac}, [&](const Row& row) { after = challenge_from(row); });
        if (!after) return fail::not_found("there is no such challenge");
        return {};
    }));
    return after->state;
}

Result<std::size_t> SqlChallenges::purge(Time before) {
    std::int64_t removed = 0;
    for (const Sql* kind : {&kPurgeExpired, &kPurgeFinal}) {
        for (std::int64_t batch = kPurgeBatch; batch == kPurgeBatch; removed += batch) {
            CHECK(writer_.run("challenge_purge", [&](Connection& connection) -> Result<void> {
                batch = connection.change(*kind, {before, kPurgeBatch});
                return {};
            }));
        }
    }
    return static_cast<std::size_t>(removed);
}

}  // namespace countersign::store
