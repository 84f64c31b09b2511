#include "log_file.hpp"

#include "countersign/core/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <system_error>

namespace countersign::audit {
namespace {

constexpr off_t kLongestLine = 1024 * 1024;

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
        if (const auto durable = sync_directory(path_.parent_path()); !durable)
            return within("audit log " + path_.string(), durable.error());
    }
    const FileLock lock(descriptor_);
    if (!lock.held()) return failure("cannot lock");
    TRY(const off_t length, size());
    TRY(end_, cut_unfinished(0, length));
    const off_t from = std::max<off_t>(0, end_ - kLongestLine);
    TRY(last_line_, read(from, end_));
    CHECK(cut_from_hole(last_line_, from));
    if (!last_line_.empty()) last_line_.pop_back();
    last_line_.erase(0, last_line_.rfind('\n') + 1);
    return {};
}

Result<off_t> LogFile::size() const {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) return failure("cannot look at it");
    return status.st_size;
}

Result<std::string> LogFile::read(off_t from, off_t to) const {
    std::string text(static_cast<std::size_t>(to - from), '\0');
    std::size_t done = 0;
    while (done < text.size()) {
        const auto got = uninterrupted([&] {
            return ::pread(descriptor_, text.data() + done, text.size() - done, from + static_cast<off_t>(done));
        });
        if (got < 0) return failure("cannot read it");
        if (got == 0) return fail::unavailable("audit log " + path_.string() + " got shorter while it was read");
        done += static_cast<std::size_t>(got);
    }
    return text;
}

Result<off_t> LogFile::cut_unfinished(off_t from, off_t size) {
    off_t end = size;
    while (end > from) {
        const off_t start = std::max(from, end - kLongestLine);
        TRY(const std::string text, read(start, end));
        const auto newline = text.rfind('\n');
        if (newline == std::string::npos) {
            end = start;
            continue;
        }
        end = start + static_cast<off_t>(newline) + 1;
        break;
    }
    if (end != size && ::ftruncate(descriptor_, end) != 0) return failure("cannot cut off an unfinished line");
    return end;
}

// A power cut may keep later blocks of what was being written and lose earlier ones, which then read as zeros. Nothing
// from there on was durable, so nothing came of it; no line of ours has a NUL in it.
Result<void> LogFile::cut_from_hole(std::string& tail, off_t from) {
    const auto hole = tail.find('\0');
    if (hole == std::string::npos) return {};
    const auto newline = tail.rfind('\n', hole);
    if (newline == std::string::npos && from > 0) return {};
    tail.resize(newline == std::string::npos ? 0 : newline + 1);
    end_ = from + static_cast<off_t>(tail.size());
    if (::ftruncate(descriptor_, end_) != 0) return failure("cannot cut off what a power cut left incomplete");
    return {};
}

bool LogFile::is_at(const std::filesystem::path& path) const {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
}

Result<void> LogFile::append(const std::function<Result<std::string>(const Meanwhile&)>& compose) {
    const FileLock lock(descriptor_);
    if (!lock.held()) return failure("cannot lock");
    TRY(const Meanwhile meanwhile, look());
    TRY(const std::string lines, compose(meanwhile));
    return write(lines);
}

Result<LogFile::Meanwhile> LogFile::look() {
    Meanwhile meanwhile;
    TRY(const off_t length, size());
    if (length == end_) return meanwhile;
    if (length < end_) {
        meanwhile.missing = end_ - length;
        TRY(end_, cut_unfinished(0, length));
        return meanwhile;
    }
    TRY(const off_t whole, cut_unfinished(end_, length));
    TRY(meanwhile.added, read(end_, whole));
    end_ = whole;
    return meanwhile;
}

Result<void> LogFile::write(std::string_view lines) {
    const auto written = uninterrupted([&] { return ::write(descriptor_, lines.data(), lines.size()); });
    if (written == static_cast<ssize_t>(lines.size())) {
        end_ += written;
        return {};
    }
    if (written >= 0) errno = ENOSPC;  // the kernel's way to say so: the rest of a line would fail with it
    Error error = failure("cannot write");
    if (written > 0 && ::ftruncate(descriptor_, end_) != 0) error.detail += "; half a line was left behind";
    return error;
}

Result<void> LogFile::take_back(off_t end) {
    const FileLock lock(descriptor_);
    if (!lock.held()) return failure("cannot lock");
    TRY(const off_t length, size());
    if (length != end_) return fail::conflict("audit log " + path_.string() + ": others have gone on with it");
    if (::ftruncate(descriptor_, end) != 0) return failure("cannot cut off lines that are not durable");
    end_ = end;
    return {};
}

Result<void> LogFile::sync() {
    if (uninterrupted([&] { return ::fdatasync(descriptor_); }) != 0) return failure("cannot make a line durable");
    return {};
}

}  // namespace countersign::audit
