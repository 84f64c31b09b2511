// The file under JsonLinesSink: opening, appending whole lines, syncing. Private to audit.
//
// append() and sync() may run on different threads at once; append() on one thread at a time. Several processes may
// append: an advisory lock keeps one from cutting off another's line.
#pragma once

#include "countersign/core/result.hpp"

#include <sys/types.h>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace countersign::audit {

class LogFile {
public:
    // Opens for appending; creates with mode 0640 when absent. A last line cut short by a crash, which nobody was told
    // to be recorded, is cut off. unavailable: with the path and the reason.
    static Result<std::shared_ptr<LogFile>> open(const std::filesystem::path& path);
    ~LogFile();
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;

    // True while `path` still names this file.
    bool is_at(const std::filesystem::path& path) const;
    // The last line there was when it was opened, without its newline; empty: none.
    const std::string& last_line() const { return last_line_; }

    // What happened to the file since it was opened or last appended to here.
    struct Meanwhile {
        std::string added;  // whole lines of others
        off_t missing = 0;  // octets that were there and are not
    };
    // Appends what `compose` makes of it, with one write(2); whatever part of a failed one reached the file is cut off
    // again. Nobody else appends between the two. What happened meanwhile is told once, whatever becomes of the rest.
    Result<void> append(const std::function<Result<std::string>(const Meanwhile&)>& compose);
    Result<void> sync();
    // Where the file ended when it was opened or last appended to here.
    off_t end() const { return end_; }
    // Cuts off what was appended here after `end`. Nothing happens when somebody else has appended meanwhile.
    Result<void> take_back(off_t end);

private:
    LogFile(int descriptor, std::filesystem::path path) : descriptor_(descriptor), path_(std::move(path)) {}
    Result<void> settle(bool created);
    Result<off_t> size() const;
    Result<std::string> read(off_t from, off_t to) const;
    // Cuts off what follows the last newline before `size`, at or after `from`; the new size.
    Result<off_t> cut_unfinished(off_t from, off_t size);
    // Cuts off everything from the line on in which something was never written, of the file and of `tail`, which is
    // its end, beginning at `from`.
    Result<void> cut_from_hole(std::string& tail, off_t from);
    Result<Meanwhile> look();
    Result<void> write(std::string_view lines);
    Error failure(const char* what) const;  // reads errno

    int descriptor_;
    std::filesystem::path path_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    off_t end_ = 0;  // as we left it
    std::string last_line_;
};

}  // namespace countersign::audit
