#include "countersign/admin/negotiate.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"
#include "gss_rounds.hpp"

namespace countersign::admin {
namespace {

constexpr std::string_view ntlm_signature{"NTLMSSP\0", 8};
constexpr std::uint8_t initial_token = 0x60;       // [APPLICATION 0], RFC 2743 section 3.1
constexpr std::uint8_t continuation_token = 0xa1;  // NegTokenResp, RFC 4178 section 4.2.2

std::shared_ptr<const Account> account_of(const Accounts& accounts, const std::string& principal) {
    // Only a name with '@', '/' or '\' inside a component is displayed with a '\'; no account means such a one.
    const bool plain = principal.find('\\') == std::string::npos;
    auto account = plain ? accounts.by_principal(principal) : nullptr;
    return account ? account : account_without_roles(principal);
}

}  // namespace

Result<std::shared_ptr<Negotiate>> Negotiate::create(const NegotiateOptions& options,
                                                     std::shared_ptr<const Accounts> accounts) {
    TRY(auto acceptor, gss::Acceptor::for_kerberos(options.keytab, options.service));
    return std::shared_ptr<Negotiate>(new Negotiate(std::move(acceptor), options.binding, std::move(accounts)));
}

bool Negotiate::is_brought_by(const net::Request& request) const {
    if (!credentials_for("Negotiate", request)) return false;
    // Some clients send NTLM where Kerberos was invited. That is no attempt to guess anything: they are invited again.
    const auto token = gss::token_for("Negotiate", request);
    return !token || !as_text(*token).starts_with(ntlm_signature);
}

Verdict Negotiate::judge(const net::Request& request) {
    const auto token = gss::token_for("Negotiate", request);
    if (!token) return Unproven{"the Negotiate token is no base64, or too long"};
    if (token->front() != initial_token && token->front() != continuation_token)
        return Unproven{"the Negotiate token is neither SPNEGO nor Kerberos"};
    auto round = gss::go_a_round({"Negotiate", acceptor_, binding_}, request, *token, token->front() == initial_token);
    if (auto* unproven = std::get_if<Unproven>(&round)) return std::move(*unproven);
    if (auto* more = std::get_if<AnotherRound>(&round)) return std::move(*more);
    const auto& accepted = std::get<gss::Accepted>(round);
    return Proven{account_of(*accounts_, accepted.name),
                  accepted.token.empty() ? "" : "Negotiate " + crypto::base64(accepted.token)};
}

}  // namespace countersign::admin
