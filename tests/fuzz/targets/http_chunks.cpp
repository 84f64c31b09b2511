// The chunked transfer coding: the same octets make the same body however they arrive.
#include "fuzz.hpp"
#include "http/chunked.hpp"

using namespace countersign;

FUZZ_TARGET(input) {
    constexpr std::size_t limit = 4096;
    using State = http::ChunkedBody::State;
    http::ChunkedBody whole(limit);
    Bytes body;
    std::string_view rest = as_text(input);
    const auto state = whole.take(rest, body);
    fuzz::expect(body.size() <= limit, "a body stays within its limit");

    http::ChunkedBody pieces(limit);
    Bytes piece_body;
    auto last = State::incomplete;
    std::size_t taken = 0;
    for (; taken < input.size() && last == State::incomplete; ++taken) {
        std::string_view octet = as_text(input.subspan(taken, 1));
        last = pieces.take(octet, piece_body);
    }
    fuzz::expect(last == state, "how chunks arrive does not change them");
    if (state == State::complete) {
        fuzz::expect(body == piece_body, "the same chunks make the same body");
        fuzz::expect(taken == input.size() - rest.size(), "a body ends where it ends");
    }
}
