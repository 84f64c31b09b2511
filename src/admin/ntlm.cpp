#include "countersign/admin/ntlm.hpp"

#include "countersign/core/text.hpp"
#include "gss_rounds.hpp"
#include "ntlm_message.hpp"

#include <cstdlib>

namespace countersign::admin {
namespace {

constexpr const char* users_variable = "NTLM_USER_FILE";

}  // namespace

void prepare_process_for_ntlm(const std::string& users) {
    ::setenv(users_variable, users.c_str(), 1);
    ::setenv("LM_COMPAT_LEVEL", "5", 1);  // refuse LM and NTLMv1
}

Result<std::shared_ptr<Ntlm>> Ntlm::create(const NtlmOptions& options, std::shared_ptr<const Accounts> accounts) {
    const char* users = std::getenv(users_variable);
    if (users == nullptr || options.users != users)
        return fail::conflict("the file of NTLM users is read at the start alone; restart to change it");
    TRY(auto acceptor, gss::Acceptor::for_ntlm());
    return std::shared_ptr<Ntlm>(new Ntlm(std::move(acceptor), options.binding, std::move(accounts)));
}

bool Ntlm::is_brought_by(const net::Request& request) const {
    return credentials_for("NTLM", request).has_value();
}

std::string Ntlm::claimed(const net::Request& request) const {
    const auto token = gss::token_for("NTLM", request);
    const auto user = token ? ntlm::claimed_user(*token) : std::string();
    const auto account = accounts_->by_principal(user);
    return account ? account->name : printable(user, 100);
}

Verdict Ntlm::judge(const net::Request& request) {
    auto token = gss::token_for("NTLM", request);
    const auto type = token ? ntlm::type_of(*token) : ntlm::Type::none;
    if (type == ntlm::Type::none) return Unproven{"the NTLM token is none"};
    if (request.connection->relayed) return Unproven{"NTLM signs in a connection, and this one is a proxy's"};
    const auto message = ntlm::with_version(*std::move(token));
    auto round = gss::go_a_round({"NTLM", acceptor_, binding_}, request, message, type == ntlm::Type::negotiate);
    if (auto* unproven = std::get_if<Unproven>(&round)) return std::move(*unproven);
    if (auto* more = std::get_if<AnotherRound>(&round)) return std::move(*more);
    const auto& name = std::get<gss::Accepted>(round).name;
    auto account = accounts_->by_principal(name);
    return Proven{account ? account : account_without_roles(name), {}};
}

}  // namespace countersign::admin
