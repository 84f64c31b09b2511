// What Active Directory says about the templates of CAs of type adcs, for `countersign check`.
#pragma once

#include "countersign/ca/adcs_policy.hpp"
#include "countersign/config/load.hpp"

#include <memory>
#include <string>
#include <vector>

namespace countersign::app {

// In wire.cpp, where adapters are named.
Result<std::unique_ptr<ca::AdcsPolicyService>> open_policy_service(const std::string& name,
                                                                   const config::CaSettings& ca,
                                                                   const config::Settings& settings, Random& random);

// `issuer`: the certificate of that CA. One finding at least for each template that a profile uses with this CA;
// without policy_url one for all.
void check_directory_templates(const config::Settings& settings, const std::string& ca,
                               const crypto::Certificate& issuer, Random& random,
                               std::vector<config::Finding>& findings);

}  // namespace countersign::app
