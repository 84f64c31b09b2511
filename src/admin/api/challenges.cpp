#include "call.hpp"
#include "countersign/admin/records.hpp"
#include "countersign/core/text.hpp"

#include <algorithm>

namespace countersign::admin {
namespace {

constexpr std::size_t longest_subject = 4096;
constexpr std::size_t most_sans = 128;
constexpr std::int64_t longest_validity = 43200;  // minutes, as the command line

enum class Purpose { read, revoke };

// What a caller has to do with: their profiles and, if they are limited to templates, their own and those for these
// templates.
bool concerns(const Call& call, const store::Challenge& challenge, Purpose purpose) {
    const auto& account = call.account();
    if (!call.sees(challenge.profile)) return false;
    if (account.templates.empty() || (purpose == Purpose::read && account.is(Role::auditor))) return true;
    if (challenge.template_name.empty()) return challenge.created_by == account.name;
    return std::ranges::find(account.templates, challenge.template_name) != account.templates.end();
}

Result<store::Challenge> challenge_of(const Call& call, Purpose purpose) {
    TRY(auto found, call.desk.parts().challenges.find_by_id(call.name));
    if (!found || !concerns(call, *found, purpose))
        return fail::not_found("there is no challenge " + printable(call.name, 60));
    return *std::move(found);
}

// The one profile there is for the caller, else "default".
Result<std::string> only_profile(const Call& call) {
    std::vector<std::string> own;
    for (const auto& [name, profile] : call.desk.profiles()) {
        if (call.sees(name)) own.push_back(name);
    }
    if (own.size() == 1) return own.front();
    if (std::ranges::find(own, "default") != own.end()) return std::string("default");
    return fail::malformed("member \"profile\" must say for which profile: " + join(own, ", "));
}

Result<MintRequest> mint_request(Call& call) {
    MintRequest request;
    auto& members = call.members;
    TRY(auto profile, members.text("profile", longest_name));
    TRY(auto subject, members.text("subject", longest_subject));
    TRY(request.binding.sans, members.texts("sans", most_sans, longest_subject));
    TRY(auto template_name, members.text("template", longest_name));
    TRY(const auto minutes, members.number("valid_minutes", 1, longest_validity));
    CHECK(members.nothing_else());
    request.binding.subject = std::move(subject).value_or("");
    request.binding.template_name = std::move(template_name).value_or("");
    if (minutes) request.valid = std::chrono::minutes{*minutes};
    if (profile) {
        request.profile = *std::move(profile);
    } else {
        TRY(request.profile, only_profile(call));
    }
    if (!call.sees(request.profile)) return fail::not_found("there is no profile " + printable(request.profile, 60));
    return request;
}

}  // namespace

Result<Reply> mint_challenge(Call& call) {
    TRY(auto request, mint_request(call));
    TRY(const auto minted, call.desk.mint(request, call.actor()));
    // As it was stored: names in one spelling, and the template the account is limited to. The password is minted, so
    // that it is told even if that cannot be read back.
    if (const auto stored = call.desk.parts().challenges.find_by_id(minted.id); stored && *stored)
        request.binding = {(*stored)->subject, (*stored)->sans, (*stored)->template_name};
    return Reply{201,
                 {{"challenge", minted.value.reveal_text()},
                  {"id", minted.id},
                  {"profile", request.profile},
                  {"expires", to_rfc3339(minted.expires)},
                  {"subject", request.binding.subject},
                  {"sans", request.binding.sans},
                  {"template", request.binding.template_name}},
                 "challenges/" + minted.id};
}

Result<Reply> list_challenges(Call& call) {
    TRY(const auto profile, profile_parameter(call));
    TRY(const bool all, call.parameters.flag("all"));
    TRY(const auto limit, call.parameters.limit());
    // Of an account limited to templates not all that is found is shown.
    const std::size_t wanted = call.account().templates.empty() ? limit + 1 : 10 * most_items;
    auto profiles = profile.empty() ? call.account().profiles : std::vector{profile};
    if (profiles.empty()) profiles.emplace_back();
    std::vector<store::Challenge> found;
    for (const auto& one : profiles) {
        TRY(auto of_profile, call.desk.parts().challenges.list(one, !all, call.now, wanted));
        std::ranges::move(of_profile, std::back_inserter(found));
    }
    std::erase_if(found, [&](const auto& one) { return !concerns(call, one, Purpose::read); });
    std::ranges::stable_sort(found, std::ranges::greater(), &store::Challenge::created);
    return Reply{200, page_of(found, limit, [&](const auto& one) { return to_json(one, call.now); })};
}

Result<Reply> show_challenge(Call& call) {
    TRY(const auto challenge, challenge_of(call, Purpose::read));
    return Reply{200, to_json(challenge, call.now)};
}

Result<Reply> revoke_challenge(Call& call) {
    CHECK(challenge_of(call, Purpose::revoke));
    CHECK(call.desk.revoke_challenge(call.name, call.actor()));
    return Reply{204};
}

}  // namespace countersign::admin
