// One keep-alive HTTP/1.1 connection on a plain blocking socket: what a load generator needs and no more. One thread at
// a time.
#pragma once

#include "countersign/core/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace countersign::test {

struct HttpReply {
    int status = 0;
    std::string content_type;
    Bytes body;
    std::string head;  // the header lines as sent, but for Date
};

class HttpConnection {
public:
    HttpConnection(std::string host, std::uint16_t port) : host_(std::move(host)), port_(port) {}
    ~HttpConnection() { close(); }
    HttpConnection(const HttpConnection&) = delete;
    HttpConnection& operator=(const HttpConnection&) = delete;

    // Sends one complete request, connecting first if need be, and reads its reply. nullopt: the connection could not
    // be made, broke, or was silent for 60 s; the next call makes a new one. Whether the server acted is then unknown.
    std::optional<HttpReply> exchange(std::string_view request);
    void close();

private:
    bool connect();
    bool send_all(std::string_view octets);
    bool receive_more();
    std::optional<std::string> take_line();
    std::optional<HttpReply> read_reply();
    bool read_exactly(std::size_t size, Bytes& into);
    bool read_chunks(Bytes& into);

    std::string host_;
    std::uint16_t port_;
    int socket_ = -1;
    std::string buffer_;  // received and not yet consumed
    std::size_t consumed_ = 0;
};

std::string get_request(std::string_view host, std::string_view target);
std::string post_request(std::string_view host, std::string_view target, ByteView body);

}  // namespace countersign::test
