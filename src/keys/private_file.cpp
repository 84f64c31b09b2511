#include "private_file.hpp"

#include "countersign/core/credential.hpp"
#include "countersign/core/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace countersign::keys {

namespace {

std::string reason(int error) {
    return std::error_code(error, std::system_category()).message();
}

}  // namespace

Result<void> write_private_file(const std::filesystem::path& path, const Secret& content) {
    const auto trouble = [&path](int error) { return fail::unavailable(path.string() + ": " + reason(error)); };
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file.get() < 0 && errno == EEXIST)
        return fail::conflict(path.string() + ": this exists already, and nothing is overwritten");
    if (file.get() < 0) return trouble(errno);
    CHECK(write_all(file, content.reveal(), path));
    if (::fchmod(file.get(), 0600) != 0 || ::fsync(file.get()) != 0) return trouble(errno);
    CHECK(sync_directory(path.parent_path()));
    return boost::system::in_place_value;
}

// Permissions are those of the opened file, not of a name that may change meanwhile.
Result<Secret> read_private_file(const std::filesystem::path& path, std::size_t largest, std::string_view what) {
    // O_NONBLOCK: opening a FIFO must not hang the start.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0) {
        if (errno == ENOENT || errno == ENOTDIR) return fail::not_found(path.string() + ": " + reason(errno));
        return fail::unavailable(path.string() + ": " + reason(errno));
    }
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return fail::unavailable(path.string() + ": " + reason(errno));
    if (!S_ISREG(status.st_mode)) return fail::malformed(path.string() + ": not a regular file");
    if ((status.st_mode & forbidden_on_secret(path)) != 0) {
        return fail::malformed(path.string() + ": others than its owner may use this " + std::string(what) +
                               "; mend it with: chmod 600 " + path.string());
    }
    if (status.st_size <= 0 || static_cast<std::size_t>(status.st_size) > largest) {
        return fail::malformed(path.string() + ": empty, or too large for a " + std::string(what));
    }
    Secret content = Secret::of_size(static_cast<std::size_t>(status.st_size));
    std::size_t done = 0;
    while (done < content.size()) {
        const ssize_t got = ::read(file.get(), content.writable().data() + done, content.size() - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail::unavailable(path.string() + ": " + reason(errno));
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    content.truncate(done);
    return content;
}

}  // namespace countersign::keys
