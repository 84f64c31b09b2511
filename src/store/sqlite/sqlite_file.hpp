// The file of a SQLite database: its URL, its creation and the daemon's lock. Private to the store.
#pragma once

#include "engine.hpp"

#include <memory>
#include <string>

namespace countersign::store {

struct SqliteFile {
    std::string path;  // absolute

    // "sqlite:/absolute/path". malformed: anything else, and a path with a double quote or a control character.
    static Result<SqliteFile> from_url(const std::string& url);

    // not_found with the remedy in words; unavailable: there but not ours to use, or no regular file.
    Result<void> check_present() const;
    // Creates it empty with mode 0600 if absent: SQLite would leave it to the umask, and its companions inherit the
    // mode.
    Result<void> create_if_absent() const;
};

// Held as long as the object lives; the kernel frees it when the process dies. A file of its own, since SQLite's locks
// on the database file vanish when a process closes any other descriptor of it.
class DaemonLock final : public ExclusiveUse {
public:
    // conflict: another daemon holds it.
    static Result<std::unique_ptr<ExclusiveUse>> take(const SqliteFile& file);
    ~DaemonLock() override;
    DaemonLock(const DaemonLock&) = delete;
    DaemonLock& operator=(const DaemonLock&) = delete;

private:
    explicit DaemonLock(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};

}  // namespace countersign::store
