// The report of a probe as a table or JSON, and the files it leaves. One thread.
#pragma once

#include "probe.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>

namespace countersign::app {

// Before anything is asked of the server: a one-time challenge must not be spent on a certificate that cannot be kept.
// Makes the directory (0700). StartupError when it cannot be, or when one of the files is there already.
void prepare_probe_files(const std::filesystem::path& out);

// key.pem, certificate.pem, ca.pem, certificate.p12 and the password of the last in certificate.p12.password, each new
// and readable by its owner alone. Answers what is where. StartupError when one cannot be written.
nlohmann::ordered_json write_probe_files(const Probe& probe, const std::filesystem::path& out, Random& random);

struct ProbeOutcome {
    std::string url;
    bool passed = false;
    nlohmann::ordered_json files;  // null: none were written
};
void print_probe_report(const Probe& probe, const ProbeOutcome& outcome, bool json, Console& console);

}  // namespace countersign::app
