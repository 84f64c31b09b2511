#include "wire.hpp"

#include "countersign/core/text.hpp"
#include "countersign/net/percent.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace countersign::http {
namespace {

namespace beast = boost::beast;

bool is_control(char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet < 0x20 || octet == 0x7f;
}

bool has_dot_segment(std::string_view path) {
    return std::ranges::any_of(split(path, '/'), [](std::string_view segment) {
        const auto name = segment.substr(0, segment.find(';'));
        return name == "." || name == "..";
    });
}

// Programs in front of us resolve dot segments, or take an escaped '/' for one, and we do neither: what they let pass
// to one place we would take for another.
Result<std::string> decode_path(std::string_view raw) {
    TRY(auto path, net::percent_decoded(raw));
    if (std::ranges::any_of(path, is_control)) return fail::malformed("control character in the path");
    if (std::ranges::count(path, '/') != std::ranges::count(raw, '/'))
        return fail::malformed("escaped '/' in the path");
    if (path.find('\\') != std::string::npos) return fail::malformed("backslash in the path");
    if (has_dot_segment(path)) return fail::malformed("'.' or '..' in the path");
    return path;
}

template <class Fields>
void copy_fields(const Fields& fields, RequestHead& head) {
    head.request.headers.reserve(16);
    for (const auto& field : fields) {
        const auto name = field.name_string();
        if (name.find('_') != std::string_view::npos) continue;
        head.request.headers.emplace_back(to_lower(name), field.value());
    }
    if (const auto expectation = head.request.header("expect")) {
        head.expects_continue = equals_ignoring_case(*expectation, "100-continue");
        head.unknown_expectation = !head.expects_continue;
    }
}

bool fits_one_line(std::string_view text) {
    return std::ranges::none_of(text, is_control);
}

bool splits_response(const Response& response) {
    if (!fits_one_line(response.content_type)) return true;
    return std::ranges::any_of(response.headers, [](const auto& field) {
        const auto& [name, value] = field;
        return name.empty() || !fits_one_line(name) || name.find_first_of(" :") != std::string::npos ||
               !fits_one_line(value);
    });
}

void append_number(std::string& out, std::uint64_t number) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

}  // namespace

Result<RequestHead> read_head(std::string_view block) {
    beast::http::request_parser<beast::http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(block.size() + 1));
    parser.body_limit(boost::none);  // the session reads and bounds the body
    beast::error_code error;
    parser.put(boost::asio::const_buffer(block.data(), block.size()), error);
    if (error || !parser.is_header_done()) return fail::malformed("not a request: " + error.message());

    const auto& message = parser.get();
    RequestHead head;
    head.request.method = message.method_string();
    const std::string_view target = message.target();
    const auto question = target.find('?');
    TRY(head.request.path, decode_path(target.substr(0, question)));
    if (question != std::string_view::npos) head.request.query = target.substr(question + 1);
    head.http11 = message.version() == 11;
    head.keep_alive = message.keep_alive();
    head.chunked = parser.chunked();
    if (const auto length = parser.content_length()) head.content_length = *length;
    copy_fields(message, head);
    return head;
}

Result<void> write_head(const Response& response, Persistence persistence, std::string_view date, std::string& out) {
    if (splits_response(response)) return fail::internal("response header with a control character");
    const auto status = static_cast<unsigned>(response.status);
    const std::string_view reason = beast::http::obsolete_reason(static_cast<beast::http::status>(status));
    out += "HTTP/1.1 ";
    append_number(out, status);
    out += ' ';
    out += reason;
    out += "\r\nDate: ";
    out += date;
    if (!response.content_type.empty()) out.append("\r\nContent-Type: ").append(response.content_type);
    for (const auto& [name, value] : response.headers) out.append("\r\n").append(name).append(": ").append(value);
    if (status != 204 && status != 304) {
        out += "\r\nContent-Length: ";
        append_number(out, response.body ? response.body->size() : 0);
    }
    if (persistence == Persistence::close) out += "\r\nConnection: close";
    if (persistence == Persistence::keep_alive_10) out += "\r\nConnection: keep-alive";
    out += "\r\n\r\n";
    return {};
}

std::string_view http_date() {
    thread_local std::time_t made_at = -1;
    thread_local std::array<char, 40> text{};
    thread_local std::size_t length = 0;
    const std::time_t now = std::time(nullptr);
    if (now != made_at) {
        static constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        static constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        std::tm utc{};
        gmtime_r(&now, &utc);
        const int written = std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                          days.at(static_cast<std::size_t>(utc.tm_wday)), utc.tm_mday,
                                          months.at(static_cast<std::size_t>(utc.tm_mon)), utc.tm_year + 1900,
                                          utc.tm_hour, utc.tm_min, utc.tm_sec);
        length = std::min(text.size() - 1, static_cast<std::size_t>(std::max(0, written)));
        made_at = now;
    }
    return {text.data(), length};
}

}  // namespace countersign::http
