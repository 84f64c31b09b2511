// The file under JsonLinesSink: opening, appending whole lines, syncing. Private to audit.
//
// append() and sync() may run on different threads at once; append() on one thread at a time. Several processes may
// append: an advisory lock keeps one from cutting off another's line.
#pragma once

#include "countersign/core/result.hpp"

#include <sys/types.h>
#include <filesystem>
#include <memory>
#include <string_view>

namespace countersign::audit {

class LogFile {
public:
    // Opens for appending; creates with mode 0640 when absent. A last line cut short by a crash is ended, so that the
    // next one stands alone. unavailable: with the path and the reason.
    static Result<std::shared_ptr<LogFile>> open(const std::filesystem::path& path);
    ~LogFile();
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;

    // True while `path` still names this file.
    bool is_at(const std::filesystem::path& path) const;
    // One write(2); whatever part of a failed one reached the file is cut off again.
    Result<void> append(std::string_view line);
    Result<void> sync();

private:
    LogFile(int descriptor, std::filesystem::path path) : descriptor_(descriptor), path_(std::move(path)) {}
    Result<void> settle(bool created);
    Result<void> append_locked(std::string_view line);
    Error failure(const char* what) const;  // reads errno

    int descriptor_;
    std::filesystem::path path_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace countersign::audit
