#include "call.hpp"
#include "countersign/admin/records.hpp"
#include "countersign/core/text.hpp"

namespace countersign::admin {
namespace {

constexpr std::size_t longest_reason = 1000;

Result<store::Attempt> request_of(const Call& call) {
    const auto none = [&] { return fail::not_found("there is no request " + printable(call.name, 60)); };
    auto found = call.desk.parts().transactions.find(call.name);
    if (!found && found.error().kind == ErrorKind::not_found) return none();
    if (!found) return found.error();
    if (!call.sees(found->key.profile)) return none();
    return *std::move(found);
}

// As it stands after a decision.
Result<Reply> decided(const Call& call) {
    TRY(const auto attempt, call.desk.parts().transactions.find(call.name));
    return Reply{200, to_json(attempt)};
}

}  // namespace

Result<Reply> list_requests(Call& call) {
    TRY(const auto profile, profile_parameter(call));
    TRY(const auto limit, call.parameters.limit());
    store::AttemptFilter filter;
    if (const auto state = call.parameters.text("state"); !state.empty()) {
        filter.state = attempt_state_from(state);
        if (!filter.state) {
            return fail::malformed(
                "parameter \"state\" must be one of intent, held, approved, pending, issued, failed");
        }
    }
    filter.profiles = profile.empty() ? call.account().profiles : std::vector{profile};
    filter.limit = limit + 1;
    TRY(const auto found, call.desk.parts().transactions.list(filter));
    return Reply{200, page_of(found, limit, [](const auto& one) { return to_json(one); })};
}

Result<Reply> show_request(Call& call) {
    TRY(const auto attempt, request_of(call));
    return Reply{200, to_json_in_full(attempt)};
}

Result<Reply> approve_request(Call& call) {
    CHECK(call.members.nothing_else());
    CHECK(request_of(call));
    CHECK(call.desk.approve(call.name, call.actor()));
    return decided(call);
}

Result<Reply> deny_request(Call& call) {
    TRY(const auto reason, call.members.text("reason", longest_reason));
    CHECK(call.members.nothing_else());
    if (!reason || trim(*reason).empty()) return fail::malformed("member \"reason\" must say why, for the records");
    CHECK(request_of(call));
    CHECK(call.desk.deny(call.name, *reason, call.actor()));
    return decided(call);
}

}  // namespace countersign::admin
