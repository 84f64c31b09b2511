// Settings of templates and algorithms in the words of the rooms that use them. Pure; malformed names the value.
#pragma once

#include "countersign/config/settings.hpp"
#include "countersign/policy/facts.hpp"
#include "countersign/scep/message.hpp"

#include <map>
#include <string>

namespace countersign::app {

// Without the blocked keys, which stand in a file.
Result<policy::Template> to_template(const config::TemplateSettings& settings);
// What CAs that are not local call the templates, by our names.
std::map<std::string, std::string> ca_template_names(const config::Settings& settings);
Result<scep::AcceptedAlgorithms> to_accepted(const config::ProfileSettings& settings);

}  // namespace countersign::app
