#include "power_cut.hpp"

#include "power_journal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <map>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace countersign::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t block = 4096;

struct Change {
    PowerRecord record;
    std::string before;
    std::string after;
    std::string text;
};

std::vector<Change> read_journal(const fs::path& journal) {
    std::ostringstream text;
    text << std::ifstream(journal, std::ios::binary).rdbuf();
    const std::string octets = text.str();
    std::vector<Change> changes;
    for (std::size_t at = 0; at + sizeof(PowerRecord) <= octets.size();) {
        Change change;
        std::memcpy(&change.record, octets.data() + at, sizeof change.record);
        if (change.record.magic != PowerRecord::kMagic) throw std::runtime_error("the journal makes no sense");
        at += sizeof change.record;
        const std::array parts{std::pair(&change.before, change.record.old_octets),
                               std::pair(&change.after, change.record.new_octets),
                               std::pair(&change.text, change.record.text_octets)};
        std::size_t whole = 0;
        for (const auto& [part, size] : parts) whole += size;
        if (octets.size() - at < whole) break;  // killed while it wrote this
        for (const auto& [part, size] : parts) {
            *part = octets.substr(at, size);
            at += size;
        }
        changes.push_back(std::move(change));
    }
    return changes;
}

class OpenFile {
public:
    explicit OpenFile(const fs::path& path) : descriptor_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
        if (descriptor_ < 0) throw std::runtime_error("cannot open " + path.string());
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile() { ::close(descriptor_); }
    void write(std::string_view octets, std::uint64_t at) const {
        if (::pwrite(descriptor_, octets.data(), octets.size(), static_cast<off_t>(at)) !=
            static_cast<ssize_t>(octets.size()))
            throw std::runtime_error("a file cannot be put back");
    }
    void resize(std::uint64_t size) const {
        if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0)
            throw std::runtime_error("a file cannot be put back");
    }

private:
    int descriptor_;
};

class Cut {
public:
    Cut(fs::path journal, fs::path directory, double kept, std::mt19937& dice)
        : journal_(std::move(journal)), directory_(std::move(directory)), kept_(kept), dice_(dice) {}

    PowerCut make() {
        changes_ = read_journal(journal_);
        note_syncs();
        restore_contents();
        restore_entries();
        remove_traces();
        return result_;
    }

private:
    bool reached_the_disk() { return std::uniform_real_distribution<>(0, 1)(dice_) < kept_; }
    fs::path link_of(const Change& change) const {
        return journal_.string() + "." + std::to_string(change.record.number);
    }

    void note_syncs() {
        for (const auto& change : changes_) {
            if (change.record.event == PowerEvent::sync) safe_[change.record.inode] = change.record.offset;
            if (change.record.event == PowerEvent::sync_tree) safe_tree_[change.text] = change.record.offset;
        }
    }

    std::map<std::uint64_t, fs::path> paths_by_inode() const {
        std::map<std::uint64_t, fs::path> paths;
        const auto note = [&](const fs::path& path) {
            struct stat status {};
            if (::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) paths[status.st_ino] = path;
        };
        for (const auto& change : changes_) note(link_of(change));
        for (const auto& entry : fs::recursive_directory_iterator(directory_)) note(entry.path());
        return paths;
    }

    void restore_contents() {
        std::map<std::uint64_t, std::vector<const Change*>> unsafe;
        for (const auto& change : changes_) {
            const bool content =
                change.record.event == PowerEvent::write || change.record.event == PowerEvent::truncate;
            const auto safe = safe_.find(change.record.inode);
            if (content && (safe == safe_.end() || change.record.number >= safe->second))
                unsafe[change.record.inode].push_back(&change);
        }
        const auto paths = paths_by_inode();
        for (const auto& [inode, changes] : unsafe) {
            const auto path = paths.find(inode);
            if (path != paths.end()) restore_content(OpenFile(path->second), changes);
        }
    }

    // Back to what was safe, then on again with what reached the disk all the same.
    void restore_content(const OpenFile& file, std::span<const Change* const> changes) {
        for (auto at = changes.rbegin(); at != changes.rend(); ++at) {
            const auto& [record, before, after, text] = **at;
            file.write(before, record.offset);
            file.resize(record.old_size);
        }
        for (const auto* change : changes) {
            ++result_.unsynced;
            const bool whole =
                change->record.event == PowerEvent::write ? write_again(file, *change) : truncate_again(file, *change);
            if (!whole) ++result_.lost;
        }
    }

    bool truncate_again(const OpenFile& file, const Change& change) {
        if (!reached_the_disk()) return false;
        file.resize(change.record.offset);
        return true;
    }

    bool write_again(const OpenFile& file, const Change& change) {
        bool whole = true;
        const std::string_view octets = change.after;
        for (std::uint64_t at = 0; at < octets.size();) {
            const auto here = change.record.offset + at;
            const auto part = octets.substr(at, block - here % block);
            if (reached_the_disk())
                file.write(part, here);
            else
                whole = false;
            at += part.size();
        }
        return whole;
    }

    bool entry_is_safe(const Change& change, const fs::path& path) const {
        const auto safe = safe_tree_.find(path.parent_path().string());
        return safe != safe_tree_.end() && change.record.number < safe->second;
    }

    void restore_entries() {
        for (auto at = changes_.rbegin(); at != changes_.rend(); ++at) {
            const auto event = at->record.event;
            if (event != PowerEvent::create && event != PowerEvent::remove && event != PowerEvent::rename) continue;
            const fs::path path =
                event == PowerEvent::rename ? at->text.substr(at->text.find('\0') + 1).c_str() : at->text.c_str();
            if (entry_is_safe(*at, path)) continue;
            ++result_.unsynced;
            if (reached_the_disk()) continue;
            ++result_.lost;
            undo_entry(*at, path);
        }
    }

    void undo_entry(const Change& change, const fs::path& path) const {
        std::error_code ignored;
        if (change.record.event == PowerEvent::rename) fs::rename(path, change.text.c_str(), ignored);
        if (change.record.event == PowerEvent::create) fs::remove(path, ignored);
        if (change.record.event != PowerEvent::create) fs::create_hard_link(link_of(change), path, ignored);
    }

    void remove_traces() const {
        std::error_code ignored;
        for (const auto& change : changes_) fs::remove(link_of(change), ignored);
        fs::remove(journal_, ignored);
        std::vector<fs::path> maps;
        for (const auto& entry : fs::recursive_directory_iterator(directory_))
            if (entry.path().native().ends_with("-shm")) maps.push_back(entry.path());
        for (const auto& map : maps) fs::remove(map, ignored);
    }

    fs::path journal_;
    fs::path directory_;
    double kept_;
    std::mt19937& dice_;
    std::vector<Change> changes_;
    std::map<std::uint64_t, std::uint64_t> safe_;     // by inode: records before this one
    std::map<std::string, std::uint64_t> safe_tree_;  // by directory
    PowerCut result_;
};

}  // namespace

PowerCut cut_power(const fs::path& journal, const fs::path& directory, double kept, std::mt19937& dice) {
    return Cut(journal, directory, kept, dice).make();
}

}  // namespace countersign::test
