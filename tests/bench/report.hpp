// What the benchmark found, as a table for people and as JSON. Values only.
#pragma once

#include "primitives.hpp"

#include <optional>
#include <string>
#include <vector>

namespace countersign::bench {

struct EnrollmentRow {
    std::string server;
    std::size_t connections = 0;
    std::size_t enrollments = 0;  // that gave a certificate
    std::size_t refused = 0;
    double seconds = 0;
    double cpu_seconds = 0;    // of the server
    PrimitiveCost primitives;  // mean of just before and just after
    double per_second() const { return static_cast<double>(enrollments) / seconds; }
    double cpu_ms_each() const { return cpu_seconds * 1e3 / static_cast<double>(enrollments); }
    double ratio() const { return cpu_ms_each() / primitives.enrollment_ms(); }
};

struct QueryRow {
    std::string server;
    std::string operation;
    std::size_t requests = 0;
    double seconds = 0;
    double cpu_seconds = 0;
    double per_second() const { return static_cast<double>(requests) / seconds; }
    double per_core_second() const { return static_cast<double>(requests) / cpu_seconds; }
};

// Every key in a token, beside the token by itself.
struct TokenRow {
    std::string token;
    EnrollmentRow enrollments;
    std::size_t raw_threads = 0;
    double raw_per_second = 0;    // enrollments' worth of RSA; mean of just before and just after
    double files_per_second = 0;  // the same load just before, keys in files
    double of_token() const { return enrollments.per_second() / raw_per_second; }
    double of_files() const { return enrollments.per_second() / files_per_second; }
};

struct Report {
    std::vector<EnrollmentRow> enrollments;
    std::vector<QueryRow> queries;
    std::vector<TokenRow> tokens;
    PrimitiveCost primitives_crowded;  // on as many threads as there are cores
    std::vector<std::string> remarks;

    std::string table() const;
    std::string json() const;
};

}  // namespace countersign::bench
