#include "countersign/core/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace countersign {
namespace {

Error trouble(const std::filesystem::path& path, int number) {
    return fail::unavailable(path.string() + ": " + std::generic_category().message(number));
}

}  // namespace

Descriptor::~Descriptor() {
    if (value_ >= 0) ::close(value_);
}

int Descriptor::release() {
    return std::exchange(value_, -1);
}

Result<void> write_all(const Descriptor& file, ByteView content, const std::filesystem::path& path) {
    while (!content.empty()) {
        const ssize_t wrote = ::write(file.get(), content.data(), content.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return trouble(path, wrote == 0 ? EIO : errno);
        content = content.subspan(static_cast<std::size_t>(wrote));
    }
    return {};
}

Result<void> sync_directory(const std::filesystem::path& directory) {
    const auto path = directory.empty() ? std::filesystem::path(".") : directory;
    const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (descriptor.get() < 0 || ::fsync(descriptor.get()) != 0) return trouble(path, errno);
    return {};
}

Result<Bytes> read_whole_file(const std::filesystem::path& path, std::size_t limit) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0 && errno == ENOENT) return fail::not_found(path.string() + ": there is no such file");
    if (file.get() < 0) return trouble(path, errno);
    Bytes content;
    std::array<std::uint8_t, 65536> part{};
    for (;;) {
        const ssize_t got = ::read(file.get(), part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return trouble(path, errno);
        if (got == 0) return content;
        content.insert(content.end(), part.begin(), part.begin() + got);
        if (content.size() > limit) return fail::malformed(path.string() + ": too large");
    }
}

Result<void> replace_file(const std::filesystem::path& path, ByteView content) {
    auto next = path;
    next += ".new";
    const Descriptor file(::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file.get() < 0 || ::fchmod(file.get(), 0600) != 0) return trouble(next, errno);
    CHECK(write_all(file, content, next));
    if (::fsync(file.get()) != 0 || std::rename(next.c_str(), path.c_str()) != 0) return trouble(path, errno);
    return sync_directory(path.parent_path());
}

}  // namespace countersign
