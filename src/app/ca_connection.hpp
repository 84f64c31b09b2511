// How CAs that speak HTTP are reached: settings in the words of the rooms net and ca. Blocking (files).
#pragma once

#include "countersign/ca/adcs.hpp"
#include "countersign/ca/cmp.hpp"
#include "countersign/ca/est.hpp"
#include "countersign/ca/rest.hpp"
#include "countersign/config/settings.hpp"
#include "countersign/net/http_client.hpp"

namespace countersign::app {

// malformed, denied, not_found: a file that the connection names is not usable.
Result<std::shared_ptr<net::HttpClient>> open_http(const config::CaConnectionSettings& connection);
// For what anybody may read: nothing of ours is shown to the server, http:// is possible, and an answer may be so
// large.
Result<std::shared_ptr<net::HttpClient>> open_anonymous_http(const config::CaConnectionSettings& connection,
                                                             std::size_t largest_answer);
// These are all but the chain, and keys.
Result<ca::AdcsOptions> adcs_options(const std::string& name, const config::CaSettings& ca,
                                     const config::Settings& settings);
Result<ca::CmpOptions> cmp_options(const std::string& name, const config::CaSettings& ca,
                                   const config::Settings& settings);
Result<ca::EstOptions> est_options(const std::string& name, const config::CaSettings& ca);
ca::RestOptions rest_options(const std::string& name, const config::CaSettings& ca, const config::Settings& settings);
// Kerberos takes its keys from the environment, so there is one identity for all CAs; config sees to that.
void prepare_process_for_kerberos(const config::Settings& settings);

}  // namespace countersign::app
