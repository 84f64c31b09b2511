#include "report.hpp"

#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

namespace countersign::bench {

std::string Report::table() const {
    std::ostringstream out;
    out << std::fixed;
    out << "Enrollments, RSA 2048 throughout\n"
           "server       connections  issued refused     per s  CPU ms each  RSA ms each    ratio\n";
    for (const auto& row : enrollments) {
        out << std::left << std::setw(13) << row.server << std::right << std::setw(11) << row.connections
            << std::setw(8) << row.enrollments << std::setw(8) << row.refused << std::setw(10) << std::setprecision(1)
            << row.per_second() << std::setw(13) << std::setprecision(3) << row.cpu_ms_each() << std::setw(13)
            << row.primitives.enrollment_ms() << std::setw(9) << row.ratio() << '\n';
    }
    out << "\nRSA ms each: one private decryption and three signatures on one thread, measured before and after each "
           "row.\n"
           "The same with all cores at it: "
        << std::setprecision(3) << primitives_crowded.enrollment_ms() << " ms\n\n"
        << "Queries on keep-alive connections\n"
           "server       operation        number     per s   per s of server CPU\n";
    for (const auto& row : queries) {
        out << std::left << std::setw(13) << row.server << std::setw(12) << row.operation << std::right << std::setw(11)
            << row.requests << std::setw(10) << std::setprecision(0) << row.per_second() << std::setw(22)
            << row.per_core_second() << '\n';
    }
    if (!tokens.empty()) {
        out << "\nEvery key in a token, beside the token by itself and beside files\n"
               "token    connections  issued     per s  token alone  of the token   of files  CPU ms each\n";
    }
    for (const auto& row : tokens) {
        out << std::left << std::setw(9) << row.token << std::right << std::setw(11) << row.enrollments.connections
            << std::setw(8) << row.enrollments.enrollments << std::setw(10) << std::setprecision(1)
            << row.enrollments.per_second() << std::setw(13) << row.raw_per_second << std::setw(14)
            << std::setprecision(2) << row.of_token() << std::setw(11) << row.of_files() << std::setw(13)
            << std::setprecision(3) << row.enrollments.cpu_ms_each() << '\n';
    }
    for (const auto& remark : remarks) out << '\n' << remark << '\n';
    return std::move(out).str();
}

std::string Report::json() const {
    nlohmann::json document;
    document["enrollments"] = nlohmann::json::array();
    for (const auto& row : enrollments) {
        document["enrollments"].push_back({{"server", row.server},
                                           {"connections", row.connections},
                                           {"enrollments", row.enrollments},
                                           {"refused", row.refused},
                                           {"per_second", row.per_second()},
                                           {"cpu_ms_each", row.cpu_ms_each()},
                                           {"rsa_primitives_ms", row.primitives.enrollment_ms()},
                                           {"ratio_to_primitives", row.ratio()}});
    }
    document["queries"] = nlohmann::json::array();
    for (const auto& row : queries) {
        document["queries"].push_back({{"server", row.server},
                                       {"operation", row.operation},
                                       {"requests", row.requests},
                                       {"per_second", row.per_second()},
                                       {"per_second_per_core", row.per_core_second()}});
    }
    document["tokens"] = nlohmann::json::array();
    for (const auto& row : tokens) {
        document["tokens"].push_back({{"token", row.token},
                                      {"connections", row.enrollments.connections},
                                      {"enrollments", row.enrollments.enrollments},
                                      {"per_second", row.enrollments.per_second()},
                                      {"cpu_ms_each", row.enrollments.cpu_ms_each()},
                                      {"raw_threads", row.raw_threads},
                                      {"raw_per_second", row.raw_per_second},
                                      {"files_per_second", row.files_per_second},
                                      {"fraction_of_token", row.of_token()},
                                      {"ratio_to_files", row.of_files()}});
    }
    document["rsa_primitives_ms_all_cores_busy"] = primitives_crowded.enrollment_ms();
    document["remarks"] = remarks;
    return document.dump(2);
}

}  // namespace countersign::bench
