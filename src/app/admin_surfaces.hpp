// The admin room's parts from settings: accounts, what each profile's desk can mint, who signs in where.
#pragma once

#include "countersign/admin/account.hpp"
#include "countersign/admin/scheme.hpp"
#include "countersign/app/wire.hpp"
#include "countersign/http/router.hpp"

#include <map>
#include <memory>
#include <string>

namespace countersign::app {

std::shared_ptr<const admin::Accounts> accounts_of(const config::Settings& settings);

// Every way of signing in that a listener offers, by the name it gives it. Errors name the key and the file.
using Schemes = std::map<std::string, std::shared_ptr<admin::Scheme>>;
Result<Schemes> make_schemes(const config::Settings& settings, const SharedParts& parts);

// Whether the profile's challenge mode has something to show to an administrator.
bool has_password_page(const config::ProfileSettings& settings);

// At each admin path of the profile; a profile whose challenge mode has nothing to show gets none.
void add_password_page(http::Router& router, const config::ProfileSettings& settings, const ra::Profile& profile,
                       const AdminSurfaces& admin, const Clock& clock, const std::shared_ptr<net::Endpoint>& scep);

}  // namespace countersign::app
