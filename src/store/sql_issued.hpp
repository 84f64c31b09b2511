// store::Issued in SQL. Borrows the writer, the readers and the subscribers. Private to the store.
#pragma once

#include "countersign/store/issued.hpp"
#include "readers.hpp"
#include "subscribers.hpp"
#include "writer.hpp"

namespace countersign::store {

class SqlIssued final : public Issued {
public:
    SqlIssued(Writer& writer, Readers& readers, const Subscribers& subscribers)
        : writer_(writer), readers_(readers), subscribers_(subscribers) {}

    Result<void> insert(const IssuedCertificate& certificate) override;
    Result<std::optional<IssuedCertificate>> find(const std::string& ca, const std::string& serial) override;
    Result<std::vector<IssuedCertificate>> find_by_serial(const std::string& serial) override;
    Result<std::vector<IssuedCertificate>> list(const IssuedFilter& filter) override;
    Result<void> revoke(const std::string& ca, const std::string& serial, int reason, Time when) override;
    Result<std::vector<IssuedCertificate>> revoked(const std::string& ca, Time now) override;
    Result<std::uint64_t> revocation_version(const std::string& ca) override;
    Result<std::uint64_t> next_crl_number(const std::string& ca) override;

private:
    Result<std::vector<IssuedCertificate>> select(const Sql& sql, Parameters parameters);

    Writer& writer_;
    Readers& readers_;
    const Subscribers& subscribers_;
};

// The row alone, for commits that hold more. malformed: the serial is no number. conflict: it exists under this CA.
Result<void> insert_certificate(Connection& connection, const IssuedCertificate& certificate);

}  // namespace countersign::store
