#include "http_connection.hpp"

#include "countersign/core/text.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <algorithm>
#include <charconv>

namespace countersign::test {
namespace {

constexpr timeval kPatience{60, 0};

std::optional<std::size_t> number(std::string_view text, int base) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end == text.data()) return std::nullopt;
    return value;
}

}  // namespace

std::optional<HttpReply> HttpConnection::exchange(std::string_view request) {
    if (socket_ < 0 && !connect()) return std::nullopt;
    std::optional<HttpReply> reply;
    if (send_all(request)) reply = read_reply();
    if (!reply) close();
    return reply;
}

void HttpConnection::close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
    buffer_.clear();
    consumed_ = 0;
}

bool HttpConnection::connect() {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return false;
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    const bool connected = ::inet_pton(AF_INET, host_.c_str(), &address.sin_addr) == 1 &&
                           ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    if (!connected) close();
    return connected;
}

bool HttpConnection::send_all(std::string_view octets) {
    while (!octets.empty()) {
        const auto sent = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        octets.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

bool HttpConnection::receive_more() {
    if (consumed_ == buffer_.size()) {
        buffer_.clear();
        consumed_ = 0;
    }
    char piece[16384];
    const auto received = ::recv(socket_, piece, sizeof piece, 0);
    if (received <= 0) return false;
    buffer_.append(piece, static_cast<std::size_t>(received));
    return true;
}

std::optional<std::string> HttpConnection::take_line() {
    for (;;) {
        const auto end = buffer_.find("\r\n", consumed_);
        if (end != std::string::npos) {
            std::string line = buffer_.substr(consumed_, end - consumed_);
            consumed_ = end + 2;
            return line;
        }
        if (!receive_more()) return std::nullopt;
    }
}

std::optional<HttpReply> HttpConnection::read_reply() {
    const auto status_line = take_line();
    if (!status_line || !status_line->starts_with("HTTP/1.1 ")) return std::nullopt;
    HttpReply reply;
    reply.status = static_cast<int>(number(std::string_view(*status_line).substr(9), 10).value_or(0));
    std::size_t length = 0;
    bool chunked = false;
    bool last = false;
    for (;;) {
        const auto line = take_line();
        if (!line) return std::nullopt;
        if (line->empty()) break;
        const auto colon = line->find(':');
        if (colon == std::string::npos) return std::nullopt;
        const auto name = to_lower(std::string_view(*line).substr(0, colon));
        const std::string value(trim(std::string_view(*line).substr(colon + 1)));
        if (name != "date") reply.head += *line + "\n";
        if (name == "content-length") length = number(value, 10).value_or(0);
        if (name == "transfer-encoding") chunked = equals_ignoring_case(value, "chunked");
        if (name == "content-type") reply.content_type = value;
        if (name == "connection") last = equals_ignoring_case(value, "close");
    }
    if (!(chunked ? read_chunks(reply.body) : read_exactly(length, reply.body))) return std::nullopt;
    if (last) close();
    return reply;
}

bool HttpConnection::read_exactly(std::size_t size, Bytes& into) {
    while (size > 0) {
        if (consumed_ == buffer_.size() && !receive_more()) return false;
        const auto piece = std::min(size, buffer_.size() - consumed_);
        const auto* start = reinterpret_cast<const std::uint8_t*>(buffer_.data()) + consumed_;
        into.insert(into.end(), start, start + piece);
        consumed_ += piece;
        size -= piece;
    }
    return true;
}

bool HttpConnection::read_chunks(Bytes& into) {
    for (;;) {
        const auto line = take_line();
        if (!line) return false;
        const auto size = number(*line, 16);
        if (!size || !read_exactly(*size, into)) return false;
        const auto end = take_line();
        if (!end || !end->empty()) return false;
        if (*size == 0) return true;
    }
}

std::string get_request(std::string_view host, std::string_view target) {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n";
}

std::string post_request(std::string_view host, std::string_view target, ByteView body) {
    return "POST " + std::string(target) + " HTTP/1.1\r\nHost: " + std::string(host) +
           "\r\nContent-Type: application/x-pki-message\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + std::string(as_text(body));
}

}  // namespace countersign::test
