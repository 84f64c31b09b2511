#include "transport.hpp"

#include "as_values.hpp"

#include <boost/asio/write.hpp>

namespace countersign::http {
namespace {

namespace asio = boost::asio;
constexpr std::size_t most_discarded = 8 * 1024 * 1024;

class PlainTransport final : public Transport {
public:
    explicit PlainTransport(Socket socket) : socket_(std::move(socket)) {}

    asio::awaitable<bool> handshake() override { co_return true; }
    void introduce(net::Connection&) const override {}

    asio::awaitable<std::size_t> read_some(std::span<char> room) override {
        const auto [error, count] = co_await socket_.async_read_some(asio::buffer(room.data(), room.size()), as_values);
        co_return error ? 0 : count;
    }

    asio::awaitable<bool> write(std::array<asio::const_buffer, 2> buffers) override {
        const auto [error, count] = co_await asio::async_write(socket_, buffers, as_values);
        co_return !error;
    }

    asio::awaitable<void> close_politely() override { co_await end_and_discard(socket_); }

    void cancel_read() override {
        boost::system::error_code ignored;
        socket_.cancel(ignored);
    }

    void abort() override {
        boost::system::error_code ignored;
        socket_.close(ignored);
    }

private:
    Socket socket_;
};

}  // namespace

std::unique_ptr<Transport> plain_transport(Socket socket) {
    return std::make_unique<PlainTransport>(std::move(socket));
}

asio::awaitable<void> end_and_discard(Socket& socket) {
    boost::system::error_code ignored;
    socket.shutdown(Socket::shutdown_send, ignored);
    std::array<char, 4096> sink;
    for (std::size_t discarded = 0; discarded < most_discarded;) {
        const auto [error, count] = co_await socket.async_read_some(asio::buffer(sink), as_values);
        if (error) break;
        discarded += count;
    }
    socket.close(ignored);
}

}  // namespace countersign::http
