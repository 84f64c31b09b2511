// The seam for one way of showing who one is: Basic, Negotiate, NTLM, a client certificate.
//
// Contract: safe on many threads, blocking (worker pool only), silent about secrets: `reason` is for the audit and never
// holds what was presented. What a scheme remembers between requests of one connection it keeps in Connection::memory.
#pragma once

#include "countersign/admin/account.hpp"
#include "countersign/net/message.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace countersign::admin {

// Somebody known. `account` is never null: who is proven by others and no account of ours gets one without any role.
struct Proven {
    std::shared_ptr<const Account> account;
    std::string token;  // what WWW-Authenticate says to a client that is signed in (mutual authentication); empty: nothing
};
// Nobody: wrong password, broken token.
struct Unproven {
    std::string reason;
};
// The scheme needs another round: 401 with this as the one WWW-Authenticate.
struct AnotherRound {
    std::string challenge;
};
// No room for the work now: 503.
struct Busy {};

using Verdict = std::variant<Proven, Unproven, AnotherRound, Busy>;

class Scheme {
public:
    virtual ~Scheme() = default;
    virtual std::string_view name() const = 0;  // as a listener's sign_in says: "basic"
    // Whether this request brings credentials for this scheme.
    virtual bool is_brought_by(const net::Request& request) const = 0;
    // The value of WWW-Authenticate that invites it; empty: it cannot be invited (client certificates).
    virtual std::string invitation() const = 0;
    // Whom the credentials claim to be, before anything is checked, to count failures by; empty: unknown until proven.
    virtual std::string claimed(const net::Request& request) const = 0;
    // Whether exactly these credentials were proven a short while ago: answered without work, and not subject to throttling.
    virtual std::shared_ptr<const Account> remembered(const net::Request&) { return nullptr; }
    virtual Verdict judge(const net::Request& request) = 0;
};

// The credentials of the one Authorization header after `scheme` and a blank, any letter case; nullopt: another scheme,
// no such header, or several.
std::optional<std::string_view> credentials_for(std::string_view scheme, const net::Request& request);

// A proven name that is no account of ours.
std::shared_ptr<const Account> account_without_roles(std::string name);

}  // namespace countersign::admin
