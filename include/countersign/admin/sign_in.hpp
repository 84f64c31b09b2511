// Who asks: every admin surface lets this decide before it looks at anything else of a request.
//
// Refuses plain HTTP beyond loopback and trusted proxies (design invariant 8), goes through the schemes the request's listener
// offers, slows down those who guess, and records each failure. Never remembers that a connection is signed in: every
// request brings its own credentials, so a proxy that shares connections among clients changes nothing.
// Blocking; safe on many threads. Borrows audit and clock, which outlive it.
#pragma once

#include "countersign/admin/scheme.hpp"
#include "countersign/admin/throttle.hpp"
#include "countersign/audit/event.hpp"
#include "countersign/core/clock.hpp"

#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace countersign::admin {

struct Caller {
    std::shared_ptr<const Account> account;
    std::string scheme;
    std::vector<std::pair<std::string, std::string>> headers;  // to be sent with the answer
};

// What to answer instead.
struct Refusal {
    int status = 401;  // 401, 403, 429 or 503
    std::vector<std::pair<std::string, std::string>> headers;
    std::string text;  // for people; the same for every reason a status has
};

struct ListenerSignIn {
    std::vector<std::shared_ptr<Scheme>> schemes;  // in the order they are offered
    bool plain_http = false;                       // the configuration says in words that it may
};

class SignIn {
public:
    // `listeners`: by address as configured; a listener that is not there offers nothing.
    SignIn(std::map<std::string, ListenerSignIn> listeners, audit::Sink& audit, const Clock& clock)
        : listeners_(std::move(listeners)), audit_(audit), clock_(clock), throttle_(ThrottleLimits{}) {}

    std::variant<Caller, Refusal> identify(const net::Request& request);

private:
    Refusal invite(const ListenerSignIn& listener) const;
    std::variant<Caller, Refusal> judge(const net::Request& request, const ListenerSignIn& listener, Scheme& scheme);
    void note_failure(const net::Request& request, const Scheme& scheme, const std::string& claimed,
                      const std::string& reason);

    std::map<std::string, ListenerSignIn> listeners_;
    audit::Sink& audit_;
    const Clock& clock_;
    Throttle throttle_;
};

// A request that a browser was made to send by another site, or sends ahead of its user (prefetch, preview), is denied:
// the admin surfaces answer those who mean it.
Result<void> check_intended(const net::Request& request);

}  // namespace countersign::admin
