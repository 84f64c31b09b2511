#include "sqlite_file.hpp"

#include "countersign/core/text.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace countersign::store {
namespace {

constexpr std::string_view kScheme = "sqlite:";

std::string reason(int number) {
    return std::generic_category().message(number);
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

}  // namespace

Result<SqliteFile> SqliteFile::from_url(const std::string& url) {
    if (!url.starts_with(kScheme)) {
        // Not the URL itself: it might hold a password.
        return fail::malformed("the store's url must begin with \"sqlite:\"");
    }
    const std::string path = url.substr(kScheme.size());
    if (path.empty() || path.front() != '/') {
        return fail::malformed("the store's url needs an absolute path, not " + printable(url));
    }
    if (std::any_of(path.begin(), path.end(), is_control) || path.find('"') != std::string::npos) {
        return fail::malformed("the store's path may not hold quotation marks or control characters: " +
                               printable(path));
    }
    return SqliteFile{path};
}

Result<void> SqliteFile::check_present() const {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        if (errno == ENOENT) {
            return fail::not_found("the store " + path + " does not exist; create it with `countersign store migrate`");
        }
        return fail::unavailable("the store " + path + " cannot be reached: " + reason(errno));
    }
    if (!S_ISREG(status.st_mode)) return fail::unavailable("the store " + path + " is not a regular file");
    return {};
}

Result<void> SqliteFile::create_if_absent() const {
    // O_EXCL: an existing file is never opened here, which would drop SQLite's locks on closing it.
    const int descriptor = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (descriptor >= 0) {
        ::close(descriptor);
        return {};
    }
    if (errno == EEXIST) return {};
    return fail::unavailable("the store " + path + " cannot be created: " + reason(errno));
}

Result<std::unique_ptr<ExclusiveUse>> DaemonLock::take(const SqliteFile& file) {
    // Under its real name, so that two names for one database do not make two locks.
    std::error_code unreachable;
    const auto real = std::filesystem::canonical(file.path, unreachable);
    if (unreachable)
        return fail::unavailable("the store " + file.path + " cannot be reached: " + unreachable.message());
    const std::string path = real.string() + ".lock";
    const int descriptor = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor < 0) return fail::unavailable("the lock " + path + " cannot be opened: " + reason(errno));
    std::unique_ptr<ExclusiveUse> lock(new DaemonLock(descriptor));
    // Made by a command that root ran, it would keep the service out: it belongs to whom the store belongs.
    struct stat store {};
    if (::geteuid() == 0 &&
        (::stat(real.c_str(), &store) != 0 || ::fchown(descriptor, store.st_uid, store.st_gid) != 0)) {
        return fail::unavailable("the lock " + path + " cannot be given to the owner of the store: " + reason(errno));
    }
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno == EWOULDBLOCK) {
        return fail::conflict("another daemon or a migration works on the store " + file.path + " (it holds " + path +
                              ");"
                              " stop it first, or give this one a store of its own");
    }
    return fail::unavailable("the lock " + path + " cannot be taken: " + reason(errno));
}

DaemonLock::~DaemonLock() {
    ::close(descriptor_);
}

}  // namespace countersign::store
