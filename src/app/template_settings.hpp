// Settings of templates and algorithms in the words of the rooms that use them. Pure; malformed names the value.
#pragma once

#include "countersign/config/settings.hpp"
#include "countersign/policy/facts.hpp"
#include "countersign/scep/message.hpp"

namespace countersign::app {

Result<policy::Template> to_template(const config::TemplateSettings& settings);
Result<scep::AcceptedAlgorithms> to_accepted(const config::ProfileSettings& settings);

}  // namespace countersign::app
