// From settings to running parts: the one place that names adapters.
//
// An Instance owns everything it wired, in the order in which it must be taken down. Built by the daemon and, without listeners, by
// the commands. Every cross-check of settings, keys, certificates and chains happens in assemble(), before a socket opens.
#pragma once

#include "countersign/audit/sinks.hpp"
#include "countersign/challenge/verifier.hpp"
#include "countersign/config/load.hpp"
#include "countersign/core/clock.hpp"
#include "countersign/core/random.hpp"
#include "countersign/store/database.hpp"

#include <memory>
#include <string>
#include <vector>

namespace countersign::app {

// Loads a configuration or throws StartupError with every finding in words, one a line; warnings go to `warn`.
config::Settings load_or_throw(const std::filesystem::path& file, const std::function<void(const std::string&)>& warn);

// The parts that commands need one by one. Errors name the file, the key and the remedy.
Result<std::unique_ptr<store::Database>> open_store(const config::Settings& settings);
Result<Secret> read_secret_file(const std::filesystem::path& file, std::size_t least_octets, std::string_view what);
Result<std::unique_ptr<audit::Sink>> open_audit(const config::Settings& settings, const Clock& clock);
// denied: the profile's challenge mode cannot mint.
Result<std::unique_ptr<challenge::Issuer>> make_issuer(const config::Settings& settings, const std::string& profile,
                                                       store::Database& database, Random& random);

// Everything that start-up checks, without starting: configuration findings, then keys, certificates, chains, store schema.
// Empty but for warnings: it would start.
std::vector<config::Finding> check_everything(const std::filesystem::path& file);

}  // namespace countersign::app
