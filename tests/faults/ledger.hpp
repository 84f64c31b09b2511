// The store as it lies on disk, read with SQLite itself and none of the program's own store code. Throws
// std::runtime_error.
#pragma once

#include "countersign/config/settings.hpp"
#include "countersign/core/bytes.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace countersign::test {

struct AttemptRow {
    std::string id;
    std::string signer_key;
    std::string transaction_id;
    std::string state;
    std::string challenge_mac;
    std::string certificate_serial;
    Bytes csr;
};
struct ChallengeRow {
    std::string mac;
    std::string id;
    std::string state;
    std::string attempt;
};
struct CertificateRow {
    std::string serial;
    std::string ca;
    std::string attempt;  // empty: not by enrollment
    Bytes der;
};
struct Ledger {
    std::vector<AttemptRow> attempts;
    std::vector<ChallengeRow> challenges;
    std::vector<CertificateRow> certificates;
};

// Of the SQLite database that `settings` name; requests are opened with their pepper.
Ledger read_ledger(const config::Settings& settings);

// Runs SQL on a database without foreign keys, to spoil it.
void run_sql(const std::filesystem::path& database, const std::string& sql);

}  // namespace countersign::test
