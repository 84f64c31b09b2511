#include "countersign/core/file.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
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

}  // namespace countersign
