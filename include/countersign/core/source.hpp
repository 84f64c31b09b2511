// Where requests come from, as far as limits for one source are concerned. Values only.
#pragma once

#include <string>
#include <string_view>

namespace countersign {

// What counts as one source: an IPv4 address, or the /64 an IPv6 address is in. Other texts stand for themselves.
std::string source_of(std::string_view client);

// The machine itself: a loopback address, or "unix" for a Unix socket.
bool is_this_machine(std::string_view client);

}  // namespace countersign
