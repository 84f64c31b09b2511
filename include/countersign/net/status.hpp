// The one table from error kinds to HTTP statuses. Pure; any thread.
#pragma once

#include "countersign/core/result.hpp"
#include "countersign/net/message.hpp"

namespace countersign::net {

int status_of(ErrorKind kind);

// A plain-text answer that says no more than its status does; the detail stays in the log. With Retry-After where later helps.
Response refusal(ErrorKind kind);

}  // namespace countersign::net
