// Loaded into a program with LD_PRELOAD: writes down every change the program makes to the files of a directory, before
// it is made, and every fsync once it has succeeded. After the program was killed, power_cut.cpp can then leave of its
// changes what a disk might have kept whose power was cut at that moment.
//
// One program at a time may change those files, and only by the calls below: memory maps are not seen (SQLite's -shm is
// one, which it makes anew). One lock is held from the record to the end of the call, so that records stand in the
// order of the changes; not while an fsync runs.
#include "power_journal.hpp"
#include "shim_calls.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

namespace {

using countersign::test::PowerEvent;
using countersign::test::PowerRecord;

struct Journal {
    int descriptor = -1;
    std::string path;
    std::string directory;
    std::mutex mutex;
    std::uint64_t next = 0;
    bool lies = false;  // a disk that says of everything that it is safe
};
Journal* journal = nullptr;

[[noreturn]] void give_up(const char* why) {
    static_cast<void>(::syscall(SYS_write, 2, why, std::strlen(why)));
    std::abort();
}

__attribute__((constructor)) void open_journal() {
    const char* path = std::getenv(countersign::test::kPowerJournalVariable);
    const char* directory = std::getenv(countersign::test::kPowerDirectoryVariable);
    if (path == nullptr || directory == nullptr) return;
    const auto descriptor = static_cast<int>(
        ::syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
    if (descriptor < 0) give_up("power_cut_shim: the journal cannot be made\n");
    journal = new Journal;
    journal->descriptor = descriptor;
    journal->path = path;
    journal->directory = std::string(directory) + "/";
    journal->lies = std::getenv(countersign::test::kPowerLiesVariable) != nullptr;
}

std::string path_of(int descriptor) {
    const std::string link = descriptor == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/" + std::to_string(descriptor);
    char target[4096];
    const long length = ::syscall(SYS_readlinkat, AT_FDCWD, link.c_str(), target, sizeof target);
    return length < 0 ? "" : std::string(target, static_cast<std::size_t>(length));
}

bool watched(const std::string& path) {
    return journal != nullptr && (path + "/").starts_with(journal->directory);
}

// The file behind a descriptor, if it is one that is watched.
struct File {
    explicit File(int descriptor) {
        if (journal == nullptr || descriptor <= 2 || ::fstat(descriptor, &status) != 0) return;
        is_directory = S_ISDIR(status.st_mode);
        if (!S_ISREG(status.st_mode) && !is_directory) return;
        path = path_of(descriptor);
        concerned = watched(path);
    }
    struct stat status {};
    std::string path;
    bool concerned = false;
    bool is_directory = false;
};

void append(PowerRecord record, const std::vector<char>& before, const std::vector<char>& after,
            const std::string& text) {
    record.number = journal->next++;
    record.old_octets = static_cast<std::uint32_t>(before.size());
    record.new_octets = static_cast<std::uint32_t>(after.size());
    record.text_octets = static_cast<std::uint32_t>(text.size());
    std::vector<char> whole(sizeof record);
    std::memcpy(whole.data(), &record, sizeof record);
    whole.insert(whole.end(), before.begin(), before.end());
    whole.insert(whole.end(), after.begin(), after.end());
    whole.insert(whole.end(), text.begin(), text.end());
    if (::syscall(SYS_write, journal->descriptor, whole.data(), whole.size()) != static_cast<long>(whole.size()))
        give_up("power_cut_shim: the journal cannot be written\n");
}

std::vector<char> octets_at(const std::string& path, std::uint64_t offset, std::uint64_t length) {
    std::vector<char> octets(length);
    // By name: the program's own descriptor may be for writing only.
    const auto descriptor = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC, 0));
    const long count = ::syscall(SYS_pread64, descriptor, octets.data(), octets.size(), offset);
    ::syscall(SYS_close, descriptor);
    octets.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return octets;
}

std::vector<char> joined(const iovec* parts, int count) {
    std::vector<char> whole;
    for (int i = 0; i < count; ++i) {
        const auto* from = static_cast<const char*>(parts[i].iov_base);
        whole.insert(whole.end(), from, from + parts[i].iov_len);
    }
    return whole;
}

template <class Call>
long noted_write(int descriptor, const iovec* parts, int count, off_t at, Call call) {
    if (journal == nullptr) return call();
    const int before = errno;
    const std::unique_lock lock(journal->mutex);
    const File file(descriptor);
    if (file.concerned) {
        const auto size = static_cast<std::uint64_t>(file.status.st_size);
        const bool appends = (::fcntl(descriptor, F_GETFL) & O_APPEND) != 0;
        const auto here = at >= 0 ? at : static_cast<off_t>(::syscall(SYS_lseek, descriptor, 0, SEEK_CUR));
        PowerRecord record;
        record.event = PowerEvent::write;
        record.inode = file.status.st_ino;
        record.offset = appends ? size : static_cast<std::uint64_t>(here);
        record.old_size = size;
        const auto octets = joined(parts, count);
        append(record, octets_at(file.path, record.offset, octets.size()), octets, file.path);
    }
    errno = before;
    return call();
}

int noted_sync(int descriptor, long number) {
    std::uint64_t covered = 0;
    if (journal != nullptr) {
        const std::lock_guard lock(journal->mutex);
        covered = journal->next;
    }
    const auto done = static_cast<int>(::syscall(number, descriptor));
    if (done != 0 || journal == nullptr || journal->lies) return done;
    const std::lock_guard lock(journal->mutex);
    const File file(descriptor);
    if (!file.concerned) return done;
    PowerRecord record;
    record.event = file.is_directory ? PowerEvent::sync_tree : PowerEvent::sync;
    record.inode = file.status.st_ino;
    record.offset = covered;
    append(record, {}, {}, file.path);
    return done;
}

int noted_truncate(int descriptor, off_t size) {
    if (journal == nullptr) return static_cast<int>(::syscall(SYS_ftruncate, descriptor, size));
    const std::lock_guard lock(journal->mutex);
    const File file(descriptor);
    if (file.concerned) {
        PowerRecord record;
        record.event = PowerEvent::truncate;
        record.inode = file.status.st_ino;
        record.offset = static_cast<std::uint64_t>(size);
        record.old_size = static_cast<std::uint64_t>(file.status.st_size);
        const auto lost = record.old_size > record.offset ? record.old_size - record.offset : 0;
        append(record, octets_at(file.path, record.offset, lost), {}, file.path);
    }
    return static_cast<int>(::syscall(SYS_ftruncate, descriptor, size));
}

std::string absolute(int directory, const char* path) {
    return path[0] == '/' ? path : path_of(directory) + "/" + path;
}

int noted_open(int directory, const char* path, int flags, mode_t mode) {
    const auto open = [&] { return static_cast<int>(::syscall(SYS_openat, directory, path, flags, mode)); };
    if (journal == nullptr || (flags & (O_CREAT | O_TRUNC)) == 0) return open();
    const std::string name = absolute(directory, path);
    if (!watched(name)) return open();
    const std::lock_guard lock(journal->mutex);
    struct stat status {};
    const bool exists = ::stat(name.c_str(), &status) == 0;
    if (exists && (flags & O_TRUNC) != 0 && status.st_size > 0) give_up("power_cut_shim: O_TRUNC is not understood\n");
    if (!exists && (flags & O_CREAT) != 0) {
        PowerRecord record;
        record.event = PowerEvent::create;
        append(record, {}, {}, name);
    }
    return open();
}

void keep(const std::string& path) {
    const auto kept = journal->path + "." + std::to_string(journal->next);
    if (::link(path.c_str(), kept.c_str()) != 0 && errno != ENOENT) give_up("power_cut_shim: a file cannot be kept\n");
}

int noted_unlink(const char* path) {
    const auto unlink = [&] { return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0)); };
    if (journal == nullptr) return unlink();
    const std::string name = absolute(AT_FDCWD, path);
    struct stat status {};
    if (!watched(name) || ::stat(name.c_str(), &status) != 0) return unlink();
    const std::lock_guard lock(journal->mutex);
    keep(name);
    PowerRecord record;
    record.event = PowerEvent::remove;
    record.inode = status.st_ino;
    append(record, {}, {}, name);
    return unlink();
}

int noted_rename(const char* from, const char* to) {
    const auto rename = [&] { return static_cast<int>(::syscall(SYS_rename, from, to)); };
    if (journal == nullptr) return rename();
    const std::string source = absolute(AT_FDCWD, from);
    const std::string target = absolute(AT_FDCWD, to);
    if (!watched(source) && !watched(target)) return rename();
    const std::lock_guard lock(journal->mutex);
    keep(target);
    PowerRecord record;
    record.event = PowerEvent::rename;
    append(record, {}, {}, source + '\0' + target + '\0');
    return rename();
}

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* from, std::size_t size) {
    const iovec part{const_cast<void*>(from), size};
    return noted_write(descriptor, &part, 1, -1, [&] { return ::syscall(SYS_write, descriptor, from, size); });
}
ssize_t pwrite(int descriptor, const void* from, std::size_t size, off_t at) {
    const iovec part{const_cast<void*>(from), size};
    return noted_write(descriptor, &part, 1, at, [&] { return ::syscall(SYS_pwrite64, descriptor, from, size, at); });
}
ssize_t pwrite64(int descriptor, const void* from, std::size_t size, off_t at) COUNTERSIGN_SAME_AS(pwrite);
ssize_t writev(int descriptor, const iovec* parts, int count) {
    return noted_write(descriptor, parts, count, -1, [&] { return ::syscall(SYS_writev, descriptor, parts, count); });
}
ssize_t pwritev(int descriptor, const iovec* parts, int count, off_t at) {
    return noted_write(descriptor, parts, count, at,
                       [&] { return ::syscall(SYS_pwritev, descriptor, parts, count, at, 0L); });
}
ssize_t pwritev64(int descriptor, const iovec* parts, int count, off_t at) COUNTERSIGN_SAME_AS(pwritev);

int fsync(int descriptor) {
    return noted_sync(descriptor, SYS_fsync);
}
int fdatasync(int descriptor) {
    return noted_sync(descriptor, SYS_fdatasync);
}
int ftruncate(int descriptor, off_t size) noexcept {
    return noted_truncate(descriptor, size);
}
int ftruncate64(int descriptor, off_t size) noexcept COUNTERSIGN_SAME_AS(ftruncate);

int rename(const char* from, const char* to) noexcept {
    return noted_rename(from, to);
}
int unlink(const char* path) noexcept {
    return noted_unlink(path);
}

COUNTERSIGN_OPEN_CALLS(noted_open)
}
