// The outside of NTLM messages ([MS-NLMP] section 2.2.1): which one it is, whom it claims to be from. Nothing here
// proves anything. Pure functions over what a client sent; any thread.
#pragma once

#include "countersign/core/bytes.hpp"

#include <string>

namespace countersign::admin::ntlm {

// An AUTHENTICATE_MESSAGE whose parts do not lie in its payload is none: GSSAPI might read another name in it than we.
enum class Type { none, negotiate, authenticate };
Type type_of(ByteView message);

// Of an AUTHENTICATE_MESSAGE: "domain\user" in lower case, at most 1025 octets, UTF-16 without its zero octets; any
// other octets are as the client sent them, so that a log shows them by printable() only. Empty: it names nobody.
std::string claimed_user(ByteView message);

// The message with room for the version field, which the specification lets old clients leave out: curl and go-ntlmssp
// do, and gss-ntlmssp 1.2.0 refuses to read on then. What is no such message stays as it is.
Bytes with_version(Bytes message);

}  // namespace countersign::admin::ntlm
