// What Negotiate and NTLM have in common: tokens in Authorization and WWW-Authenticate, over as many requests of one
// connection as the mechanism takes. Safe on many threads.
#pragma once

#include "countersign/admin/scheme.hpp"
#include "gss.hpp"

namespace countersign::admin::gss {

struct RoundsOptions {
    std::string word;  // "Negotiate"
    std::shared_ptr<const Acceptor> acceptor;
    ChannelBinding binding = ChannelBinding::required;
};

// The octets of the token that Authorization carries for `word`; nullopt: another scheme, or no base64 of at most 64
// KiB.
std::optional<Bytes> token_for(std::string_view word, const net::Request& request);

// One round. `first`: the token begins a conversation, and ends the one the connection may be in the middle of. What
// has to wait for another request waits in Connection::memory, which holds a Conversation or nothing; never on a
// relayed connection, where the next request may be somebody else's.
using Round = std::variant<Accepted, Unproven, AnotherRound>;
Round go_a_round(const RoundsOptions& options, const net::Request& request, ByteView token, bool first);

}  // namespace countersign::admin::gss
