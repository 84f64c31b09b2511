// A directory tree that appears whole or not at all: built beside its place, then renamed. One thread.
#pragma once

#include "countersign/core/secret.hpp"

#include <sys/types.h>

#include <filesystem>
#include <string_view>

namespace countersign::app {

class StagedDirectory {
public:
    // Makes a private (0700) directory beside `target`. StartupError when `target` exists and is not an empty
    // directory, or cannot be made.
    explicit StagedDirectory(const std::filesystem::path& target);
    // Removes whatever was not published.
    ~StagedDirectory();
    StagedDirectory(const StagedDirectory&) = delete;
    StagedDirectory& operator=(const StagedDirectory&) = delete;

    const std::filesystem::path& path() const { return staging_; }
    void make_directory(const std::filesystem::path& relative);
    // New file, written and forced to the disk; `mode` regardless of the umask.
    void write(const std::filesystem::path& relative, ByteView content, mode_t mode);
    void write_secret(const std::filesystem::path& relative, const Secret& content) {
        write(relative, content.reveal(), 0600);
    }
    void write_text(const std::filesystem::path& relative, std::string_view content) {
        write(relative, as_bytes(content), 0600);
    }

    // The tree is at its place from here on. StartupError: somebody else put something there meanwhile; nothing is
    // overwritten.
    void publish();

private:
    std::filesystem::path target_;
    std::filesystem::path staging_;
    bool published_ = false;
};

}  // namespace countersign::app
