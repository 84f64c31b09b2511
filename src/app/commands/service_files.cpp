#include "service_files.hpp"

#include "countersign/core/text.hpp"
#include "files.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace countersign::app {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse_errno(const fs::path& path, const std::string& what) {
    throw StartupError(fail::unavailable(path.string() + ": " + what + ": " + std::strerror(errno)));
}

bool is_comment(std::string_view line) {
    line = trim(line);
    return line.empty() || line.starts_with('#');
}

}  // namespace

Owner owner_named(const std::string& name) {
    if (::geteuid() != 0)
        throw StartupError(fail::denied("--owner: only root may give files away; run this as root, or as the user"));
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 16384> room{};
    if (::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found) != 0 || found == nullptr)
        throw StartupError(fail::not_found("--owner: there is no user " + printable(name, 60)));
    return {entry.pw_uid, entry.pw_gid};
}

void give_to(const fs::path& directory, const Owner& owner) {
    const auto give = [&](const fs::path& path) {
        if (::lchown(path.c_str(), owner.user, owner.group) != 0) refuse_errno(path, "cannot be given away");
    };
    for (const auto& entry : fs::recursive_directory_iterator(directory)) give(entry.path());
    give(directory);
}

void require_unused(const fs::path& config) {
    const auto text = read_file(config);
    if (!text && text.error().kind == ErrorKind::not_found) return;
    if (!text) throw StartupError(text.error());
    if (std::ranges::all_of(split(*text, '\n'), is_comment)) return;
    throw StartupError(
        fail::conflict(config.string() + ": something is configured here, and nothing is overwritten; name another"));
}

void put_config(const fs::path& config, std::string_view text, const std::optional<Owner>& owner) {
    const fs::path fresh = config.string() + ".new";
    if (const auto written = write_new_file(fresh, text, owner ? 0640 : 0600); !written)
        throw StartupError(written.error());
    const bool placed =
        (!owner || ::chown(fresh.c_str(), 0, owner->group) == 0) && ::rename(fresh.c_str(), config.c_str()) == 0;
    if (placed) return;
    const int reason = errno;
    ::unlink(fresh.c_str());
    errno = reason;
    refuse_errno(config, "cannot be put there");
}

}  // namespace countersign::app
