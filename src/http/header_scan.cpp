#include "header_scan.hpp"

namespace countersign::http {

HeaderScan::Verdict HeaderScan::look_at(std::string_view unread) {
    if (!unread.empty()) {
        const char first = unread.front();
        const bool letter = (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z');
        if (!letter) return Verdict::not_http;
    }
    while (true) {
        const auto feed = unread.find('\n', seen_);
        const bool in_request_line = line_start_ == 0;
        const auto line_so_far = (feed == std::string_view::npos ? unread.size() : feed + 1) - line_start_;
        if (in_request_line && line_so_far > line_limit_ + 2) return Verdict::line_too_long;
        if (line_start_ + line_so_far > block_limit_) return Verdict::block_too_long;
        if (feed == std::string_view::npos) {
            seen_ = unread.size();
            return Verdict::incomplete;
        }
        if (feed == line_start_ || unread[feed - 1] != '\r') return Verdict::not_http;
        const bool empty_line = feed == line_start_ + 1;
        line_start_ = seen_ = feed + 1;
        if (empty_line) return Verdict::complete;
    }
}

}  // namespace countersign::http
