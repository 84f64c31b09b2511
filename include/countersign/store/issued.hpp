// The ledger of issued certificates and their revocation. Same contract as store/transactions.hpp; rows are never
// removed.
#pragma once

#include "countersign/core/result.hpp"
#include "countersign/store/records.hpp"

#include <optional>
#include <vector>

namespace countersign::store {

struct IssuedFilter {
    std::string subject_contains;         // empty: any
    std::string profile;                  // empty: any
    std::vector<std::string> profiles{};  // of one of these; empty: any
    bool only_valid = false;              // neither revoked nor expired at `now`
    Time now{};
    std::size_t limit = 1000;
};

class Issued {
public:
    virtual ~Issued() = default;

    // For certificates made outside enrollment (RA, CA). conflict: the serial exists under this CA.
    virtual Result<void> insert(const IssuedCertificate& certificate) = 0;
    virtual Result<std::optional<IssuedCertificate>> find(const std::string& ca, const std::string& serial) = 0;
    // Any CA; newest first. Serial in either case, with or without colons or leading zeros.
    virtual Result<std::vector<IssuedCertificate>> find_by_serial(const std::string& serial) = 0;
    virtual Result<std::vector<IssuedCertificate>> list(const IssuedFilter& filter) = 0;
    // not_found; conflict when revoked already.
    virtual Result<void> revoke(const std::string& ca, const std::string& serial, int reason, Time when) = 0;
    // Everything revoked under a CA and not yet expired at `now`, by serial.
    virtual Result<std::vector<IssuedCertificate>> revoked(const std::string& ca, Time now) = 0;
    // Changes with every revocation under the CA, also by other processes: tells whether a CRL is out of date. Cheap.
    virtual Result<std::uint64_t> revocation_version(const std::string& ca) = 0;
    // The next CRL number of a CA, durable, never given twice.
    virtual Result<std::uint64_t> next_crl_number(const std::string& ca) = 0;
};

}  // namespace countersign::store
