// Requests that arrive at a rate of their own, whatever the server does: each on a new connection, as devices come. The
// time of an answer counts from when its request was due, so that a server that makes clients wait cannot hide it.
#pragma once

#include "instance.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace countersign::bench {

struct ArrivalOptions {
    double per_second = 10;
    std::chrono::seconds for_time{10};
    std::chrono::seconds patience{60};  // after the last arrival
    bool again_when_busy = false;       // a request that was told 503 is sent again later, in place of a new one
};

struct ArrivalResult {
    std::size_t arrived = 0;
    std::size_t busy = 0;         // 503 with Retry-After
    std::size_t unclean = 0;      // no answer, half an answer, 503 without Retry-After, other statuses
    std::size_t not_begun = 0;    // the generator itself had no descriptor or port left
    std::size_t in_time = 0;      // status 200 before the last request was due
    std::vector<double> seconds;  // of the answers with status 200, sorted
    std::vector<std::pair<std::size_t, std::string>> answers;  // status 200: which request, and its body
    double percentile(double part) const;
};

// `requests`: whole HTTP requests with "Connection: close", each sent until it got an answer that is not 503. Ends
// early when all have.
ArrivalResult arrive(const test::Endpoint& endpoint, const std::vector<std::string>& requests,
                     const ArrivalOptions& options);

}  // namespace countersign::bench
