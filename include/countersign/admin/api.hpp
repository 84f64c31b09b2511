// The JSON API below /api/v1: what administrators do on the page and the command line, for programs.
//
// Described in full by docs/openapi.json. Every act goes through the Desk; every request is signed in on its own. What
// is refused is told as problem details (RFC 9457) whose `instance` also stands in the operations log. Blocking, never
// throws; safe on many threads. Shares Desk and SignIn, borrows random, which outlives it.
#pragma once

#include "countersign/admin/desk.hpp"
#include "countersign/admin/sign_in.hpp"
#include "countersign/core/random.hpp"
#include "countersign/net/endpoint.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace countersign::admin {

struct ApiParts {
    std::shared_ptr<Desk> desk;
    std::shared_ptr<SignIn> sign_in;
    Random& random;
    std::function<void(const std::string&)> log;  // one line for each refusal; never a secret
};

class Api final : public net::Endpoint {
public:
    static constexpr std::string_view root = "/api/v1";

    explicit Api(ApiParts parts) : parts_(std::move(parts)) {}

    std::string_view serves() const override { return "admin"; }
    std::optional<net::Response> answer_at_once(const net::Request&) override { return std::nullopt; }
    net::Response answer(const net::Request& request) override;

    struct Operation {
        std::string method;  // "POST"
        std::string path;    // "/challenges/{id}", below root
    };
    static std::vector<Operation> operations();

private:
    ApiParts parts_;
};

}  // namespace countersign::admin
