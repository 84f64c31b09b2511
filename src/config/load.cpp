#include "countersign/config/load.hpp"

#include "check.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace countersign::config {
namespace {

constexpr std::uintmax_t largest_file = 4 * 1024 * 1024;

Loaded unreadable(const std::filesystem::path& file, std::string problem, std::string remedy) {
    return {std::nullopt, {{FindingLevel::error, {file.string(), 0, ""}, std::move(problem), std::move(remedy)}}};
}

}  // namespace

std::string describe(const Finding& finding) {
    std::string text = finding.place.file;
    if (finding.place.line != 0) text += ":" + std::to_string(finding.place.line);
    text += ": ";
    if (finding.level == FindingLevel::warning) text += "warning: ";
    if (finding.level == FindingLevel::note) text += "note: ";
    if (!finding.place.key.empty()) text += finding.place.key + ": ";
    text += finding.problem;
    if (!finding.remedy.empty()) text += "; " + finding.remedy;
    return text;
}

Loaded load(const std::filesystem::path& file) {
    std::error_code error;
    const auto status = std::filesystem::status(file, error);
    if (!std::filesystem::exists(status))
        return unreadable(file, "there is no such file", "make an instance with `countersign init DIR`");
    if (!std::filesystem::is_regular_file(status))
        return unreadable(file, "this is no file", "name the configuration file itself");
    if (std::filesystem::file_size(file, error) > largest_file)
        return unreadable(file, "this file is too large for a configuration", "name another");
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    if (!stream) return unreadable(file, "the file cannot be read", "check its owner and mode");

    Document document =
        read_document(file, std::filesystem::absolute(file).lexically_normal().parent_path(), text.str());
    const bool parsed =
        std::ranges::none_of(document.findings, [](const Finding& finding) { return finding.place.key.empty(); });
    if (parsed) {
        check_listeners(document);
        check_accounts(document);
        check_sign_in(document);
        check_authorities(document);
        check_templates(document);
        check_profiles(document);
        check_challenge_issuers(document);
        check_notifications(document);
        check_intune(document);
        check_hooks(document);
        check_paths(document);
    }
    std::ranges::stable_sort(document.findings, {}, [](const Finding& finding) { return finding.place.line; });
    Loaded loaded{std::nullopt, std::move(document.findings)};
    const bool refused =
        std::ranges::any_of(loaded.findings, [](const Finding& one) { return one.level == FindingLevel::error; });
    if (!refused) loaded.settings = std::move(document.settings);
    return loaded;
}

}  // namespace countersign::config
