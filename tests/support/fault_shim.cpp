// Loaded into a program with LD_PRELOAD: lets its system calls and allocations fail, and its wall clock be wrong, as
// the file named by COUNTERSIGN_FAULT_CONTROL says at that moment (fault_control.hpp). Without that file nothing
// changes.
//
// Nothing here allocates, locks or calls what it stands in for: the calls go to the kernel by syscall(2), allocations
// to glibc's own names for them. Calls that glibc makes inside itself (stdio's, for example) are not seen.
#include "fault_control.hpp"

#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <ctime>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {

using countersign::test::FaultControl;
using countersign::test::FaultRule;
using countersign::test::FaultyCall;

std::atomic<FaultControl*> control{nullptr};
// The dynamic loader's own code: it ends the program when it gets no memory, which is none of the program's doing.
std::uintptr_t loader_begin = 0;
std::uintptr_t loader_end = 0;

int note_loader(dl_phdr_info* object, std::size_t, void*) {
    if (std::strstr(object->dlpi_name, "ld-linux") == nullptr) return 0;
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const auto& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
        loader_begin = object->dlpi_addr + segment.p_vaddr;
        loader_end = loader_begin + segment.p_memsz;
    }
    return 1;
}

__attribute__((constructor)) void map_control() {
    const char* path = std::getenv(countersign::test::kFaultControlVariable);
    if (path == nullptr) return;
    dl_iterate_phdr(note_loader, nullptr);
    const auto descriptor = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC));
    if (descriptor < 0) return;
    void* mapped = ::mmap(nullptr, sizeof(FaultControl), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    ::syscall(SYS_close, descriptor);
    if (mapped == MAP_FAILED) return;
    auto* const found = static_cast<FaultControl*>(mapped);
    if (found->magic == FaultControl::kMagic) control.store(found);
}

bool is_below(const FaultRule& rule, const char* path) {
    return std::strncmp(path, rule.prefix, ::strnlen(rule.prefix, sizeof rule.prefix)) == 0;
}

bool is_below(const FaultRule& rule, int descriptor) {
    char link[32] = "/proc/self/fd/";
    char digits[12];
    std::size_t count = 0;
    for (auto rest = static_cast<unsigned>(descriptor); count == 0 || rest > 0; rest /= 10)
        digits[count++] = static_cast<char>('0' + rest % 10);
    std::size_t at = std::strlen(link);
    while (count > 0) link[at++] = digits[--count];
    char target[4096];
    const long length = ::syscall(SYS_readlinkat, AT_FDCWD, link, target, sizeof target - 1);
    if (length < 0) return false;
    target[length] = '\0';
    return is_below(rule, target);
}

// The errno this call shall fail with; 0: it goes on.
template <class Which>
int fault_of(FaultyCall call, Which which) {
    auto* const orders = control.load(std::memory_order_acquire);
    if (orders == nullptr) return 0;
    const int before = errno;
    for (auto& rule : orders->rules) {
        if ((rule.calls.load(std::memory_order_acquire) & call) == 0) continue;
        if (rule.prefix[0] != '\0' && !is_below(rule, which)) continue;
        const auto number = static_cast<std::int64_t>(rule.seen.fetch_add(1));
        const auto pass = rule.pass.load();
        const auto fail = rule.fail.load();
        if (number < pass || (fail >= 0 && number >= pass + fail)) continue;
        rule.failed.fetch_add(1);
        return rule.error.load();
    }
    errno = before;
    return 0;
}

template <class Which, class... Arguments>
long call_unless_faulty(FaultyCall call, Which which, long number, Arguments... arguments) {
    if (const int error = fault_of(call, which); error != 0) {
        errno = error;
        return -1;
    }
    return ::syscall(number, arguments...);
}

bool is_for_writing(int flags) {
    return (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) != 0;
}

int open_unless_faulty(int directory, const char* path, int flags, mode_t mode) {
    if (!is_for_writing(flags)) return static_cast<int>(::syscall(SYS_openat, directory, path, flags, mode));
    return static_cast<int>(call_unless_faulty(FaultyCall::kOpen, path, SYS_openat, directory, path, flags, mode));
}

bool no_memory(const void* caller) {
    const auto address = reinterpret_cast<std::uintptr_t>(caller);
    if (address >= loader_begin && address < loader_end) return false;
    const int error = fault_of(FaultyCall::kAllocate, -1);
    if (error == 0) return false;
    errno = error;
    return true;
}

void add_offset(timespec& time) {
    constexpr std::int64_t second = 1'000'000'000;
    const auto* const orders = control.load(std::memory_order_acquire);
    if (orders == nullptr) return;
    const std::int64_t whole = time.tv_sec * second + time.tv_nsec + orders->clock_offset_ns.load();
    time.tv_sec = whole / second;
    time.tv_nsec = whole % second;
}

}  // namespace

// Several of these have a second name for files of any size, which here are the same.
#define COUNTERSIGN_SAME_AS(name) __attribute__((alias(#name)))

extern "C" {

void* malloc(std::size_t size) {
    return no_memory(__builtin_return_address(0)) ? nullptr : __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
    return no_memory(__builtin_return_address(0)) ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
    return no_memory(__builtin_return_address(0)) ? nullptr : __libc_realloc(old, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    return no_memory(__builtin_return_address(0)) ? nullptr : __libc_memalign(alignment, size);
}
int posix_memalign(void** result, std::size_t alignment, std::size_t size) {
    if (no_memory(__builtin_return_address(0))) return ENOMEM;
    *result = __libc_memalign(alignment, size);
    return *result == nullptr ? ENOMEM : 0;
}

ssize_t write(int descriptor, const void* from, std::size_t size) {
    return call_unless_faulty(FaultyCall::kWrite, descriptor, SYS_write, descriptor, from, size);
}
ssize_t pwrite(int descriptor, const void* from, std::size_t size, off_t at) {
    return call_unless_faulty(FaultyCall::kWrite, descriptor, SYS_pwrite64, descriptor, from, size, at);
}
ssize_t pwrite64(int descriptor, const void* from, std::size_t size, off_t at) COUNTERSIGN_SAME_AS(pwrite);
ssize_t writev(int descriptor, const iovec* parts, int count) {
    return call_unless_faulty(FaultyCall::kWrite, descriptor, SYS_writev, descriptor, parts, count);
}
ssize_t pwritev(int descriptor, const iovec* parts, int count, off_t at) {
    return call_unless_faulty(FaultyCall::kWrite, descriptor, SYS_pwritev, descriptor, parts, count, at, 0L);
}
ssize_t pwritev64(int descriptor, const iovec* parts, int count, off_t at) COUNTERSIGN_SAME_AS(pwritev);

ssize_t read(int descriptor, void* into, std::size_t size) {
    return call_unless_faulty(FaultyCall::kRead, descriptor, SYS_read, descriptor, into, size);
}
ssize_t pread(int descriptor, void* into, std::size_t size, off_t at) {
    return call_unless_faulty(FaultyCall::kRead, descriptor, SYS_pread64, descriptor, into, size, at);
}
ssize_t pread64(int descriptor, void* into, std::size_t size, off_t at) COUNTERSIGN_SAME_AS(pread);
ssize_t readv(int descriptor, const iovec* parts, int count) {
    return call_unless_faulty(FaultyCall::kRead, descriptor, SYS_readv, descriptor, parts, count);
}

int fsync(int descriptor) {
    return static_cast<int>(call_unless_faulty(FaultyCall::kSync, descriptor, SYS_fsync, descriptor));
}
int fdatasync(int descriptor) {
    return static_cast<int>(call_unless_faulty(FaultyCall::kSync, descriptor, SYS_fdatasync, descriptor));
}
int ftruncate(int descriptor, off_t size) noexcept {
    return static_cast<int>(call_unless_faulty(FaultyCall::kTruncate, descriptor, SYS_ftruncate, descriptor, size));
}
int ftruncate64(int descriptor, off_t size) noexcept COUNTERSIGN_SAME_AS(ftruncate);

int rename(const char* from, const char* to) noexcept {
    return static_cast<int>(call_unless_faulty(FaultyCall::kRename, to, SYS_rename, from, to));
}

int open(const char* path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const auto mode = va_arg(rest, mode_t);
    va_end(rest);
    return open_unless_faulty(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) COUNTERSIGN_SAME_AS(open);
int openat(int directory, const char* path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const auto mode = va_arg(rest, mode_t);
    va_end(rest);
    return open_unless_faulty(directory, path, flags, mode);
}
int openat64(int directory, const char* path, int flags, ...) COUNTERSIGN_SAME_AS(openat);

int clock_gettime(clockid_t clock, timespec* into) noexcept {
    const long done = ::syscall(SYS_clock_gettime, clock, into);
    if (done == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) add_offset(*into);
    return static_cast<int>(done);
}
int gettimeofday(timeval* into, void*) noexcept {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    into->tv_sec = time.tv_sec;
    into->tv_usec = time.tv_nsec / 1000;
    return 0;
}
std::time_t time(std::time_t* into) noexcept {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    if (into != nullptr) *into = time.tv_sec;
    return time.tv_sec;
}
}
