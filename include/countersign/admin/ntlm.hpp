// HTTP NTLM ([MS-NTHT]) through the system's GSSAPI mechanism gss-ntlmssp; no NTLM cryptography is ours. For migration:
// whoever sees an NTLM sign-in can guess its password at leisure, and without channel binding can relay it.
#pragma once

#include "countersign/admin/channel_binding.hpp"
#include "countersign/admin/scheme.hpp"

namespace countersign::admin {

namespace gss {
class Acceptor;
}

struct NtlmOptions {
    std::string users;  // path: a line DOMAIN:user:password for each
    ChannelBinding binding = ChannelBinding::required;
};

// gss-ntlmssp takes its settings from the process's environment: where the users are, and that NTLMv2 alone is good enough.
// Call once, before the process has a second thread; there is no other way to tell it.
void prepare_process_for_ntlm(const std::string& users);

// Takes two requests of one connection, and proves nothing about the requests after them: each signs in by itself.
// Immutable; safe on many threads.
class Ntlm final : public Scheme {
public:
    // unavailable: gss-ntlmssp is not installed. conflict: the process was prepared for other users, or not at all.
    static Result<std::shared_ptr<Ntlm>> create(const NtlmOptions& options, std::shared_ptr<const Accounts> accounts);

    std::string_view name() const override { return "ntlm"; }
    bool is_brought_by(const net::Request& request) const override;
    std::string invitation() const override { return "NTLM"; }
    std::string claimed(const net::Request& request) const override;
    Verdict judge(const net::Request& request) override;

private:
    Ntlm(std::shared_ptr<const gss::Acceptor> acceptor, ChannelBinding binding, std::shared_ptr<const Accounts> accounts)
        : acceptor_(std::move(acceptor)), binding_(binding), accounts_(std::move(accounts)) {}

    std::shared_ptr<const gss::Acceptor> acceptor_;
    ChannelBinding binding_;
    std::shared_ptr<const Accounts> accounts_;
};

}  // namespace countersign::admin
