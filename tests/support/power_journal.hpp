// What power_cut_shim.cpp writes down about a program's files, and power_cut.cpp reads: one record for each change, in
// the order they were made, with what was there before.
#pragma once

#include <cstdint>

namespace countersign::test {

constexpr const char* kPowerJournalVariable = "COUNTERSIGN_POWER_JOURNAL";      // the journal's file
constexpr const char* kPowerDirectoryVariable = "COUNTERSIGN_POWER_DIRECTORY";  // files below it are watched
constexpr const char* kPowerLiesVariable = "COUNTERSIGN_POWER_LIES";            // set: fsync succeeds and does nothing

enum class PowerEvent : std::uint32_t {
    write,     // `inode` at `offset`: `old_octets` of what was there, then `new_octets` of what came
    truncate,  // `inode` to `offset` octets: `old_octets` of what was cut off
    sync,      // everything of `inode` before record number `offset` is on the disk
    create,    // a new entry; the path follows
    remove,    // an entry less; the path follows, and a link to the file has been kept as JOURNAL.NUMBER
    rename,    // two paths follow, each ended by a NUL; what stood at the second is kept as JOURNAL.NUMBER, if anything
    sync_tree,  // every entry of the directory `inode` before record number `offset` is on the disk; its path follows
};

struct PowerRecord {
    static constexpr std::uint32_t kMagic = 0x70637574;
    std::uint32_t magic = kMagic;
    PowerEvent event{};
    std::uint64_t number = 0;
    std::uint64_t inode = 0;
    std::uint64_t offset = 0;
    std::uint64_t old_size = 0;     // of the file
    std::uint32_t old_octets = 0;   // that follow
    std::uint32_t new_octets = 0;   // that follow those
    std::uint32_t text_octets = 0;  // that follow those
    std::uint32_t reserved = 0;
};

}  // namespace countersign::test
