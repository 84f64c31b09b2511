// What writing durably to a file takes, in one place. No state; any thread.
#pragma once

#include "countersign/core/bytes.hpp"
#include "countersign/core/result.hpp"

#include <filesystem>

namespace countersign {

// A file descriptor that is closed when this goes. Negative: none.
class Descriptor {
public:
    explicit Descriptor(int value) : value_(value) {}
    Descriptor(Descriptor&& other) noexcept : value_(other.release()) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor();

    int get() const { return value_; }
    int release();

private:
    int value_;
};

// Every octet, however many calls it takes. unavailable: not all of it was written; `path` is for the message.
Result<void> write_all(const Descriptor& file, ByteView content, const std::filesystem::path& path);

// A new, renamed or removed name is durable only once its directory is; an empty path is the working directory.
// unavailable: it cannot be opened or forced to the disk.
Result<void> sync_directory(const std::filesystem::path& directory);

// The whole file, at most `limit` octets. not_found: there is none; malformed: it is larger; unavailable: it cannot be
// read.
Result<Bytes> read_whole_file(const std::filesystem::path& path, std::size_t limit);

// The file has this content and mode 0600 afterwards, durably, or is as it was: a reader never sees half of it. One
// writer at a time; `path` with ".new" behind it is where it is made. unavailable: it cannot be made or forced to the
// disk.
Result<void> replace_file(const std::filesystem::path& path, ByteView content);

}  // namespace countersign
