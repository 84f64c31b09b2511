// The chunked transfer coding, strictly (RFC 9112 section 7.1): Beast 1.81 lets chunk extensions grow without bound and
// turns trailers into header fields, so chunks are read here. Extensions are ignored up to a bound, trailers refused.
// A value; one thread at a time.
#pragma once

#include "countersign/core/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace countersign::http {

class ChunkedBody {
public:
    enum class State { incomplete, complete, malformed, too_large };

    explicit ChunkedBody(std::size_t limit) : limit_(limit) {}

    // Takes octets from the front of `raw` and appends the data among them to `body`. Stops taking at the end of the
    // body.
    State take(std::string_view& raw, Bytes& body);

private:
    enum class At { size, extension, size_feed, data, data_return, data_feed, last_return, last_feed, end };
    State take_octet(char octet);

    std::size_t limit_;
    At at_ = At::size;
    std::uint64_t size_ = 0;
    unsigned digits_ = 0;
    std::size_t extension_octets_ = 0;
};

}  // namespace countersign::http
