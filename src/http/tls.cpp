#include "tls.hpp"

#include "as_values.hpp"
#include "countersign/core/credential.hpp"
#include "countersign/core/text.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <system_error>

namespace countersign::http {
namespace {

namespace asio = boost::asio;

class TlsTransport final : public Transport {
public:
    TlsTransport(Socket socket, std::shared_ptr<asio::ssl::context> context, Bytes server_end_point)
        : context_(std::move(context)),
          stream_(std::move(socket), *context_),
          server_end_point_(std::move(server_end_point)) {}

    asio::awaitable<bool> handshake() override {
        const auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, as_values);
        co_return !error;
    }

    void introduce(net::Connection& connection) const override {
        connection.server_end_point = server_end_point_;
        const std::unique_ptr<X509, decltype(&X509_free)> client(
            SSL_get1_peer_certificate(const_cast<TlsTransport*>(this)->stream_.native_handle()), &X509_free);
        if (!client) return;
        connection.client_certificate.resize(static_cast<std::size_t>(std::max(0, i2d_X509(client.get(), nullptr))));
        auto* out = connection.client_certificate.data();
        if (i2d_X509(client.get(), &out) < 0) connection.client_certificate.clear();
    }

    asio::awaitable<std::size_t> read_some(std::span<char> room) override {
        const auto [error, count] = co_await stream_.async_read_some(asio::buffer(room.data(), room.size()), as_values);
        co_return error ? 0 : count;
    }

    asio::awaitable<bool> write(std::array<asio::const_buffer, 2> buffers) override {
        const auto [error, count] = co_await asio::async_write(stream_, buffers, as_values);
        co_return !error;
    }

    asio::awaitable<void> close_politely() override {
        co_await stream_.async_shutdown(as_values);
        co_await end_and_discard(stream_.next_layer());
    }

    void cancel_read() override {
        boost::system::error_code ignored;
        stream_.next_layer().cancel(ignored);
    }

    void abort() override {
        boost::system::error_code ignored;
        stream_.next_layer().close(ignored);
    }

private:
    std::shared_ptr<asio::ssl::context> context_;
    asio::ssl::stream<Socket> stream_;
    Bytes server_end_point_;
};

// RFC 5929 section 4.1: the hash of the server's certificate by its own signature's digest; SHA-256 where that is MD5
// or SHA-1. Empty where the signature has no digest (EdDSA): the binding is undefined then.
Bytes server_end_point_of(SSL_CTX* context) {
    X509* certificate = SSL_CTX_get0_certificate(context);
    int digest = NID_undef;
    if (certificate == nullptr || X509_get_signature_info(certificate, &digest, nullptr, nullptr, nullptr) != 1)
        return {};
    if (digest == NID_undef) return {};
    if (digest == NID_md5 || digest == NID_sha1) digest = NID_sha256;
    const EVP_MD* method = EVP_get_digestbynid(digest);
    Bytes hash(EVP_MAX_MD_SIZE);
    unsigned length = 0;
    if (method == nullptr || X509_digest(certificate, method, hash.data(), &length) != 1) return {};
    hash.resize(length);
    return hash;
}

class LoadedTls final : public TlsContext {
public:
    explicit LoadedTls(std::shared_ptr<asio::ssl::context> context)
        : context_(std::move(context)), server_end_point_(server_end_point_of(context_->native_handle())) {}
    std::unique_ptr<Transport> wrap(Socket socket) override {
        return std::make_unique<TlsTransport>(std::move(socket), context_, server_end_point_);
    }

private:
    std::shared_ptr<asio::ssl::context> context_;
    Bytes server_end_point_;
};

Result<void> check_key_file(const std::string& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) {
        return fail::unavailable("TLS key " + file + ": " + std::error_code(errno, std::generic_category()).message());
    }
    if ((status.st_mode & forbidden_on_secret(file)) != 0) {
        return fail::denied("TLS key " + file + " is open to group or others; chmod 600 it");
    }
    return {};
}

Error refused(const std::string& what, const std::string& file, const boost::system::error_code& error) {
    ERR_clear_error();
    return fail::malformed(what + " " + file + ": " + printable(error.message()));
}

Result<void> restrict_protocol(SSL_CTX* context) {
    SSL_CTX_set_options(
        context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    // An idle connection keeps no 34 KiB of record buffers.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    const bool set = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
                     SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL") == 1;
    if (set) return {};
    ERR_clear_error();
    return fail::internal("OpenSSL refuses the TLS settings");
}

Result<void> load_files(asio::ssl::context& context, const TlsOptions& options) {
    boost::system::error_code error;
    // Without a callback OpenSSL would ask for a passphrase on the terminal.
    context.set_password_callback([](std::size_t, asio::ssl::context::password_purpose) { return std::string(); },
                                  error);
    context.use_certificate_chain_file(options.certificate_file, error);
    if (error) return refused("TLS certificate", options.certificate_file, error);
    CHECK(check_key_file(options.key_file));
    context.use_private_key_file(options.key_file, asio::ssl::context::pem, error);
    if (error) return refused("TLS key", options.key_file, error);
    if (SSL_CTX_check_private_key(context.native_handle()) != 1) {
        ERR_clear_error();
        return fail::malformed("TLS key " + options.key_file + " does not belong to " + options.certificate_file);
    }
    return {};
}

// Client certificates are asked for only where a client_ca says whose; then one is required, unless it is optional.
Result<void> ask_for_clients(asio::ssl::context& context, const TlsOptions& options) {
    const auto& ca_file = options.client_ca_file;
    if (ca_file.empty()) return {};
    boost::system::error_code error;
    context.load_verify_file(ca_file, error);
    if (error) return refused("TLS client CA", ca_file, error);
    auto* names = SSL_load_client_CA_file(ca_file.c_str());
    if (names == nullptr) return refused("TLS client CA", ca_file, asio::error::invalid_argument);
    SSL_CTX_set_client_CA_list(context.native_handle(), names);
    auto mode = asio::ssl::verify_peer;
    if (!options.client_certificate_optional) mode |= asio::ssl::verify_fail_if_no_peer_cert;
    context.set_verify_mode(mode, error);
    if (error) return refused("TLS client CA", ca_file, error);
    return {};
}

}  // namespace

Result<std::shared_ptr<TlsContext>> TlsContext::load(const TlsOptions& options) try {
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    CHECK(restrict_protocol(context->native_handle()));
    CHECK(load_files(*context, options));
    CHECK(ask_for_clients(*context, options));
    return std::shared_ptr<TlsContext>(std::make_shared<LoadedTls>(std::move(context)));
} catch (const boost::system::system_error& error) {
    return fail::internal(std::string("TLS: ") + error.what());
}

}  // namespace countersign::http
