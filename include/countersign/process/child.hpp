// One run of another program, with nothing of ours but what is given here. Blocking; safe on many threads.
#pragma once

#include "countersign/core/result.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace countersign::process {

struct ChildLimits {
    std::chrono::milliseconds time{60'000};
    std::size_t output = 256 * 1024;  // of standard output; of standard error the first 4 KiB are kept
};

struct ChildEnd {
    int exit_code = 0;
    std::string output;
    std::string errors;
};

// The program in a process group of its own, which is killed as a whole when it ends or must. unavailable: it could not
// be started. outcome_unknown: it was killed, by us (time, output) or another.
Result<ChildEnd> run_child(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                           const std::vector<std::string>& environment, const std::filesystem::path& directory,
                           const std::string& input, const ChildLimits& limits);

}  // namespace countersign::process
