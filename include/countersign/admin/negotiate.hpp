// HTTP Negotiate (RFC 4559) with Kerberos, bare or inside SPNEGO, against a keytab. Nothing else can be negotiated: NTLM
// under this name gets the invitation again.
#pragma once

#include "countersign/admin/channel_binding.hpp"
#include "countersign/admin/scheme.hpp"

namespace countersign::admin {

namespace gss {
class Acceptor;
}

struct NegotiateOptions {
    std::string keytab;   // path
    std::string service;  // "HTTP/host" or "HTTP/host@REALM"; empty: any key of the keytab
    ChannelBinding binding = ChannelBinding::when_offered;
};

// Immutable; safe on many threads. Keys are read at each use: a new keytab needs no restart.
class Negotiate final : public Scheme {
public:
    // denied: the keytab cannot be read or has no key for the service, with the library's reason.
    static Result<std::shared_ptr<Negotiate>> create(const NegotiateOptions& options,
                                                     std::shared_ptr<const Accounts> accounts);

    std::string_view name() const override { return "negotiate"; }
    bool is_brought_by(const net::Request& request) const override;
    std::string invitation() const override { return "Negotiate"; }
    // Empty: a ticket says whom it is for when it is opened.
    std::string claimed(const net::Request&) const override { return {}; }
    Verdict judge(const net::Request& request) override;

private:
    Negotiate(std::shared_ptr<const gss::Acceptor> acceptor, ChannelBinding binding,
              std::shared_ptr<const Accounts> accounts)
        : acceptor_(std::move(acceptor)), binding_(binding), accounts_(std::move(accounts)) {}

    std::shared_ptr<const gss::Acceptor> acceptor_;
    ChannelBinding binding_;
    std::shared_ptr<const Accounts> accounts_;
};

}  // namespace countersign::admin
