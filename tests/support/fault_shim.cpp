// Loaded into a program with LD_PRELOAD: lets its system calls and allocations fail, and its wall clock be wrong, as
// the file named by COUNTERSIGN_FAULT_CONTROL says at that moment (fault_control.hpp). Without that file nothing
// changes. A program that is aborted tells on standard error where.
//
// Nothing here allocates, locks or calls what it stands in for: the calls go to the kernel by syscall(2), allocations
// to glibc's own names for them. Calls that glibc makes inside itself (stdio's, but for opening) are not seen.
#include "fault_control.hpp"
#include "shim_calls.hpp"

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
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
std::FILE* (*real_fopen)(const char*, const char*) = nullptr;
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

void find_fopen() {
    real_fopen = reinterpret_cast<decltype(real_fopen)>(::dlsym(RTLD_NEXT, "fopen64"));
}

// For addr2line.
void tell_where(int signal) {
    void* frames[64];
    ::backtrace_symbols_fd(frames, ::backtrace(frames, 64), STDERR_FILENO);
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

__attribute__((constructor)) void map_control() {
    find_fopen();
    const char* path = std::getenv(countersign::test::kFaultControlVariable);
    if (path == nullptr) return;
    dl_iterate_phdr(note_loader, nullptr);
    void* frame = nullptr;
    ::backtrace(&frame, 1);  // loads what it needs now, while there is memory
    for (const int signal : {SIGABRT, SIGSEGV, SIGBUS}) std::signal(signal, tell_where);
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

// The errno this call shall fail with, or kShort; 0: it goes on. `calls`: all that it is, of FaultyCall.
template <class Which>
int fault_of(std::uint32_t calls, Which which) {
    auto* const orders = control.load(std::memory_order_acquire);
    if (orders == nullptr) return 0;
    const int before = errno;
    for (auto& rule : orders->rules) {
        if ((rule.calls.load(std::memory_order_acquire) & calls) == 0) continue;
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
long call_unless_faulty(std::uint32_t calls, Which which, long number, Arguments... arguments) {
    if (const int error = fault_of(calls, which); error > 0) {
        errno = error;
        return -1;
    }
    return ::syscall(number, arguments...);
}

bool is_socket(int descriptor) {
    const int before = errno;
    int type = 0;
    socklen_t size = sizeof type;
    const bool is = ::syscall(SYS_getsockopt, descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
    errno = before;
    return is;
}

std::uint32_t reading_from(int descriptor) {
    if (control.load(std::memory_order_acquire) == nullptr) return 0;
    return FaultyCall::kRead | (is_socket(descriptor) ? FaultyCall::kReceive : 0U);
}
std::uint32_t writing_to(int descriptor) {
    if (control.load(std::memory_order_acquire) == nullptr) return 0;
    return FaultyCall::kWrite | (is_socket(descriptor) ? FaultyCall::kSend : 0U);
}

// Octets between memory and a descriptor: `transfer(size)` moves that many at most.
template <class Transfer>
ssize_t transfer_unless_faulty(std::uint32_t calls, int descriptor, std::size_t size, Transfer transfer) {
    const int error = calls == 0 ? 0 : fault_of(calls, descriptor);
    if (error > 0) {
        errno = error;
        return -1;
    }
    return transfer(error == countersign::test::kShort && size > 1 ? std::size_t{1} : size);
}

// The first octet of what `parts` are about; false: there is none.
bool first_octet(const iovec* parts, std::size_t count, iovec& octet) {
    for (std::size_t i = 0; i < count; ++i) {
        if (parts[i].iov_len == 0) continue;
        octet = {parts[i].iov_base, 1};
        return true;
    }
    return false;
}

// `transfer(parts, count)` moves what they hold, or part of it.
template <class Transfer>
ssize_t scatter_unless_faulty(std::uint32_t calls, int descriptor, const iovec* parts, std::size_t count,
                              Transfer transfer) {
    const int error = calls == 0 ? 0 : fault_of(calls, descriptor);
    if (error > 0) {
        errno = error;
        return -1;
    }
    iovec octet{};
    if (error == countersign::test::kShort && first_octet(parts, count, octet)) return transfer(&octet, std::size_t{1});
    return transfer(parts, count);
}

bool is_for_writing(int flags) {
    return (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) != 0;
}

int open_unless_faulty(int directory, const char* path, int flags, mode_t mode) {
    const auto call = is_for_writing(flags) ? FaultyCall::kOpen : FaultyCall::kOpenToRead;
    return static_cast<int>(call_unless_faulty(call, path, SYS_openat, directory, path, flags, mode));
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
    return transfer_unless_faulty(writing_to(descriptor), descriptor, size,
                                  [&](std::size_t most) { return ::syscall(SYS_write, descriptor, from, most); });
}
ssize_t pwrite(int descriptor, const void* from, std::size_t size, off_t at) {
    return transfer_unless_faulty(FaultyCall::kWrite, descriptor, size, [&](std::size_t most) {
        return ::syscall(SYS_pwrite64, descriptor, from, most, at);
    });
}
ssize_t pwrite64(int descriptor, const void* from, std::size_t size, off_t at) COUNTERSIGN_SAME_AS(pwrite);
ssize_t writev(int descriptor, const iovec* parts, int count) {
    return scatter_unless_faulty(
        writing_to(descriptor), descriptor, parts, static_cast<std::size_t>(count),
        [&](const iovec* some, std::size_t many) { return ::syscall(SYS_writev, descriptor, some, many); });
}
ssize_t pwritev(int descriptor, const iovec* parts, int count, off_t at) {
    return scatter_unless_faulty(
        FaultyCall::kWrite, descriptor, parts, static_cast<std::size_t>(count),
        [&](const iovec* some, std::size_t many) { return ::syscall(SYS_pwritev, descriptor, some, many, at, 0L); });
}
ssize_t pwritev64(int descriptor, const iovec* parts, int count, off_t at) COUNTERSIGN_SAME_AS(pwritev);

ssize_t read(int descriptor, void* into, std::size_t size) {
    return transfer_unless_faulty(reading_from(descriptor), descriptor, size,
                                  [&](std::size_t most) { return ::syscall(SYS_read, descriptor, into, most); });
}
ssize_t pread(int descriptor, void* into, std::size_t size, off_t at) {
    return transfer_unless_faulty(FaultyCall::kRead, descriptor, size,
                                  [&](std::size_t most) { return ::syscall(SYS_pread64, descriptor, into, most, at); });
}
ssize_t pread64(int descriptor, void* into, std::size_t size, off_t at) COUNTERSIGN_SAME_AS(pread);
ssize_t readv(int descriptor, const iovec* parts, int count) {
    return scatter_unless_faulty(
        reading_from(descriptor), descriptor, parts, static_cast<std::size_t>(count),
        [&](const iovec* some, std::size_t many) { return ::syscall(SYS_readv, descriptor, some, many); });
}

ssize_t recvfrom(int descriptor, void* into, std::size_t size, int flags, sockaddr* from, socklen_t* length) {
    return transfer_unless_faulty(FaultyCall::kReceive, descriptor, size, [&](std::size_t most) {
        return ::syscall(SYS_recvfrom, descriptor, into, most, flags, from, length);
    });
}
ssize_t recv(int descriptor, void* into, std::size_t size, int flags) {
    return recvfrom(descriptor, into, size, flags, nullptr, nullptr);
}
ssize_t recvmsg(int descriptor, msghdr* message, int flags) {
    return scatter_unless_faulty(FaultyCall::kReceive, descriptor, message->msg_iov, message->msg_iovlen,
                                 [&](const iovec* some, std::size_t many) {
                                     msghdr all = *message;
                                     all.msg_iov = const_cast<iovec*>(some);
                                     all.msg_iovlen = many;
                                     const long received = ::syscall(SYS_recvmsg, descriptor, &all, flags);
                                     message->msg_namelen = all.msg_namelen;
                                     message->msg_controllen = all.msg_controllen;
                                     message->msg_flags = all.msg_flags;
                                     return received;
                                 });
}
ssize_t sendto(int descriptor, const void* from, std::size_t size, int flags, const sockaddr* to, socklen_t length) {
    return transfer_unless_faulty(FaultyCall::kSend, descriptor, size, [&](std::size_t most) {
        return ::syscall(SYS_sendto, descriptor, from, most, flags, to, length);
    });
}
ssize_t send(int descriptor, const void* from, std::size_t size, int flags) {
    return sendto(descriptor, from, size, flags, nullptr, 0);
}
ssize_t sendmsg(int descriptor, const msghdr* message, int flags) {
    return scatter_unless_faulty(FaultyCall::kSend, descriptor, message->msg_iov, message->msg_iovlen,
                                 [&](const iovec* some, std::size_t many) {
                                     msghdr all = *message;
                                     all.msg_iov = const_cast<iovec*>(some);
                                     all.msg_iovlen = many;
                                     return ::syscall(SYS_sendmsg, descriptor, &all, flags);
                                 });
}

int accept4(int listener, sockaddr* from, socklen_t* length, int flags) {
    return static_cast<int>(
        call_unless_faulty(FaultyCall::kAccept, listener, SYS_accept4, listener, from, length, flags));
}
int accept(int listener, sockaddr* from, socklen_t* length) {
    return accept4(listener, from, length, 0);
}
int connect(int descriptor, const sockaddr* to, socklen_t length) {
    return static_cast<int>(call_unless_faulty(FaultyCall::kConnect, descriptor, SYS_connect, descriptor, to, length));
}
int socket(int family, int type, int protocol) noexcept {
    return static_cast<int>(call_unless_faulty(FaultyCall::kSocket, -1, SYS_socket, family, type, protocol));
}
int epoll_create1(int flags) noexcept {
    return static_cast<int>(call_unless_faulty(FaultyCall::kWatch, -1, SYS_epoll_create1, flags));
}
int epoll_ctl(int poll, int what, int descriptor, epoll_event* event) noexcept {
    return static_cast<int>(call_unless_faulty(FaultyCall::kWatch, -1, SYS_epoll_ctl, poll, what, descriptor, event));
}
int eventfd(unsigned int value, int flags) noexcept {
    return static_cast<int>(call_unless_faulty(FaultyCall::kWatch, -1, SYS_eventfd2, value, flags));
}
int timerfd_create(clockid_t clock, int flags) noexcept {
    return static_cast<int>(call_unless_faulty(FaultyCall::kWatch, -1, SYS_timerfd_create, clock, flags));
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

COUNTERSIGN_OPEN_CALLS(open_unless_faulty)
std::FILE* fopen(const char* path, const char* mode) {
    const auto call = std::strpbrk(mode, "wa+") != nullptr ? FaultyCall::kOpen : FaultyCall::kOpenToRead;
    if (const int error = fault_of(call, path); error > 0) {
        errno = error;
        return nullptr;
    }
    if (real_fopen == nullptr) find_fopen();  // before our constructor ran
    return real_fopen(path, mode);
}
std::FILE* fopen64(const char* path, const char* mode) COUNTERSIGN_SAME_AS(fopen);

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
