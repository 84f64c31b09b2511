#include "countersign/core/credential.hpp"

#include "countersign/core/text.hpp"

#include <cstdlib>
#include <string>

namespace countersign {
namespace {

constexpr std::string_view scheme = "credential:";
constexpr std::string_view of_running_service = "/run/credentials/countersignd.service";

// Empty: no credentials can be had.
std::filesystem::path directory() {
    const char* given = std::getenv("CREDENTIALS_DIRECTORY");
    if (given != nullptr && *given != '\0') return std::filesystem::path(given);
    std::error_code ignored;
    const std::filesystem::path running(of_running_service);
    return std::filesystem::is_directory(running, ignored) ? running : std::filesystem::path();
}

}  // namespace

std::optional<std::string_view> credential_name(std::string_view text) {
    if (!text.starts_with(scheme)) return std::nullopt;
    return text.substr(scheme.size());
}

Result<std::filesystem::path> credential_path(std::string_view name) {
    const std::string shown = std::string(scheme) + printable(name, 80);
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string_view::npos ||
        name.find('\0') != std::string_view::npos)
        return fail::malformed(shown + " is no credential's name");
    const auto home = directory();
    if (home.empty()) {
        return fail::not_found(shown + " needs systemd: add LoadCredential= or LoadCredentialEncrypted=" +
                               printable(name, 80) + " to the unit, or name a file");
    }
    return home / name;
}

mode_t forbidden_on_secret(const std::filesystem::path& file) {
    const auto home = directory();
    return !home.empty() && file.parent_path() == home ? S_IRWXO : S_IRWXG | S_IRWXO;
}

}  // namespace countersign
