#include "countersign/admin/account.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace countersign::admin {
namespace {

constexpr std::array<std::pair<Role, std::string_view>, 3> role_names{{
    {Role::device_administrator, "device-administrator"},
    {Role::officer, "officer"},
    {Role::auditor, "auditor"},
}};

// Fingerprints are written with colons, blanks and in either case.
std::string plain_fingerprint(std::string_view written) {
    std::string plain = to_lower(written);
    std::erase_if(plain, [](char c) { return c == ':' || c == ' '; });
    return plain;
}

}  // namespace

std::string_view name(Role role) {
    return std::ranges::find(role_names, role, &std::pair<Role, std::string_view>::first)->second;
}

std::set<Role> roles_from(const std::vector<std::string>& names) {
    std::set<Role> roles;
    for (const auto& [role, text] : role_names) {
        if (std::ranges::find(names, text) != names.end()) roles.insert(role);
    }
    return roles;
}

bool Account::works_on(std::string_view profile) const {
    return profiles.empty() || std::ranges::find(profiles, profile) != profiles.end();
}

UserName take_apart(std::string_view typed) {
    if (const auto back = typed.find('\\'); back != std::string_view::npos)
        return {typed.substr(back + 1), typed.substr(0, back)};
    if (const auto at = typed.rfind('@'); at != std::string_view::npos)
        return {typed.substr(0, at), typed.substr(at + 1)};
    return {typed, {}};
}

Accounts::Accounts(std::vector<Account> accounts, std::vector<std::string> realms) {
    for (const auto& realm : realms) realms_.insert(to_lower(realm));
    for (auto& account : accounts) {
        const auto shared = std::make_shared<const Account>(std::move(account));
        by_name_.emplace(to_lower(shared->name), shared);
        for (const auto& principal : shared->principals) by_principal_.emplace(to_lower(principal), shared);
        for (const auto& print : shared->certificates) by_fingerprint_.emplace(plain_fingerprint(print), shared);
    }
}

std::shared_ptr<const Account> Accounts::find(const Index& index, std::string_view key) {
    const auto found = index.find(key);
    return found == index.end() ? nullptr : found->second;
}

std::shared_ptr<const Account> Accounts::by_user_name(std::string_view typed) const {
    const std::string lower = to_lower(typed);
    if (auto whole = find(by_name_, lower)) return whole;
    return find(by_name_, take_apart(lower).user);
}

std::shared_ptr<const Account> Accounts::by_principal(std::string_view principal) const {
    const std::string lower = to_lower(principal);
    if (auto named = find(by_principal_, lower)) return named;
    const auto parts = take_apart(lower);
    return realms_.contains(parts.domain) ? find(by_name_, parts.user) : nullptr;
}

std::shared_ptr<const Account> Accounts::by_certificate(ByteView der) const {
    return find(by_fingerprint_, crypto::sha256_hex(der));
}

}  // namespace countersign::admin
