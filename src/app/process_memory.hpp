// Keeping this process's memory, where keys and passwords pass, off disks. For the daemon's main thread, before any
// secret is read.
#pragma once

#include <string>

namespace countersign::app {

// No core dump and no debugger of the same user (prctl(2) PR_SET_DUMPABLE, RLIMIT_CORE), and no page in swap where the
// system allows it. Returns what could not be done, in words for the log; empty: all was.
std::string guard_process_memory();

}  // namespace countersign::app
