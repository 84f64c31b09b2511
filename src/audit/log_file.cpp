#include "log_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <system_error>

namespace countersign::audit {
namespace {

// Repeats a system call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
    auto result = call();
    while (result < 0 && errno == EINTR) result = call();
    return result;
}

// Holds the file's advisory lock against other processes. A write lock of this kind takes a writable descriptor:
// whoever may only read the log (flock(2) would do for that) cannot stop us.
class FileLock {
public:
    explicit FileLock(int descriptor)
        : descriptor_(descriptor), held_(uninterrupted([&] { return set(F_WRLCK, F_OFD_SETLKW); }) == 0) {}
    ~FileLock() {
        if (held_) set(F_UNLCK, F_OFD_SETLK);
    }
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;
    bool held() const { return held_; }

private:
    int set(short type, int command) const {
        struct flock whole_file {};
        whole_file.l_type = type;
        whole_file.l_whence = SEEK_SET;
        return ::fcntl(descriptor_, command, &whole_file);
    }

    int descriptor_;
    bool held_;
};

// A command run by root must not leave a file behind that the service cannot write: it belongs to whom its directory
// belongs.
bool give_to_owner_of(const std::filesystem::path& directory, int descriptor) {
    if (::geteuid() != 0) return true;
    struct stat status {};
    if (::stat(directory.empty() ? "." : directory.c_str(), &status) != 0) return false;
    return ::fchown(descriptor, status.st_uid, status.st_gid) == 0;
}

// A new file is only durable once its directory is.
bool sync_directory(const std::filesystem::path& directory) {
    const int descriptor = ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return false;
    const bool synced = ::fsync(descriptor) == 0;
    ::close(descriptor);
    return synced;
}

}  // namespace

Error LogFile::failure(const char* what) const {
    return fail::unavailable("audit log " + path_.string() + ": " + what + ": " +
                             std::generic_category().message(errno));
}

Result<std::shared_ptr<LogFile>> LogFile::open(const std::filesystem::path& path) {
    constexpr int kFlags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY;
    bool created = true;
    int descriptor = uninterrupted([&] { return ::open(path.c_str(), kFlags | O_CREAT | O_EXCL, 0640); });
    if (descriptor < 0 && errno == EEXIST) {
        created = false;
        // O_NONBLOCK: a pipe without a reader must not stop us here; it is refused below.
        descriptor = uninterrupted([&] { return ::open(path.c_str(), kFlags | O_NONBLOCK); });
    }
    std::shared_ptr<LogFile> file(new LogFile(descriptor, path));
    if (descriptor < 0) return file->failure("cannot open");
    CHECK(file->settle(created));
    return file;
}

LogFile::~LogFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> LogFile::settle(bool created) {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) return failure("cannot look at it");
    if (!S_ISREG(status.st_mode)) return fail::unavailable("audit log " + path_.string() + " is not a regular file");
    device_ = status.st_dev;
    inode_ = status.st_ino;
    if (created) {
        if (::fchmod(descriptor_, 0640) != 0) return failure("cannot set its mode");
        if (!give_to_owner_of(path_.parent_path(), descriptor_)) return failure("cannot set its owner");
        if (!sync_directory(path_.parent_path())) return failure("cannot make it durable");
    }
    const FileLock lock(descriptor_);
    if (!lock.held()) return failure("cannot lock");
    if (::fstat(descriptor_, &status) != 0) return failure("cannot look at it");
    char last = '\n';
    if (status.st_size > 0 && ::pread(descriptor_, &last, 1, status.st_size - 1) != 1)
        return failure("cannot read its end");
    if (last == '\n') return {};
    return append_locked("\n");
}

bool LogFile::is_at(const std::filesystem::path& path) const {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
}

Result<void> LogFile::append(std::string_view line) {
    const FileLock lock(descriptor_);
    if (!lock.held()) return failure("cannot lock");
    return append_locked(line);
}

Result<void> LogFile::append_locked(std::string_view line) {
    struct stat before {};
    if (::fstat(descriptor_, &before) != 0) return failure("cannot look at it");
    const auto written = uninterrupted([&] { return ::write(descriptor_, line.data(), line.size()); });
    if (written == static_cast<ssize_t>(line.size())) return {};
    if (written >= 0) errno = ENOSPC;  // the kernel's way to say so: the rest of a line would fail with it
    Error error = failure("cannot write");
    if (written > 0 && ::ftruncate(descriptor_, before.st_size) != 0) error.detail += "; half a line was left behind";
    return error;
}

Result<void> LogFile::sync() {
    if (uninterrupted([&] { return ::fdatasync(descriptor_); }) != 0) return failure("cannot make a line durable");
    return {};
}

}  // namespace countersign::audit
