// A CMP transaction between two messages, as text that outlives the process. Values only; any thread.
#pragma once

#include "countersign/core/bytes.hpp"
#include "countersign/core/clock.hpp"

#include <optional>
#include <string>

namespace countersign::ca::cmp {

struct State {
    Bytes id{};                    // transactionID
    Bytes nonce{};                 // the CA's last senderNonce
    std::int64_t request_id = -1;  // certReqId (RFC 9483 4.1.4: -1 for p10cr until the CA names another)
    Time not_before{};             // not to be asked about earlier
    std::string key{};             // fingerprint of the requested public key; empty: unknown
    Bytes certificate{};           // issued; our confirmation is still to be answered
    bool confirmed = false;        // a confirmation was sent and got no answer

    std::string handle() const;
    // nullopt: no handle of ours.
    static std::optional<State> from(const std::string& handle);
};

}  // namespace countersign::ca::cmp
