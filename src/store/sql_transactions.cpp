#include "sql_transactions.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"
#include "rows.hpp"
#include "sql_issued.hpp"

namespace countersign::store {
namespace {

constexpr Sql kLatest{"SELECT " COUNTERSIGN_ATTEMPT_COLUMNS
                      " FROM attempts WHERE profile = :p AND signer_key = :s AND transaction_id = :t"
                      " ORDER BY sequence DESC LIMIT 1",
                      "ttt", kAttemptTypes};
constexpr Sql kFind{"SELECT " COUNTERSIGN_ATTEMPT_COLUMNS " FROM attempts WHERE id = :i", "t", kAttemptTypes};
constexpr Sql kInState{"SELECT " COUNTERSIGN_ATTEMPT_COLUMNS
                       " FROM attempts WHERE state = :s ORDER BY sequence LIMIT :l",
                       "ti", kAttemptTypes};
constexpr Sql kRecent{"SELECT " COUNTERSIGN_ATTEMPT_COLUMNS " FROM attempts ORDER BY sequence DESC LIMIT :l", "i",
                      kAttemptTypes};
// For people, not for requests: these two may look at every row.
constexpr Sql kList{"SELECT " COUNTERSIGN_ATTEMPT_COLUMNS " FROM attempts WHERE " COUNTERSIGN_PROFILE_IN_LIST
                    " ORDER BY sequence DESC LIMIT :l",
                    "ttti", kAttemptTypes};
constexpr Sql kListInState{"SELECT " COUNTERSIGN_ATTEMPT_COLUMNS
                           " FROM attempts WHERE state = :s AND " COUNTERSIGN_PROFILE_IN_LIST
                           " ORDER BY sequence DESC LIMIT :l",
                           "tttti", kAttemptTypes};
constexpr Sql kCount{"SELECT COUNT(*) FROM attempts WHERE state = :s", "t", "i"};
constexpr Sql kInsert{"INSERT INTO attempts (" COUNTERSIGN_ATTEMPT_COLUMNS
                      ") VALUES (:a, :b, :c, :d, :e, :f, :g, :h, :i, :j, :k, :l, :m, :n, :o, :p, :q, :r, :s)",
                      kAttemptTypes, ""};
constexpr Sql kInFlight{
    "SELECT id FROM attempts WHERE profile = :p AND signer_key = :s AND transaction_id = :t"
    " AND state NOT IN ('issued', 'failed')",
    "ttt", "t"};
constexpr Sql kState{"SELECT state, challenge_mac, profile, challenge_kind FROM attempts WHERE id = :i", "t", "tttt"};

// The one statement by which a one-time password is claimed: it changes one row, or the password is not to be had.
constexpr Sql kReserve{
    "UPDATE challenges SET state = 'reserved', attempt = :a, changed = :n WHERE mac = :m"
    " AND profile = :p AND state = 'outstanding' AND expires > :e",
    "titti", ""};
constexpr Sql kConsume{
    "UPDATE challenges SET state = 'consumed', changed = :n WHERE mac = :m AND attempt = :a"
    " AND state = 'reserved'",
    "itt", ""};
constexpr Sql kRelease{
    "UPDATE challenges SET state = 'outstanding', attempt = '', changed = :n WHERE mac = :m"
    " AND attempt = :a AND state = 'reserved'",
    "itt", ""};
constexpr Sql kWhyNot{"SELECT state, expires FROM challenges WHERE mac = :m AND profile = :p", "tt", "ti"};

// Likewise for a challenge that is known only by having been used. A released one has no row.
constexpr Sql kReserveOnce{
    "INSERT INTO used_challenges (mac, issuer, id, profile, attempt, state, expires, changed)"
    " VALUES (:m, :i, :j, :p, :a, 'reserved', :e, :n) ON CONFLICT (mac) DO NOTHING",
    "tttttii", ""};
constexpr Sql kConsumeOnce{
    "UPDATE used_challenges SET state = 'consumed', changed = :n WHERE mac = :m AND attempt = :a", "itt", ""};
constexpr Sql kReleaseOnce{"DELETE FROM used_challenges WHERE mac = :m AND attempt = :a AND state = 'reserved'", "tt",
                           ""};

constexpr Sql kIssued{"UPDATE attempts SET state = 'issued', certificate_serial = :c, updated = :n WHERE id = :i",
                      "tit", ""};
constexpr Sql kPending{"UPDATE attempts SET state = 'pending', ca_handle = :h, updated = :n WHERE id = :i", "tit", ""};
constexpr Sql kFailed{"UPDATE attempts SET state = 'failed', reason = :r, updated = :n WHERE id = :i", "tit", ""};
constexpr Sql kApproved{"UPDATE attempts SET state = 'approved', reason = :r, updated = :n WHERE id = :i", "tit", ""};
constexpr Sql kSubmitting{"UPDATE attempts SET state = 'intent', updated = :n WHERE id = :i", "it", ""};

struct Standing {
    std::string state;
    std::string challenge_mac;
    std::string profile;
    std::string challenge_kind;
};

Result<Standing> standing_of(Connection& connection, const std::string& attempt_id) {
    std::optional<Standing> standing;
    connection.run(kState, {attempt_id}, [&](const Row& row) {
        standing = Standing{row.text(0), row.text(1), row.text(2), row.text(3)};
    });
    if (!standing) return fail::not_found("there is no request " + printable(attempt_id));
    return *std::move(standing);
}

Error wrong_state(const std::string& attempt_id, const Standing& standing) {
    return fail::conflict("request " + printable(attempt_id) + " is " + standing.state);
}

// Attempts the CA may answer: not the final ones, and not one an officer has yet to see.
Result<Standing> awaiting_the_ca(Connection& connection, const std::string& attempt_id) {
    TRY(Standing standing, standing_of(connection, attempt_id));
    const bool awaiting = standing.state == "intent" || standing.state == "approved" || standing.state == "pending";
    if (!awaiting) return wrong_state(attempt_id, standing);
    return standing;
}

Error why_not(Connection& connection, const Attempt& attempt) {
    std::string reason = "it is unknown here";
    connection.run(kWhyNot, {attempt.challenge_mac, attempt.key.profile}, [&](const Row& row) {
        reason =
            row.text(0) == name(ChallengeState::outstanding) ? "it has expired" : "it is " + row.text(0) + " already";
    });
    return fail::denied("the challenge cannot be reserved: " + reason);
}

// `request`: the sealed one.
Result<void> insert_attempt(Connection& connection, const Attempt& a, const std::string& request) {
    connection.change(kInsert, {a.id, a.key.profile, a.key.signer_key, a.key.transaction_id, a.kind, a.request_digest,
                                request, a.plan, a.template_name, a.subject, a.client, a.challenge_mac, name(a.state),
                                a.reason, a.ca_handle, a.certificate_serial, a.created, a.updated, a.challenge_kind});
    return {};
}

Happening happening_to(NotificationEvent event, const std::string& attempt_id, const Standing& standing, Time when) {
    Happening happening;
    happening.event = event;
    happening.subject = happening.attempt = attempt_id;
    happening.profile = standing.profile;
    happening.challenge_kind = standing.challenge_kind;
    happening.when = when;
    return happening;
}

// Nothing to consume or release is no error: the attempt's outcome counts whatever became of the challenge.
void consume(Connection& connection, const std::string& mac, const std::string& attempt_id, Time now) {
    connection.change(kConsume, {now, mac, attempt_id});
    connection.change(kConsumeOnce, {now, mac, attempt_id});
}

void release(Connection& connection, const std::string& mac, const std::string& attempt_id, Time now) {
    connection.change(kRelease, {now, mac, attempt_id});
    connection.change(kReleaseOnce, {mac, attempt_id});
}

Result<void> reserve_once(Connection& connection, const Attempt& attempt) {
    const SingleUse& use = *attempt.single_use;
    if (use.mac != attempt.challenge_mac) return fail::internal("an attempt names two challenges");
    if (use.expires <= attempt.created) return fail::denied("the challenge cannot be reserved: it has expired");
    const auto reserved = connection.change(
        kReserveOnce, {use.mac, use.issuer, use.id, attempt.key.profile, attempt.id, use.expires, attempt.created});
    if (reserved != 1) return fail::denied("the challenge cannot be reserved: it is used already");
    return {};
}

Result<void> intend(Connection& connection, const Attempt& attempt, const std::string& request) {
    std::string other;
    connection.run(kInFlight, {attempt.key.profile, attempt.key.signer_key, attempt.key.transaction_id},
                   [&](const Row& row) { other = row.text(0); });
    if (!other.empty()) return fail::conflict("request " + other + " is in flight under the same transaction");
    if (attempt.single_use) {
        CHECK(reserve_once(connection, attempt));
    } else if (!attempt.challenge_mac.empty()) {
        const auto reserved = connection.change(
            kReserve, {attempt.id, attempt.created, attempt.challenge_mac, attempt.key.profile, attempt.created});
        if (reserved != 1) return why_not(connection, attempt);
    }
    return insert_attempt(connection, attempt, request);
}

}  // namespace

Result<void> SqlTransactions::record_intent(const Attempt& attempt) {
    if (attempt.state != AttemptState::intent && attempt.state != AttemptState::held) {
        return fail::internal("an attempt begins as intent or held, not " + std::string(name(attempt.state)));
    }
    TRY(const auto request, seal_.seal(attempt.id, attempt.csr));
    return writer_.run("intent", [&](Connection& connection) -> Result<void> {
        CHECK(intend(connection, attempt, request));
        if (attempt.state != AttemptState::held) return {};
        const Standing standing{"held", attempt.challenge_mac, attempt.key.profile, attempt.challenge_kind};
        subscribers_.tell(connection, happening_to(NotificationEvent::held, attempt.id, standing, attempt.created));
        return {};
    });
}

Result<void> SqlTransactions::record_issued(const std::string& attempt_id, const IssuedCertificate& certificate,
                                            Time now) {
    return writer_.run("issued", [&](Connection& connection) -> Result<void> {
        TRY(const Standing standing, awaiting_the_ca(connection, attempt_id));
        IssuedCertificate of_attempt = certificate;
        of_attempt.attempt = attempt_id;
        CHECK(insert_certificate(connection, of_attempt));
        connection.change(kIssued, {canonical_serial(certificate.serial), now, attempt_id});
        consume(connection, standing.challenge_mac, attempt_id, now);
        auto happening = happening_to(NotificationEvent::issued, attempt_id, standing, now);
        happening.ca = certificate.ca;
        happening.serial = canonical_serial(certificate.serial);
        subscribers_.tell(connection, happening);
        return {};
    });
}

Result<void> SqlTransactions::record_pending(const std::string& attempt_id, const std::string& ca_handle, Time now,
                                             bool told) {
    return writer_.run("pending", [&](Connection& connection) -> Result<void> {
        TRY(const Standing standing, awaiting_the_ca(connection, attempt_id));
        connection.change(kPending, {ca_handle, now, attempt_id});
        consume(connection, standing.challenge_mac, attempt_id, now);
        if (told) subscribers_.tell(connection, happening_to(NotificationEvent::pending, attempt_id, standing, now));
        return {};
    });
}

Result<void> SqlTransactions::record_waiting(const std::string& attempt_id, const std::string& reason, Time now) {
    return writer_.run("waiting", [&](Connection& connection) -> Result<void> {
        TRY(const Standing standing, standing_of(connection, attempt_id));
        if (standing.state != "intent") return wrong_state(attempt_id, standing);
        connection.change(kApproved, {reason, now, attempt_id});
        return {};
    });
}

Result<void> SqlTransactions::record_submitting(const std::string& attempt_id, Time now) {
    return writer_.run("submitting", [&](Connection& connection) -> Result<void> {
        TRY(const Standing standing, standing_of(connection, attempt_id));
        if (standing.state != "approved") return wrong_state(attempt_id, standing);
        connection.change(kSubmitting, {now, attempt_id});
        return {};
    });
}

Result<void> SqlTransactions::record_failed(const std::string& attempt_id, const std::string& reason,
                                            ChallengeFate fate, Time now) {
    return writer_.run("failed", [&](Connection& connection) -> Result<void> {
        TRY(const Standing standing, standing_of(connection, attempt_id));
        if (standing.state == "issued" || standing.state == "failed") return wrong_state(attempt_id, standing);
        connection.change(kFailed, {reason, now, attempt_id});
        const auto settle = fate == ChallengeFate::release ? release : consume;
        settle(connection, standing.challenge_mac, attempt_id, now);
        auto happening = happening_to(NotificationEvent::failed, attempt_id, standing, now);
        happening.final = fate == ChallengeFate::consume;
        if (!happening.final) happening.detail = R"({"final":false})";
        subscribers_.tell(connection, happening);
        return {};
    });
}

Result<void> SqlTransactions::approve(const std::string& attempt_id, const std::string& officer, Time now) {
    return writer_.run("approve", [&](Connection& connection) -> Result<void> {
        TRY(const Standing standing, standing_of(connection, attempt_id));
        if (standing.state != "held") return wrong_state(attempt_id, standing);
        connection.change(kApproved, {"approved by " + officer, now, attempt_id});
        return {};
    });
}

Result<void> SqlTransactions::deny(const std::string& attempt_id, const std::string& officer, const std::string& reason,
                                   Time now) {
    return writer_.run("deny", [&](Connection& connection) -> Result<void> {
        TRY(const Standing standing, standing_of(connection, attempt_id));
        if (standing.state != "held") return wrong_state(attempt_id, standing);
        connection.change(kFailed, {"denied by " + officer + ": " + reason, now, attempt_id});
        consume(connection, standing.challenge_mac, attempt_id, now);
        subscribers_.tell(connection, happening_to(NotificationEvent::failed, attempt_id, standing, now));
        return {};
    });
}

Result<std::vector<Attempt>> SqlTransactions::select(const Sql& sql, Parameters parameters) {
    std::vector<Attempt> found;
    CHECK(readers_.run([&](Connection& connection) {
        found.clear();
        connection.run(sql, parameters, [&](const Row& row) { found.push_back(attempt_from(row, seal_)); });
    }));
    return found;
}

Result<std::optional<Attempt>> SqlTransactions::latest(const TransactionKey& key) {
    TRY(std::vector<Attempt> found, select(kLatest, {key.profile, key.signer_key, key.transaction_id}));
    if (found.empty()) return std::optional<Attempt>();
    return std::optional<Attempt>(std::move(found.front()));
}

Result<Attempt> SqlTransactions::find(const std::string& attempt_id) {
    TRY(std::vector<Attempt> found, select(kFind, {attempt_id}));
    if (found.empty()) return fail::not_found("there is no request " + printable(attempt_id));
    return std::move(found.front());
}

Result<std::vector<Attempt>> SqlTransactions::in_state(AttemptState state, std::size_t limit) {
    return select(kInState, {name(state), limit_of(limit)});
}

Result<std::vector<Attempt>> SqlTransactions::recent(std::size_t limit) {
    return select(kRecent, {limit_of(limit)});
}

Result<std::vector<Attempt>> SqlTransactions::list(const AttemptFilter& filter) {
    const std::string profiles = name_list(filter.profiles);
    if (filter.state)
        return select(kListInState, {name(*filter.state), profiles, profiles, profiles, limit_of(filter.limit)});
    return select(kList, {profiles, profiles, profiles, limit_of(filter.limit)});
}

Result<std::size_t> SqlTransactions::count(AttemptState state) {
    std::size_t found = 0;
    CHECK(readers_.run([&](Connection& connection) {
        connection.run(kCount, {name(state)}, [&](const Row& row) { found = static_cast<std::size_t>(row.number(0)); });
    }));
    return found;
}

}  // namespace countersign::store
