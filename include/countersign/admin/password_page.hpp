// The NDES administrator's page (`/certsrv/mscep_admin/`), on which administrators and MDMs read a fresh challenge.
//
// The markup is a contract: scripts and MDMs of the field pick thumbprint and password out of it by literal text (design
// reference ndes.md, section A). Immutable once built; safe on many threads. Shares Desk and SignIn.
#pragma once

#include "countersign/admin/desk.hpp"
#include "countersign/admin/sign_in.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/net/endpoint.hpp"

#include <functional>
#include <memory>
#include <string>
#include <variant>

namespace countersign::admin {

// What the page says, as UTF-16LE with a byte order mark. Pure functions; `thumbprint` is the MD5 of the CA certificate.
namespace page {
struct OneTimePassword {
    std::string_view value;
    std::chrono::minutes valid;
};
struct SinglePassword {
    std::string_view value;
};
struct NoPasswordNeeded {};
// `notice`: what is wrong with the server; empty: nothing.
Bytes shown(ByteView thumbprint, const std::variant<OneTimePassword, SinglePassword, NoPasswordNeeded>& password,
            const std::string& notice = {});
Bytes cache_full(std::chrono::minutes valid, std::size_t max_outstanding);
Bytes no_permission();
}  // namespace page

struct PasswordPageOptions {
    std::string profile;
    std::string mode;                    // "one-time", "single-password" or "none"
    std::chrono::minutes valid{60};
    std::size_t max_outstanding = 0;
    Secret single_password;              // mode single-password alone
    Bytes ca_thumbprint;                 // MD5, 16 octets
    std::function<std::string()> notice{};  // page::shown; may be empty
};

// At the directory (301 from the form without slash), and at mscep.dll in it, where signed-in clients may also speak SCEP.
class PasswordPage final : public net::Endpoint {
public:
    PasswordPage(PasswordPageOptions options, std::shared_ptr<Desk> desk, std::shared_ptr<SignIn> sign_in,
                 std::shared_ptr<net::Endpoint> scep)
        : options_(std::move(options)),
          desk_(std::move(desk)),
          sign_in_(std::move(sign_in)),
          scep_(std::move(scep)) {}

    std::string_view serves() const override { return "admin"; }
    std::optional<net::Response> answer_at_once(const net::Request& request) override;
    net::Response answer(const net::Request& request) override;

private:
    net::Response answer_signed_in(const net::Request& request, const Caller& caller);
    net::Response withhold(const net::Request& request, const Caller& caller, const std::string& reason);
    net::Response show(const Caller& caller);
    net::Response mint(const Caller& caller);
    std::string notice() const { return options_.notice ? options_.notice() : std::string(); }

    PasswordPageOptions options_;
    std::shared_ptr<Desk> desk_;
    std::shared_ptr<SignIn> sign_in_;
    std::shared_ptr<net::Endpoint> scep_;
};

}  // namespace countersign::admin
