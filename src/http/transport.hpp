// The octet stream below a session: plain or TLS, over TCP or a Unix socket. All calls on the connection's strand; one
// read or write at a time. Failures are answers, not exceptions.
#pragma once

#include "countersign/net/message.hpp"

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <cstddef>
#include <memory>
#include <span>

namespace countersign::http {

using Socket = boost::asio::generic::stream_protocol::socket;

class Transport {
public:
    virtual ~Transport() = default;
    virtual boost::asio::awaitable<bool> handshake() = 0;
    // After the handshake: what it says about the connection.
    virtual void introduce(net::Connection& connection) const = 0;
    // 0: the peer ended, or the connection broke.
    virtual boost::asio::awaitable<std::size_t> read_some(std::span<char> room) = 0;
    virtual boost::asio::awaitable<bool> write(std::array<boost::asio::const_buffer, 2> buffers) = 0;
    // Ends our side, then reads what still comes until the peer ends too, so that the peer sees our last answer instead
    // of a reset. The caller bounds the time.
    virtual boost::asio::awaitable<void> close_politely() = 0;
    // Ends a read that has not brought anything yet; one that has goes on as if nothing had been said.
    virtual void cancel_read() = 0;
    // Closes the descriptor; whatever is being awaited ends.
    virtual void abort() = 0;
};

std::unique_ptr<Transport> plain_transport(Socket socket);

// The part of close_politely below TLS.
boost::asio::awaitable<void> end_and_discard(Socket& socket);

}  // namespace countersign::http
