#include "sql_issued.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"
#include "rows.hpp"

namespace countersign::store {
namespace {

#define COUNTERSIGN_SELECT_CERTIFICATE "SELECT " COUNTERSIGN_CERTIFICATE_COLUMNS " FROM certificates "

constexpr Sql kInsert{"INSERT INTO certificates (" COUNTERSIGN_CERTIFICATE_COLUMNS
                      ") VALUES (:a, :b, :c, :d, :e, :f, :g, :h, :i, :j, :k, :l, :m, :n, :o)",
                      kCertificateTypes, ""};
constexpr Sql kFind{COUNTERSIGN_SELECT_CERTIFICATE "WHERE serial = :s AND ca = :c", "tt", kCertificateTypes};
constexpr Sql kBySerial{COUNTERSIGN_SELECT_CERTIFICATE "WHERE serial = :s ORDER BY sequence DESC", "t",
                        kCertificateTypes};
// For people, not for requests: this one may look at every row.
constexpr Sql kList{COUNTERSIGN_SELECT_CERTIFICATE
                    "WHERE (:p = '' OR profile = :q) AND " COUNTERSIGN_PROFILE_IN_LIST
                    " AND (:s = '' OR REPLACE(LOWER(subject), :t, '') <> LOWER(subject))"
                    " AND (:v = 0 OR (revoked IS NULL AND not_after >= :n)) ORDER BY sequence DESC LIMIT :l",
                    "tttttttiii", kCertificateTypes};
constexpr Sql kRevoke{
    "UPDATE certificates SET revoked = :w, revocation_reason = :r"
    " WHERE serial = :s AND ca = :c AND revoked IS NULL",
    "iitt", ""};
constexpr Sql kOrigin{
    "SELECT c.profile, c.attempt, a.challenge_kind FROM certificates c LEFT JOIN attempts a ON a.id = c.attempt"
    " WHERE c.serial = :s AND c.ca = :c",
    "tt", "ttt"};
constexpr Sql kExists{"SELECT serial FROM certificates WHERE serial = :s AND ca = :c", "tt", "t"};
constexpr Sql kRevoked{COUNTERSIGN_SELECT_CERTIFICATE
                       "WHERE ca = :c AND revoked IS NOT NULL AND not_after >= :n ORDER BY serial",
                       "ti", kCertificateTypes};
constexpr Sql kBumpVersion{
    "INSERT INTO revocation_lists (ca, version, crl_number) VALUES (:c, 1, 0)"
    " ON CONFLICT (ca) DO UPDATE SET version = revocation_lists.version + 1",
    "t", ""};
constexpr Sql kVersion{"SELECT version FROM revocation_lists WHERE ca = :c", "t", "i"};
constexpr Sql kBumpNumber{
    "INSERT INTO revocation_lists (ca, version, crl_number) VALUES (:c, 0, 1)"
    " ON CONFLICT (ca) DO UPDATE SET crl_number = revocation_lists.crl_number + 1",
    "t", ""};
constexpr Sql kNumber{"SELECT crl_number FROM revocation_lists WHERE ca = :c", "t", "i"};

std::uint64_t number_of(Connection& connection, const Sql& sql, const std::string& ca) {
    std::uint64_t number = 0;
    connection.run(sql, {ca}, [&](const Row& row) { number = static_cast<std::uint64_t>(row.number(0)); });
    return number;
}

Happening revocation_of(Connection& connection, const std::string& ca, const std::string& serial, Time when) {
    Happening happening;
    happening.event = NotificationEvent::revoked;
    happening.subject = ca + "/" + serial;
    happening.ca = ca;
    happening.serial = serial;
    happening.when = when;
    connection.run(kOrigin, {serial, ca}, [&](const Row& row) {
        happening.profile = row.text(0);
        happening.attempt = row.text(1);
        happening.challenge_kind = row.text(2);
    });
    return happening;
}

}  // namespace

Result<void> insert_certificate(Connection& connection, const IssuedCertificate& c) {
    const std::string serial = canonical_serial(c.serial);
    if (serial.empty()) return fail::malformed("not a serial number: " + printable(c.serial));
    std::string present;
    connection.run(kExists, {serial, c.ca}, [&](const Row& row) { present = row.text(0); });
    if (!present.empty()) return fail::conflict("serial " + serial + " exists already under " + c.ca);
    const Parameter attempt = c.attempt.empty() ? Parameter(std::nullopt) : Parameter(c.attempt);
    connection.change(
        kInsert, {serial, c.ca, c.profile, attempt, c.kind, c.subject, joined(c.sans), c.template_name, c.public_key,
                  c.fingerprint, c.not_before, c.not_after, c.revoked, c.revocation_reason, crypto::base64(c.der)});
    if (c.revoked) connection.change(kBumpVersion, {c.ca});
    return {};
}

Result<void> SqlIssued::insert(const IssuedCertificate& certificate) {
    return writer_.run("certificate_insert",
                       [&](Connection& connection) { return insert_certificate(connection, certificate); });
}

Result<std::vector<IssuedCertificate>> SqlIssued::select(const Sql& sql, Parameters parameters) {
    std::vector<IssuedCertificate> found;
    CHECK(readers_.run([&](Connection& connection) {
        connection.run(sql, parameters, [&](const Row& row) { found.push_back(certificate_from(row)); });
    }));
    return found;
}

Result<std::optional<IssuedCertificate>> SqlIssued::find(const std::string& ca, const std::string& serial) {
    TRY(std::vector<IssuedCertificate> found, select(kFind, {canonical_serial(serial), ca}));
    if (found.empty()) return std::optional<IssuedCertificate>();
    return std::optional<IssuedCertificate>(std::move(found.front()));
}

Result<std::vector<IssuedCertificate>> SqlIssued::find_by_serial(const std::string& serial) {
    return select(kBySerial, {canonical_serial(serial)});
}

Result<std::vector<IssuedCertificate>> SqlIssued::list(const IssuedFilter& filter) {
    const std::string wanted = to_lower(filter.subject_contains);
    const std::string profiles = name_list(filter.profiles);
    return select(kList, {filter.profile, filter.profile, profiles, profiles, profiles, wanted, wanted,
                          filter.only_valid ? 1 : 0, filter.now, limit_of(filter.limit)});
}

Result<void> SqlIssued::revoke(const std::string& ca, const std::string& serial, int reason, Time when) {
    return writer_.run("certificate_revoke", [&](Connection& connection) -> Result<void> {
        const std::string canonical = canonical_serial(serial);
        if (connection.change(kRevoke, {when, reason, canonical, ca}) == 1) {
            connection.change(kBumpVersion, {ca});
            subscribers_.tell(connection, revocation_of(connection, ca, canonical, when));
            return {};
        }
        std::string present;
        connection.run(kExists, {canonical, ca}, [&](const Row& row) { present = row.text(0); });
        const std::string words = "certificate " + printable(serial) + " of " + printable(ca);
        if (present.empty()) return fail::not_found(words + " is not known");
        return fail::conflict(words + " is revoked already");
    });
}

Result<std::vector<IssuedCertificate>> SqlIssued::revoked(const std::string& ca, Time now) {
    return select(kRevoked, {ca, now});
}

Result<std::uint64_t> SqlIssued::revocation_version(const std::string& ca) {
    std::uint64_t version = 0;
    CHECK(readers_.run([&](Connection& connection) { version = number_of(connection, kVersion, ca); }));
    return version;
}

Result<std::uint64_t> SqlIssued::next_crl_number(const std::string& ca) {
    std::uint64_t number = 0;
    CHECK(writer_.run("crl_number", [&](Connection& connection) -> Result<void> {
        connection.change(kBumpNumber, {ca});
        number = number_of(connection, kNumber, ca);
        return {};
    }));
    return number;
}

}  // namespace countersign::store
