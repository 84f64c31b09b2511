// What a disk may have kept of a killed program's changes whose power was cut at that moment.
#pragma once

#include <cstddef>
#include <filesystem>
#include <random>

namespace countersign::test {

struct PowerCut {
    std::size_t unsynced = 0;  // changes that no fsync had made safe
    std::size_t lost = 0;      // of them, in whole or in part
};

// Undoes what `journal` (power_cut_shim.cpp) says of the files below `directory` and no fsync made safe, but for what
// is `kept` (0 to 1: the chance of each change, and of each block of one, to have reached the disk all the same), in
// any order. A new, renamed or removed entry is safe only once its directory was synced. Removes the journal, and
// SQLite's -shm files, of which nothing can be known. Throws std::runtime_error.
PowerCut cut_power(const std::filesystem::path& journal, const std::filesystem::path& directory, double kept,
                   std::mt19937& dice);

}  // namespace countersign::test
