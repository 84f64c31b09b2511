#include "staging.hpp"

#include "countersign/core/file.hpp"

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

void or_refuse(const Result<void>& result) {
    if (!result) throw StartupError(result.error());
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
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0) refuse_errno(path, "cannot be made");
    or_refuse(write_all(file, content, path));
    if (::fchmod(file.get(), mode) != 0 || ::fsync(file.get()) != 0) refuse_errno(path, "cannot be forced to the disk");
}

void StagedDirectory::publish() {
    for (const auto& entry : fs::recursive_directory_iterator(staging_)) {
        if (entry.is_directory()) or_refuse(sync_directory(entry.path()));
    }
    or_refuse(sync_directory(staging_));
    // rename(2) replaces an empty directory and nothing else, in one step.
    if (::rename(staging_.c_str(), target_.c_str()) != 0) refuse_errno(target_, "the new instance cannot be put here");
    published_ = true;
    or_refuse(sync_directory(target_.parent_path()));
}

}  // namespace countersign::app
