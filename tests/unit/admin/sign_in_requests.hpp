// Requests to sign in with, and accounts to sign in to.
#pragma once

#include "countersign/admin/account.hpp"
#include "countersign/admin/scheme.hpp"
#include "countersign/net/message.hpp"

#include <gmock/gmock.h>

namespace countersign::admin::test {

inline std::shared_ptr<net::Connection> connection_to(const std::string& listener, bool relayed = false) {
    auto connection = std::make_shared<net::Connection>();
    connection->listener = listener;
    connection->relayed = relayed;
    return connection;
}

inline net::Request request_with(std::vector<std::pair<std::string, std::string>> headers,
                                 std::shared_ptr<net::Connection> connection = connection_to("127.0.0.1:443")) {
    net::Request request;
    request.method = "GET";
    request.path = "/certsrv/mscep_admin/";
    request.headers = std::move(headers);
    request.client = "192.0.2.1";
    request.connection = std::move(connection);
    return request;
}

inline std::string why_not(const Verdict& verdict) {
    const auto* unproven = std::get_if<Unproven>(&verdict);
    return unproven != nullptr ? unproven->reason : "(it was not refused)";
}

inline std::shared_ptr<const Accounts> accounts_with(Account account, std::vector<std::string> realms = {}) {
    return std::make_shared<const Accounts>(std::vector<Account>{std::move(account)}, std::move(realms));
}

}  // namespace countersign::admin::test
