// From the settings of an RA to what the ra room works with.
#pragma once

#include "countersign/config/settings.hpp"
#include "countersign/ra/succession.hpp"

namespace countersign::app {

ra::RenewalRules renewal_rules(const config::RaSettings& ra);
// How URIs of new keys name [ra.NAME] directory: relative where it is below the configuration's own, so that an
// instance can be moved as a whole.
std::filesystem::path key_directory(const config::Settings& settings, const config::RaSettings& ra);
// The CA that renews: the one named, or that of the first profile that uses the RA; empty: nobody uses it.
std::string renewing_ca(const config::Settings& settings, const std::string& ra_name);

}  // namespace countersign::app
