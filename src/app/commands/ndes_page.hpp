// Reading the password page of an NDES server (mscep_admin), as MDMs do. Pure; any thread.
#pragma once

#include "countersign/core/secret.hpp"

namespace countersign::app {

// The challenge in the page, whose text is UTF-16LE with or without byte order mark, or UTF-8. throttled: the page says
// that the password cache is full. denied: it says that this user may not have one. malformed: it is no such page.
Result<Secret> challenge_in_page(ByteView page);

}  // namespace countersign::app
