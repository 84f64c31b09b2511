// The seam for whatever answers HTTP requests: SCEP, the CRL, the admin surfaces.
#pragma once

#include "countersign/net/message.hpp"

#include <optional>
#include <string_view>

namespace countersign::net {

// Contract: both calls are safe on many threads and never throw. The session asks answer_at_once on the I/O thread first: it must
// neither block nor compute for more than microseconds. nullopt sends the request to the worker pool.
class Endpoint {
public:
    virtual ~Endpoint() = default;
    virtual std::string_view serves() const = 0;  // "scep" or "admin": listeners that do not serve it answer 404
    virtual std::optional<Response> answer_at_once(const Request& request) = 0;
    virtual Response answer(const Request& request) = 0;
};

}  // namespace countersign::net
