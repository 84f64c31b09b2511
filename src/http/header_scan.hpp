// Finding the end of a header block in a growing buffer, and saying early that there will never be one. Looks at every
// octet once. A value; one thread at a time.
#pragma once

#include <cstddef>
#include <string_view>

namespace countersign::http {

class HeaderScan {
public:
    enum class Verdict {
        incomplete,
        complete,
        not_http,        // cannot start a request line (a TLS hello on a plain port), or a bare LF
        line_too_long,   // 414
        block_too_long,  // 431
    };

    HeaderScan(std::size_t line_limit, std::size_t block_limit) : line_limit_(line_limit), block_limit_(block_limit) {}

    // `unread` begins with the request line and is what earlier calls saw, plus more.
    Verdict look_at(std::string_view unread);
    // The block's octets, empty line included; meaningful once complete.
    std::size_t length() const { return line_start_; }

private:
    std::size_t line_limit_;
    std::size_t block_limit_;
    std::size_t line_start_ = 0;
    std::size_t seen_ = 0;
};

}  // namespace countersign::http
