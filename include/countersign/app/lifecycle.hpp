// The daemon's life: start, serve, reload, drain.
//
// run_daemon blocks its thread (the main one: it takes the process's signals) until SIGTERM or SIGINT and everything in
// flight is answered. Throws StartupError when it cannot start; nothing has been served then.
#pragma once

#include "countersign/ra/enrollment.hpp"

#include <filesystem>
#include <string>

namespace countersign::app {

struct DaemonOptions {
    std::filesystem::path config;
    std::string version;
    ra::CrashPoint crash_point;  // fault tests only
};

// The process's exit code.
int run_daemon(const DaemonOptions& options);

}  // namespace countersign::app
