// Problem details (RFC 9457): how the API and the monitoring endpoints say no. Values; any thread.
#pragma once

#include "countersign/admin/sign_in.hpp"
#include "countersign/core/random.hpp"
#include "countersign/net/message.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace countersign::admin {

using Json = nlohmann::ordered_json;

struct Problem {
    int status = 500;
    std::string slug;    // of the type: "urn:countersign:problem:" + slug
    std::string detail;  // for the one who asked; holds no secret
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string cause{};  // for the log; empty: the detail
};

namespace problem {
Problem sign_in(const Refusal& refusal);
Problem forbidden(std::string detail);
Problem not_found(std::string detail);
Problem method_not_allowed(std::string_view allowed);
Problem wrong_content_type();
Problem body_too_large(std::size_t limit);
// What an operation failed with. Details of our own troubles stay in the log.
Problem from(const Error& error);
}  // namespace problem

net::Response json_response(int status, const Json& json);
// Nothing of it may be kept, sniffed, framed or leak through a Referer.
net::Response guarded(net::Response response);
// The same for a page with a style sheet and forms of our own.
net::Response guarded_page(net::Response response);
// `response` with `headers` after its own.
net::Response with_headers(net::Response response, const std::vector<std::pair<std::string, std::string>>& headers);

// Tells a problem, with a random id in the log line and in `instance`. `who`: the account, "-" for nobody.
struct Refuser {
    Random& random;
    const std::function<void(const std::string&)>& log;
    net::Response refuse(const net::Request& request, const Problem& problem, std::string_view who,
                         const std::string& id) const;
    std::string new_id() const;  // urn:uuid: of version 4 (RFC 9562)
};

}  // namespace countersign::admin
