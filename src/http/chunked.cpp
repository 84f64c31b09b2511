#include "chunked.hpp"

#include <algorithm>

namespace countersign::http {
namespace {

constexpr unsigned most_digits = 8;
constexpr std::size_t most_extension_octets = 1024;  // in the whole body

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

ChunkedBody::State ChunkedBody::take(std::string_view& raw, Bytes& body) {
    while (!raw.empty()) {
        if (at_ == At::data) {
            const auto part = raw.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(size_, raw.size())));
            body.insert(body.end(), part.begin(), part.end());
            raw.remove_prefix(part.size());
            size_ -= part.size();
            if (size_ == 0) at_ = At::data_return;
            continue;
        }
        const auto state = take_octet(raw.front());
        if (state == State::malformed) return state;
        raw.remove_prefix(1);
        if (state == State::complete) return state;
        if (at_ == At::data && size_ > limit_ - std::min(limit_, body.size())) return State::too_large;
    }
    return State::incomplete;
}

ChunkedBody::State ChunkedBody::take_octet(char octet) {
    const auto expect = [&](char wanted, At next) {
        if (octet != wanted) return State::malformed;
        at_ = next;
        return State::incomplete;
    };
    switch (at_) {
        case At::size: {
            if (const int digit = hex_value(octet); digit >= 0) {
                size_ = size_ * 16 + static_cast<unsigned>(digit);
                return ++digits_ > most_digits ? State::malformed : State::incomplete;
            }
            if (digits_ == 0) return State::malformed;
            if (octet == '\r') return expect('\r', At::size_feed);
            return expect(';', At::extension);
        }
        case At::extension:
            if (octet == '\r') return expect('\r', At::size_feed);
            if (static_cast<unsigned char>(octet) < 0x20 || octet == 0x7f) return State::malformed;
            return ++extension_octets_ > most_extension_octets ? State::malformed : State::incomplete;
        case At::size_feed: {
            digits_ = 0;
            return expect('\n', size_ == 0 ? At::last_return : At::data);
        }
        case At::data_return: return expect('\r', At::data_feed);
        case At::data_feed: return expect('\n', At::size);
        case At::last_return: return expect('\r', At::last_feed);  // anything else starts a trailer
        case At::last_feed: {
            const auto state = expect('\n', At::end);
            return state == State::malformed ? state : State::complete;
        }
        case At::data:
        case At::end: break;
    }
    return State::malformed;
}

}  // namespace countersign::http
