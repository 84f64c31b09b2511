// One signed-in request to the API, and the operations that answer it. Private to the API.
#pragma once

#include "countersign/admin/desk.hpp"
#include "countersign/admin/sign_in.hpp"
#include "input.hpp"
#include "operation.hpp"
#include "problem.hpp"

#include <optional>
#include <string>

namespace countersign::admin {

struct Call {
    Desk& desk;
    const Caller& caller;
    std::string name;  // what stood for {id} or {serial}
    Parameters parameters;
    Members members;
    Time now;
    std::string through;  // "api", "console"

    const Account& account() const { return *caller.account; }
    bool sees(std::string_view profile) const { return account().works_on(profile); }
    Actor actor() const { return {account().name, through, account().max_outstanding, account().templates}; }
};

// api/challenges.cpp
Result<Reply> mint_challenge(Call& call);
Result<Reply> list_challenges(Call& call);
Result<Reply> show_challenge(Call& call);
Result<Reply> revoke_challenge(Call& call);

// api/requests.cpp
Result<Reply> list_requests(Call& call);
Result<Reply> show_request(Call& call);
Result<Reply> approve_request(Call& call);
Result<Reply> deny_request(Call& call);

// api/certificates.cpp
Result<Reply> list_certificates(Call& call);
Result<Reply> show_certificate(Call& call);
Result<Reply> revoke_certificate(Call& call);

// api/notifications.cpp
Result<Reply> list_notifications(Call& call);
Result<Reply> show_notification(Call& call);
Result<Reply> retry_notification(Call& call);
Result<Reply> drop_notification(Call& call);

// api.cpp
Result<Reply> who_am_i(Call& call);

// At most `limit` of them; "more" says that there were others.
template <class Record, class ToJson>
Json page_of(const std::vector<Record>& found, std::size_t limit, ToJson to_json_form) {
    Json items = Json::array();
    for (std::size_t i = 0; i < found.size() && i < limit; ++i) items.push_back(to_json_form(found[i]));
    return {{"items", std::move(items)}, {"more", found.size() > limit}};
}

// The parameter "profile", if it may be asked for. not_found: it is not there, or not the caller's.
Result<std::string> profile_parameter(const Call& call);

}  // namespace countersign::admin
