// GSSAPI for sign-in: credentials of the acceptor, one security context, and the rounds of one connection. GSSAPI meets
// this program in gss*.cpp alone; every object of the library is owned by one of these classes.
#pragma once

#include "countersign/admin/channel_binding.hpp"
#include "countersign/core/bytes.hpp"

#include <gssapi/gssapi.h>

#include <memory>
#include <string>
#include <variant>

namespace countersign::admin::gss {

enum class Mechanism {
    kerberos,  // bare or inside SPNEGO, which may negotiate nothing else
    ntlm,      // bare NTLMSSP
};

// Immutable once made; share it among threads (MIT's credentials lock themselves). Keys are read from the keytab anew
// at each use, so a rollover needs no restart.
class Acceptor {
public:
    // `keytab`: a path; the process's environment and default keytab are never asked. `service`: "HTTP/host" or
    // "HTTP/host@REALM"; empty: any key of the keytab. denied with the library's reason: no keytab, no such key in it.
    static Result<std::shared_ptr<const Acceptor>> for_kerberos(const std::string& keytab, const std::string& service);
    // unavailable: the mechanism is not installed.
    static Result<std::shared_ptr<const Acceptor>> for_ntlm();

    ~Acceptor();
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;

    gss_cred_id_t credential() const { return credential_; }
    Mechanism mechanism() const { return mechanism_; }

private:
    explicit Acceptor(Mechanism mechanism) : mechanism_(mechanism) {}

    Mechanism mechanism_;
    gss_cred_id_t credential_ = GSS_C_NO_CREDENTIAL;
};

struct Accepted {
    std::string name;    // "user@REALM" or "DOMAIN\user", as the library displays it
    bool bound = false;  // the client's channel bindings were there and right
    Bytes token;         // for the client; may be empty
};
struct GoOn {
    Bytes token;
};
struct Refused {
    std::string reason;  // bounded, for the audit
};
using Step = std::variant<Accepted, GoOn, Refused>;

// One sign-in in the making. One thread at a time; of no use after Accepted or Refused.
class Conversation {
public:
    // `binding`: the octets of tls-server-end-point; empty: none are checked.
    Conversation(std::shared_ptr<const Acceptor> acceptor, ByteView binding);
    ~Conversation();
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    Step take(ByteView token);
    bool belongs_to(const Acceptor& acceptor) const { return acceptor_.get() == &acceptor; }
    int rounds() const { return rounds_; }

private:
    Step complete(gss_name_t client, OM_uint32 flags, Bytes token) const;

    std::shared_ptr<const Acceptor> acceptor_;
    std::string binding_;
    gss_ctx_id_t context_ = GSS_C_NO_CONTEXT;
    int rounds_ = 0;
};

}  // namespace countersign::admin::gss
