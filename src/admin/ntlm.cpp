#include "countersign/admin/ntlm.hpp"

#include "countersign/core/text.hpp"
#include "gss_rounds.hpp"

#include <cstdlib>

namespace countersign::admin {
namespace {

constexpr const char* users_variable = "NTLM_USER_FILE";
constexpr std::string_view signature{"NTLMSSP\0", 8};
constexpr std::size_t type_at = 8;
constexpr std::uint8_t negotiate_message = 1;
constexpr std::uint8_t authenticate_message = 3;
// [MS-NLMP] 2.2.1.3: length, allocated length and offset, little endian, of what the client calls itself.
constexpr std::size_t domain_fields_at = 28;
constexpr std::size_t user_fields_at = 36;
constexpr std::size_t flags_at = 60;
constexpr std::uint8_t unicode_flag = 0x01;
constexpr std::size_t longest_name = 512;  // octets

std::uint8_t type_of(ByteView token) {
    const bool ntlm = token.size() >= type_at + 4 && as_text(token).starts_with(signature);
    const bool small = ntlm && token[type_at + 1] == 0 && token[type_at + 2] == 0 && token[type_at + 3] == 0;
    return small ? token[type_at] : std::uint8_t{0};
}

// To count failures by, nothing more: octets beyond ASCII are told apart well enough by their hexadecimal form.
std::string name_in(ByteView token, std::size_t fields) {
    if (token.size() <= flags_at) return {};
    const std::size_t length = token[fields] + 256U * token[fields + 1];
    std::size_t offset = 0;
    for (std::size_t i = 4; i-- > 0;) offset = offset * 256 + token[fields + 4 + i];
    if (length > longest_name || offset > token.size() || length > token.size() - offset) return {};
    std::string name(as_text(token.subspan(offset, length)));
    if ((token[flags_at] & unicode_flag) != 0) std::erase(name, '\0');
    return printable(to_lower(name), 100);
}

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
    if (!token || type_of(*token) != authenticate_message) return {};
    const auto user = name_in(*token, user_fields_at);
    if (user.empty()) return {};
    auto full = name_in(*token, domain_fields_at) + "\\" + user;
    const auto account = accounts_->by_principal(full);
    return account ? account->name : full;
}

Verdict Ntlm::judge(const net::Request& request) {
    const auto token = gss::token_for("NTLM", request);
    const auto type = token ? type_of(*token) : std::uint8_t{0};
    if (type != negotiate_message && type != authenticate_message) return Unproven{"the NTLM token is none"};
    if (request.connection->relayed) return Unproven{"NTLM signs in a connection, and this one is a proxy's"};
    auto round = gss::go_a_round({"NTLM", acceptor_, binding_}, request, *token, type == negotiate_message);
    if (auto* unproven = std::get_if<Unproven>(&round)) return std::move(*unproven);
    if (auto* more = std::get_if<AnotherRound>(&round)) return std::move(*more);
    const auto& name = std::get<gss::Accepted>(round).name;
    auto account = accounts_->by_principal(name);
    return Proven{account ? account : account_without_roles(printable(name, 100)), {}};
}

}  // namespace countersign::admin
