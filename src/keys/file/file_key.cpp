#include "countersign/keys/file_key.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "openssl_key.hpp"

namespace countersign::keys {

namespace {

constexpr std::size_t largest_file = 64 * 1024;

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }

private:
    int fd_;
};

std::string reason(int error) {
    return std::error_code(error, std::system_category()).message();
}

Result<std::filesystem::path> path_of(std::string_view uri, const std::filesystem::path& base) {
    constexpr std::string_view scheme = "file:";
    if (!uri.starts_with(scheme)) return fail::malformed("not a file: key: " + std::string(uri));
    std::string_view rest = uri.substr(scheme.size());
    if (rest.starts_with("///")) rest.remove_prefix(2);
    if (rest.starts_with("//")) return fail::malformed("a file: key names a host; write file:/PATH");
    if (rest.empty()) return fail::malformed("a file: key without a path");
    if (rest.find('\0') != std::string_view::npos) return fail::malformed("a file: key with a NUL in its path");
    return base / std::filesystem::path(rest);
}

// Permissions are those of the opened file, not of a name that may change meanwhile.
Result<Secret> read_private(const std::filesystem::path& path) {
    // O_NONBLOCK: opening a FIFO must not hang the start.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0) {
        if (errno == ENOENT || errno == ENOTDIR) return fail::not_found(path.string() + ": " + reason(errno));
        return fail::unavailable(path.string() + ": " + reason(errno));
    }
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return fail::unavailable(path.string() + ": " + reason(errno));
    if (!S_ISREG(status.st_mode)) return fail::malformed(path.string() + ": not a regular file");
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return fail::malformed(path.string() +
                               ": others than its owner may use this private key; mend it with: chmod 600 " +
                               path.string());
    }
    if (status.st_size <= 0 || static_cast<std::size_t>(status.st_size) > largest_file) {
        return fail::malformed(path.string() + ": empty, or too large for a key");
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

}  // namespace

Result<std::shared_ptr<Key>> FileKeySource::open(std::string_view uri) {
    TRY(const auto path, path_of(uri, base_));
    TRY(const Secret pem, read_private(path));
    auto key = openssl_key_from_pem(pem.reveal(), std::string(uri));
    if (!key) return within(path.string(), std::move(key).error());
    return key;
}

}  // namespace countersign::keys
