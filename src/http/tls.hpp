// TLS on a listener: OpenSSL's SSL meets this program in tls.cpp alone.
#pragma once

#include "countersign/http/server.hpp"
#include "transport.hpp"

namespace countersign::http {

// Immutable once loaded; share it among threads. No session resumption: devices come once, and there are no ticket keys
// to guard.
class TlsContext {
public:
    // TLS 1.2 or later, ECDHE with AEAD, no renegotiation. malformed or unavailable with the file that is wrong;
    // denied: the key file may be read by group or others.
    static Result<std::shared_ptr<TlsContext>> load(const TlsOptions& options);
    virtual ~TlsContext() = default;
    virtual std::unique_ptr<Transport> wrap(Socket socket) = 0;
};

}  // namespace countersign::http
