// What a test tells the fault shim (fault_shim.cpp) through a file that both map: which calls shall fail, and by how
// much the wall clock is wrong. tests/support/faults.py writes the same octets; the layout is checked below.
//
// A test arms a rule by writing its fields and `calls` last; it takes effect at once, in a running program. All fields
// may be read and written at any time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace countersign::test {

enum FaultyCall : std::uint32_t {
    kAllocate = 1,   // malloc, calloc, realloc, aligned_alloc, posix_memalign
    kWrite = 2,      // write, pwrite, writev, pwritev
    kRead = 4,       // read, pread, readv; of sockets too, unless a prefix is given
    kSync = 8,       // fsync, fdatasync
    kTruncate = 16,  // ftruncate
    kOpen = 32,      // open, openat and fopen for writing or creating
    kRename = 64,
    kAccept = 128,   // accept, accept4
    kReceive = 256,  // recv, recvfrom, recvmsg, and read and readv of sockets
    kSend = 512,     // send, sendto, sendmsg, and write and writev on sockets
    kConnect = 1024,
    kSocket = 2048,  // socket
    kWatch = 4096,   // epoll_create1, epoll_ctl, eventfd, timerfd_create
    kOpenToRead = 8192,
};

// In place of an errno: what is read or written is one octet of what was asked for.
inline constexpr std::int32_t kShort = -1;

struct FaultRule {
    std::atomic<std::uint32_t> calls{0};  // of FaultyCall; 0: the rule is off
    std::atomic<std::int32_t> error{0};   // the errno they fail with, or kShort
    std::atomic<std::int64_t> pass{0};    // how many succeed first
    std::atomic<std::int64_t> fail{0};    // how many then fail; negative: all
    std::atomic<std::uint64_t> seen{0};   // calls that the rule is about, since the test set this to 0
    std::atomic<std::uint64_t> failed{0};
    // What the files' paths begin with; empty: every call, sockets and memory too.
    char prefix[472]{};
};

struct FaultControl {
    static constexpr std::uint64_t kMagic = 0x4641554c54303031;
    std::uint64_t magic = kMagic;
    std::atomic<std::int64_t> clock_offset_ns{0};  // added to the wall clock, never to the monotonic one
    FaultRule rules[4];
};

static_assert(offsetof(FaultRule, prefix) == 40 && sizeof(FaultRule) == 512 && sizeof(FaultControl) == 16 + 4 * 512);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

inline constexpr const char* kFaultControlVariable = "COUNTERSIGN_FAULT_CONTROL";

}  // namespace countersign::test
