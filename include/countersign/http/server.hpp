// The HTTP front end: listeners, connections, limits, drain. Beast and coroutines stay behind it.
//
// A Server owns its io_context, its I/O threads and its connections; the Router and WorkerPool are shared. start() and drain() are
// called from one thread; swap_router from any (SIGHUP: connections in flight finish with what they have).
#pragma once

#include "countersign/async/worker_pool.hpp"
#include "countersign/core/result.hpp"
#include "countersign/http/router.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace countersign::http {

struct TlsOptions {
    std::string certificate_file;  // PEM chain, leaf first
    std::string key_file;          // PEM; group/other-readable is refused
    std::string client_ca_file;    // empty: client certificates are never asked for; refused on a listener that serves scep
    bool client_certificate_optional = false;  // a client without one is let in; one with a bad one never is
};

struct ListenerOptions {
    std::string address;                       // "127.0.0.1:8080", "[::1]:0", "unix:/run/countersign/http.sock", "systemd:NAME"
    std::vector<std::string> serves;           // "scep", "admin"
    std::vector<std::string> trusted_proxies;  // addresses or CIDR blocks; a Unix socket's peer is always trusted
    std::optional<TlsOptions> tls;             // TLS 1.2 or later, ECDHE with AEAD
};

struct Limits {
    std::size_t request_line_octets = 64 * 1024;
    std::size_t header_octets = 80 * 1024;      // request line included
    std::size_t body_octets = 2 * 1024 * 1024;
    // Each connection gets up to a quarter more, so that those that came together do not end together.
    std::chrono::milliseconds header_deadline{10000};
    std::chrono::milliseconds body_deadline{30000};
    std::chrono::milliseconds idle_deadline{15000};
    std::chrono::milliseconds answer_deadline{60000};
    std::chrono::milliseconds write_deadline{30000};
    std::size_t connections = 10000;
    std::size_t connections_per_client = 1000;  // not applied to trusted proxies and Unix sockets
    std::size_t requests_per_connection = 100000;
    std::size_t all_bodies_octets = 256 * 1024 * 1024;  // request bodies in memory, all connections together; beyond: 503
};

// One line per request for the operations log; never a query string of PKIOperation or a body.
using AccessLog = std::function<void(const Request& request, int status, std::size_t response_octets, std::chrono::microseconds took)>;

struct ServerOptions {
    std::vector<ListenerOptions> listeners;
    Limits limits;
    std::size_t io_threads = 1;
    AccessLog access_log;  // may be empty
};

class Server {
public:
    // Binds every listener, so that errors (address in use, certificate unreadable) are start-up errors naming the listener.
    static Result<std::unique_ptr<Server>> bind(ServerOptions options, std::shared_ptr<const Router> router,
                                                async::WorkerPool& pool);
    virtual ~Server() = default;

    // "127.0.0.1:43215" for each listener, with the real port where 0 was asked for.
    virtual std::vector<std::string> addresses() const = 0;
    virtual void start() = 0;
    virtual void swap_router(std::shared_ptr<const Router> router) = 0;
    // Loads the listeners' certificates again; on error the old ones stay.
    virtual Result<void> reload_tls() = 0;
    // Stops accepting, lets requests in flight finish for at most `patience`, closes idle connections at once, joins the threads.
    virtual void drain(std::chrono::milliseconds patience) = 0;
    virtual std::size_t open_connections() const = 0;
};

}  // namespace countersign::http
