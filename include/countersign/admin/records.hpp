// What the store remembers, as administrators read it: one JSON form for the command line's --json and the API. Pure; any thread.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/store/outbox.hpp"
#include "countersign/store/records.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace countersign::admin {

// "expired" as well as the stored states: an outstanding challenge past its time is good for nothing.
std::string state_of(const store::Challenge& challenge, Time now);
// "valid", "expired" or "revoked".
std::string state_of(const store::IssuedCertificate& certificate, Time now);

nlohmann::ordered_json to_json(const store::Challenge& challenge, Time now);
nlohmann::ordered_json to_json(const store::Attempt& attempt);
nlohmann::ordered_json to_json(const store::IssuedCertificate& certificate, Time now);
nlohmann::ordered_json to_json(const store::Notification& notification);
// With what an officer decides about: the plan and the request itself (PEM).
nlohmann::ordered_json to_json_in_full(const store::Attempt& attempt);

std::optional<store::NotificationState> notification_state_from(std::string_view text);
std::optional<store::AttemptState> attempt_state_from(std::string_view text);

// RFC 5280 5.3.1, those that make sense for an end entity: name to number.
const std::map<std::string, int>& revocation_reasons();
std::string revocation_reason_name(int reason);  // the number where there is no name

}  // namespace countersign::admin
