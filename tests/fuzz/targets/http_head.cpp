// The framing check and the parser behind it: what both take must mean one thing.
#include "countersign/http/framing.hpp"
#include "fuzz.hpp"
#include "http/header_scan.hpp"
#include "http/wire.hpp"

#include <algorithm>

using namespace countersign;

FUZZ_TARGET(input) {
    const auto text = as_text(input);
    http::HeaderScan at_once(64 * 1024, 96 * 1024);
    const auto verdict = at_once.look_at(text);
    http::HeaderScan in_pieces(64 * 1024, 96 * 1024);
    auto last = http::HeaderScan::Verdict::incomplete;
    for (std::size_t end = 1; end <= text.size() && last == http::HeaderScan::Verdict::incomplete; ++end)
        last = in_pieces.look_at(text.substr(0, end));
    fuzz::expect(text.empty() || last == verdict, "how a head arrives does not change it");
    if (verdict != http::HeaderScan::Verdict::complete) return;
    fuzz::expect(at_once.length() == in_pieces.length(), "a head ends where it ends");

    const auto block = text.substr(0, at_once.length());
    if (!http::check_framing(block).has_value()) return;
    const auto head = http::read_head(block);
    if (!head.has_value()) return;
    fuzz::expect(!(head->chunked && head->content_length), "a body has one length");
    fuzz::expect(head->http11 || !head->chunked, "HTTP/1.0 has no chunks");
    fuzz::expect(head->request.path.find('\0') == std::string::npos, "a path holds no NUL");
    const auto hosts = std::ranges::count(head->request.headers, "host", &std::pair<std::string, std::string>::first);
    fuzz::expect(hosts <= 1, "a request has one Host");
    for (const auto& [name, value] : head->request.headers) {
        fuzz::expect(!name.empty() && name.find('_') == std::string::npos, "names with '_' are dropped");
        fuzz::expect(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos, "values are one line");
    }
}
