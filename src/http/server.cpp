#include "countersign/http/server.hpp"

#include "as_values.hpp"
#include "countersign/core/text.hpp"
#include "event_loop.hpp"
#include "listening_socket.hpp"
#include "session.hpp"
#include "tls.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <new>
#include <thread>

namespace countersign::http {
namespace {

namespace asio = boost::asio;
using Protocol = asio::generic::stream_protocol;
using Acceptor = asio::basic_socket_acceptor<Protocol>;

constexpr std::string_view full =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
constexpr std::chrono::milliseconds accept_pause{50};  // when the system is out of descriptors or memory
constexpr std::chrono::milliseconds last_patience{5000};
// Shared by the connections, of whose threads there are fewer. Not made for each, because Asio's crash when they cannot
// be had for want of memory.
constexpr std::size_t strands_made = 256;

// Who waits for a listener's next connection: one at most. Destroyed without having been called, for want of memory, he
// has left the door.
class Doorman {
public:
    explicit Doorman(std::shared_ptr<std::atomic<bool>> door) : door_(std::move(door)) {
        if (door_->exchange(true)) door_.reset();
    }
    Doorman(Doorman&&) = default;
    Doorman& operator=(Doorman&&) = delete;
    ~Doorman() {
        if (door_) *door_ = false;
    }
    bool has_the_door() const { return door_ != nullptr; }

private:
    std::shared_ptr<std::atomic<bool>> door_;
};

struct Listener {
    Listener(ListeningSocket the_socket, ListenerOptions the_options, std::shared_ptr<const ListenerTraits> the_traits,
             std::shared_ptr<TlsContext> the_tls, asio::io_context& context)
        : socket(std::move(the_socket)),
          options(std::move(the_options)),
          traits(std::move(the_traits)),
          tls_(std::move(the_tls)),
          acceptor(asio::make_strand(context)),
          rest(acceptor.get_executor()) {
        acceptor.assign(Protocol(socket.family(), 0), socket.release());
    }

    ListeningSocket socket;
    ListenerOptions options;
    std::shared_ptr<const ListenerTraits> traits;
    const std::shared_ptr<std::atomic<bool>> door = std::make_shared<std::atomic<bool>>(false);  // taken

    std::shared_ptr<TlsContext> tls() const {
        const std::lock_guard lock(mutex_);
        return tls_;
    }
    void swap_tls(std::shared_ptr<TlsContext> fresh) {
        const std::lock_guard lock(mutex_);
        tls_.swap(fresh);
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<TlsContext> tls_;

public:
    // Of whoever has the door.
    Acceptor acceptor;
    asio::steady_timer rest;
    std::optional<Socket> next;
    Protocol::endpoint name;
    std::size_t connections = 0;
};

Peer identify(const ListenerTraits& listener, const sockaddr& name) {
    Peer peer;
    peer.address = Address::from(name);
    if (!peer.address) return Peer{std::nullopt, "unix", true, true};
    peer.text = peer.address->text();
    peer.trusted = any_contains(listener.trusted_proxies, *peer.address);
    peer.loopback_or_proxy = peer.trusted || peer.address->is_loopback();
    return peer;
}

class SocketServer final : public Server {
public:
    SocketServer(std::size_t io_threads, std::shared_ptr<Site> site)
        : io_threads_(std::max<std::size_t>(1, io_threads)),
          site_(std::move(site)),
          context_(static_cast<int>(io_threads_)) {
        for (std::size_t i = 0; i < strands_made; ++i) strands_.push_back(asio::make_strand(context_));
    }
    ~SocketServer() override { drain(std::chrono::milliseconds{0}); }

    Result<void> prove_that_it_wakes() { return http::prove_that_it_wakes(context_); }
    Result<void> listen(const ListenerOptions& options);
    std::vector<std::string> addresses() const override;
    void start() override;
    void swap_router(std::shared_ptr<const Router> router) override { site_->swap_router(std::move(router)); }
    Result<void> reload_tls() override;
    void drain(std::chrono::milliseconds patience) override;
    std::size_t open_connections() const override { return site_->attendance.count(); }

private:
    void serve() noexcept;
    void open_doors() noexcept;
    void await_connection(Listener& listener, Doorman doorman);
    void accepted(Listener& listener, const boost::system::error_code& error, Doorman doorman);
    void pause(Listener& listener, Doorman doorman);
    void admit(Listener& listener, Socket socket, const Protocol::endpoint& name);
    void turn_away(Listener& listener, Socket& socket) const;

    std::size_t io_threads_;
    std::shared_ptr<Site> site_;
    asio::io_context context_;
    std::vector<asio::strand<asio::io_context::executor_type>> strands_;
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::vector<std::thread> threads_;
};

Result<void> SocketServer::listen(const ListenerOptions& options) {
    auto traits = std::make_shared<ListenerTraits>();
    traits->address = options.address;
    traits->serves = options.serves;
    for (const auto& proxy : options.trusted_proxies) {
        TRY(const auto block, Block::parse(proxy));
        traits->trusted_proxies.push_back(block);
    }
    std::shared_ptr<TlsContext> tls;
    if (options.tls) {
        const bool scep = std::ranges::find(options.serves, "scep") != options.serves.end();
        // Windows and macOS clients break when asked for a certificate (interop fact 24).
        if (scep && !options.tls->client_ca_file.empty())
            return fail::denied("client_ca on a listener that serves scep");
        TRY(tls, TlsContext::load(*options.tls));
        traits->tls = true;
    }
    TRY(auto socket, ListeningSocket::open(options.address));
    listeners_.push_back(
        std::make_unique<Listener>(std::move(socket), options, std::move(traits), std::move(tls), context_));
    return {};
}

std::vector<std::string> SocketServer::addresses() const {
    std::vector<std::string> result;
    for (const auto& listener : listeners_) result.push_back(listener->socket.address());
    return result;
}

void SocketServer::start() {
    if (work_ || !threads_.empty()) return;
    work_.emplace(context_.get_executor());
    open_doors();
    for (std::size_t i = 0; i < io_threads_; ++i) threads_.emplace_back([this] { serve(); });
}

// Where Asio finds no memory to begin or to end an operation, it drops whoever waited for it and throws here: that
// connection is gone, the others go on, and a door without a doorman gets a new one.
void SocketServer::serve() noexcept {
    for (;;) {
        try {
            context_.run();
            return;
        } catch (const std::exception&) {
            open_doors();
        }
    }
}

void SocketServer::open_doors() noexcept {
    for (const auto& listener : listeners_) {
        while (!site_->draining) {
            Doorman doorman(listener->door);
            if (!doorman.has_the_door()) break;
            try {
                asio::post(listener->acceptor.get_executor(),
                           [this, &listener = *listener, doorman = std::move(doorman)]() mutable {
                               await_connection(listener, std::move(doorman));
                           });
                break;
            } catch (const std::exception&) {
                std::this_thread::sleep_for(accept_pause);
            }
        }
    }
}

// On the acceptor's strand, like the next two. Callbacks, because Asio destroys a coroutine that it cannot go on with
// later, and not before it throws.
void SocketServer::await_connection(Listener& listener, Doorman doorman) {
    if (site_->draining) return;
    auto& next = listener.next.emplace(strands_[listener.connections++ % strands_.size()]);
    listener.acceptor.async_accept(
        next, listener.name,
        [this, &listener, doorman = std::move(doorman)](const boost::system::error_code& error) mutable {
            accepted(listener, error, std::move(doorman));
        });
}

void SocketServer::accepted(Listener& listener, const boost::system::error_code& error, Doorman doorman) {
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) return;
    if (error) return pause(listener, std::move(doorman));
    admit(listener, *std::move(listener.next), listener.name);
    await_connection(listener, std::move(doorman));
}

void SocketServer::pause(Listener& listener, Doorman doorman) {
    listener.rest.expires_after(accept_pause);
    listener.rest.async_wait([this, &listener, doorman = std::move(doorman)](const boost::system::error_code&) mutable {
        await_connection(listener, std::move(doorman));
    });
}

void SocketServer::admit(Listener& listener, Socket socket, const Protocol::endpoint& name) try {
    auto peer = identify(*listener.traits, *name.data());
    const auto source = peer.trusted ? std::nullopt : std::optional(peer.address->source());
    auto admission = site_->attendance.enter(source);
    if (admission.to_dismiss) admission.to_dismiss->leave_now();
    if (!admission.seat) return turn_away(listener, socket);
    boost::system::error_code ignored;
    if (peer.address) socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    const Session::Executor strand = socket.get_executor();
    const auto tls = listener.tls();
    auto transport = tls ? tls->wrap(std::move(socket)) : plain_transport(std::move(socket));
    const auto session = std::make_shared<Session>(site_, listener.traits, std::move(peer), std::move(transport),
                                                   std::move(admission.seat), strand);
    site_->attendance.add(session);
    session->start();
    // Added too late for drain to see it among those present.
    if (site_->draining) session->leave_when_idle();
} catch (const std::exception&) {
    // No memory for one more connection: it is closed, the others go on.
}

// A courtesy; the socket's buffer is empty, so this does not block.
void SocketServer::turn_away(Listener& listener, Socket& socket) const {
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    if (!listener.traits->tls) socket.write_some(asio::buffer(full), ignored);
    socket.shutdown(Socket::shutdown_send, ignored);
    socket.close(ignored);
}

Result<void> SocketServer::reload_tls() {
    std::vector<std::shared_ptr<TlsContext>> fresh;
    for (const auto& listener : listeners_) {
        std::shared_ptr<TlsContext> tls;
        if (listener->options.tls) {
            TRY(tls, TlsContext::load(*listener->options.tls));
        }
        fresh.push_back(std::move(tls));
    }
    for (std::size_t i = 0; i < fresh.size(); ++i) listeners_[i]->swap_tls(std::move(fresh[i]));
    return {};
}

void SocketServer::drain(std::chrono::milliseconds patience) {
    site_->draining = true;
    for (const auto& listener : listeners_) {
        asio::post(listener->acceptor.get_executor(), [&acceptor = listener->acceptor] {
            boost::system::error_code ignored;
            acceptor.close(ignored);
        });
    }
    if (threads_.empty()) {
        context_.poll();  // never started: only the acceptors are to be closed
        return listeners_.clear();
    }
    for (const auto& session : site_->attendance.present()) session->leave_when_idle();
    if (!site_->attendance.wait_until_empty(patience)) {
        for (const auto& session : site_->attendance.present()) session->leave_now();
        site_->attendance.wait_until_empty(last_patience);
    }
    work_.reset();
    if (site_->attendance.count() > 0) context_.stop();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    listeners_.clear();
}

}  // namespace

Result<std::unique_ptr<Server>> Server::bind(ServerOptions options, std::shared_ptr<const Router> router,
                                             async::WorkerPool& pool) try {
    if (options.listeners.empty()) return fail::malformed("no listener is configured");
    auto site = std::make_shared<Site>(options.limits, std::move(options.access_log), pool, std::move(router));
    auto server = std::make_unique<SocketServer>(options.io_threads, std::move(site));
    for (const auto& listener : options.listeners) {
        const auto listening = server->listen(listener);
        if (!listening) return within("listener " + printable(listener.address), listening.error());
    }
    CHECK(server->prove_that_it_wakes());
    return std::unique_ptr<Server>(std::move(server));
} catch (const boost::system::system_error& error) {
    return fail::internal(std::string("binding listeners: ") + error.what());
}

}  // namespace countersign::http
