// How many files and connections this process may have open at once. For the daemon's main thread, before it listens.
#pragma once

#include <cstddef>
#include <string>

namespace countersign::app {

// Raises the limit (getrlimit(2) RLIMIT_NOFILE) to what the system lets us. Returns what is missing for `connections`
// and the daemon's own files, in words for the log; empty: nothing is.
std::string raise_descriptor_limit(std::size_t connections);

}  // namespace countersign::app
