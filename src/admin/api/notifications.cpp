#include "call.hpp"
#include "countersign/admin/records.hpp"
#include "countersign/core/text.hpp"

#include <algorithm>

namespace countersign::admin {
namespace {

Result<store::Outbox*> outbox_of(const Call& call) {
    if (call.desk.parts().outbox == nullptr) return fail::internal("this desk has no outbox");
    return call.desk.parts().outbox;
}

Result<store::Notification> notification_of(const Call& call) {
    TRY(auto* const outbox, outbox_of(call));
    auto found = outbox->find(call.name);
    if (!found && found.error().kind != ErrorKind::not_found) return found.error();
    if (!found || !call.sees(found->profile))
        return fail::not_found("there is no notification " + printable(call.name, 60));
    return *std::move(found);
}

}  // namespace

Result<Reply> list_notifications(Call& call) {
    TRY(auto* const outbox, outbox_of(call));
    TRY(const auto limit, call.parameters.limit());
    store::NotificationFilter filter;
    filter.receiver = call.parameters.text("receiver");
    if (const auto state = call.parameters.text("state"); !state.empty()) {
        filter.state = notification_state_from(state);
        if (!filter.state) return fail::malformed("parameter \"state\" must be one of waiting, delivered, dead");
    }
    // Of an account limited to profiles not all that is found is shown.
    filter.limit = call.account().profiles.empty() ? limit + 1 : 10 * most_items;
    TRY(auto found, outbox->list(filter));
    std::erase_if(found, [&](const auto& one) { return !call.sees(one.profile); });
    return Reply{200, page_of(found, limit, [](const auto& one) { return to_json(one); })};
}

Result<Reply> show_notification(Call& call) {
    TRY(const auto one, notification_of(call));
    return Reply{200, to_json(one)};
}

Result<Reply> retry_notification(Call& call) {
    CHECK(call.members.nothing_else());
    TRY(const auto one, notification_of(call));
    CHECK(call.desk.retry_notification(one.id, call.actor()));
    TRY(const auto retried, notification_of(call));
    return Reply{200, to_json(retried)};
}

Result<Reply> drop_notification(Call& call) {
    TRY(const auto one, notification_of(call));
    CHECK(call.desk.drop_notification(one.id, call.actor()));
    return Reply{204};
}

}  // namespace countersign::admin
