#include "files.hpp"

#include "countersign/core/credential.hpp"
#include "countersign/core/text.hpp"

#include "countersign/app/wire.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

namespace countersign::app {
namespace {

constexpr std::size_t largest_file = 4U * 1024 * 1024;

class Descriptor {
public:
    explicit Descriptor(const std::filesystem::path& file) : value_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {}
    ~Descriptor() {
        if (value_ >= 0) ::close(value_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return value_; }

private:
    int value_;
};

Error cannot_read(const std::filesystem::path& file, int reason) {
    const std::string detail = file.string() + " cannot be read: " + std::strerror(reason);
    if (reason == ENOENT) return fail::not_found(detail);
    return reason == EACCES ? fail::denied(detail) : fail::unavailable(detail);
}

Result<void> read_into(const Descriptor& descriptor, const std::filesystem::path& file, std::span<std::uint8_t> out) {
    std::size_t done = 0;
    while (done < out.size()) {
        const ssize_t got = ::read(descriptor.get(), out.data() + done, out.size() - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return cannot_read(file, errno);
        if (got == 0) return fail::malformed(file.string() + " changed while it was read");
        done += static_cast<std::size_t>(got);
    }
    return boost::system::in_place_value;
}

Result<struct stat> status_of(const Descriptor& descriptor, const std::filesystem::path& file) {
    struct stat status {};
    if (descriptor.get() < 0 || ::fstat(descriptor.get(), &status) != 0) return cannot_read(file, errno);
    if (!S_ISREG(status.st_mode)) return fail::malformed(file.string() + " is not a regular file");
    if (static_cast<std::size_t>(status.st_size) > largest_file)
        return fail::malformed(file.string() + " is larger than 4 MiB");
    return status;
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& file) {
    const Descriptor descriptor(file);
    TRY(const auto status, status_of(descriptor, file));
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    CHECK(read_into(descriptor, file, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}));
    return text;
}

Result<Secret> read_secret_file(const std::filesystem::path& file, std::size_t least_octets, std::string_view what) {
    const Descriptor descriptor(file);
    TRY(const auto status, status_of(descriptor, file));
    if ((status.st_mode & forbidden_on_secret(file)) != 0) {
        return fail::denied(std::string(what) + " in " + file.string() +
                            " can be read by others than its owner; run: chmod 600 " + file.string());
    }
    auto secret = Secret::of_size(static_cast<std::size_t>(status.st_size));
    CHECK(read_into(descriptor, file, secret.writable()));
    if (secret.size() < least_octets) {
        return fail::malformed(std::string(what) + " in " + file.string() + " has " + std::to_string(secret.size()) +
                               " octets; it needs at least " + std::to_string(least_octets));
    }
    return secret;
}

Result<Secret> read_password_file(const std::filesystem::path& file) {
    TRY(const Secret text, read_secret_file(file, 1, "the single password"));
    Secret password(trim(text.reveal_text()));
    if (password.empty()) return fail::malformed(file.string() + " holds no password");
    return password;
}

Result<void> write_new_file(const std::filesystem::path& file, std::string_view content, mode_t mode) {
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (descriptor < 0 && errno == EEXIST)
        return fail::conflict(file.string() + ": this exists and nothing is overwritten; name another");
    if (descriptor < 0) return fail::unavailable(file.string() + ": cannot be made: " + std::strerror(errno));
    std::size_t done = 0;
    while (done < content.size()) {
        const ssize_t wrote = ::write(descriptor, content.data() + done, content.size() - done);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) break;
        done += static_cast<std::size_t>(wrote);
    }
    if (::close(descriptor) == 0 && done == content.size()) return boost::system::in_place_value;
    return fail::unavailable(file.string() + ": cannot be written whole");
}

}  // namespace countersign::app
