// What a person sees who opens a SCEP URL in a browser. ASCII, so that scripts may look for the sentences of NDES's own
// page.
#pragma once

#include <string>

namespace countersign::http {

std::string landing_page();

}  // namespace countersign::http
