#include "staging.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace countersign::app {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& path, const std::string& what) {
    throw StartupError(fail::unavailable(path.string() + ": " + what));
}

[[noreturn]] void refuse_errno(const fs::path& path, const std::string& what) {
    refuse(path, what + ": " + std::strerror(errno));
}

void force_to_disk(const fs::path& directory) {
    const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) refuse_errno(directory, "cannot be opened");
    ::fsync(descriptor);
    ::close(descriptor);
}

void write_all(int descriptor, ByteView content, const fs::path& path) {
    while (!content.empty()) {
        const ssize_t written = ::write(descriptor, content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            ::close(descriptor);
            refuse_errno(path, "cannot be written");
        }
        content = content.subspan(static_cast<std::size_t>(written));
    }
}

}  // namespace

StagedDirectory::StagedDirectory(const fs::path& target) : target_(fs::absolute(target).lexically_normal()) {
    if (!target_.has_filename()) target_ = target_.parent_path();
    std::error_code error;
    const auto status = fs::symlink_status(target_, error);
    const bool free = !fs::exists(status) || (fs::is_directory(status) && fs::is_empty(target_, error));
    if (!free) refuse(target_, "this exists already and nothing is overwritten; name a new directory");
    const fs::path parent = target_.parent_path();
    if (!fs::is_directory(parent, error)) refuse(parent, "there is no such directory; make it first");
    std::string pattern = (parent / ".countersign-init-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) refuse_errno(parent, "no directory can be made here");
    staging_ = pattern;
}

StagedDirectory::~StagedDirectory() {
    if (published_) return;
    std::error_code error;
    fs::remove_all(staging_, error);
}

void StagedDirectory::make_directory(const fs::path& relative) {
    const fs::path path = staging_ / relative;
    if (::mkdir(path.c_str(), 0700) != 0) refuse_errno(path, "cannot be made");
}

void StagedDirectory::write(const fs::path& relative, ByteView content, mode_t mode) {
    const fs::path path = staging_ / relative;
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) refuse_errno(path, "cannot be made");
    write_all(descriptor, content, path);
    const bool durable = ::fchmod(descriptor, mode) == 0 && ::fsync(descriptor) == 0;
    if (::close(descriptor) != 0 || !durable) refuse_errno(path, "cannot be forced to the disk");
}

void StagedDirectory::publish() {
    for (const auto& entry : fs::recursive_directory_iterator(staging_)) {
        if (entry.is_directory()) force_to_disk(entry.path());
    }
    force_to_disk(staging_);
    // rename(2) replaces an empty directory and nothing else, in one step.
    if (::rename(staging_.c_str(), target_.c_str()) != 0) refuse_errno(target_, "the new instance cannot be put here");
    published_ = true;
    force_to_disk(target_.parent_path());
}

}  // namespace countersign::app
