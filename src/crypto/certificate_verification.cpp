#include "countersign/crypto/certificate_verification.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/ossl.hpp"

#include <openssl/x509_vfy.h>

#include <algorithm>
#include <new>

namespace countersign::crypto {
namespace {

struct StackFree {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
struct StoreFree {
    void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};
struct ContextFree {
    void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
};

Result<Ossl<X509>> to_openssl(const Certificate& certificate) {
    const ErrorMark mark;
    const auto* in = certificate.der().data();
    Ossl<X509> parsed(d2i_X509(nullptr, &in, static_cast<long>(certificate.der().size())));
    if (parsed) return parsed;
    throw_if_memory_was_short();
    return fail::malformed("OpenSSL cannot read the certificate of " + certificate.subject().text());
}

}  // namespace

struct ClientTrust::State {
    std::unique_ptr<X509_STORE, StoreFree> trusted{X509_STORE_new()};
    std::unique_ptr<STACK_OF(X509), StackFree> links{sk_X509_new_null()};
};

Result<ClientTrust> ClientTrust::of(const std::vector<Certificate>& pool) {
    const auto state = std::make_shared<State>();
    if (!state->trusted || !state->links) throw std::bad_alloc();
    if (std::ranges::none_of(pool, &Certificate::self_issued))
        return fail::malformed("none of the certificates is self-issued, so no chain can end at one");
    for (const auto& certificate : pool) {
        TRY(auto parsed, to_openssl(certificate));
        if (certificate.self_issued()) {
            if (X509_STORE_add_cert(state->trusted.get(), parsed.get()) != 1) throw std::bad_alloc();
        } else {
            if (sk_X509_push(state->links.get(), parsed.get()) == 0) throw std::bad_alloc();
            static_cast<void>(parsed.release());  // the stack's now
        }
    }
    return ClientTrust(state);
}

Result<void> ClientTrust::verify(const Certificate& client, Time when) const {
    TRY(const auto parsed, to_openssl(client));
    const ErrorMark mark;
    const std::unique_ptr<X509_STORE_CTX, ContextFree> context(X509_STORE_CTX_new());
    if (!context || X509_STORE_CTX_init(context.get(), state_->trusted.get(), parsed.get(), state_->links.get()) != 1)
        throw std::bad_alloc();
    auto* parameters = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_time(parameters, std::chrono::system_clock::to_time_t(when));
    if (X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT) != 1) throw std::bad_alloc();
    if (X509_verify_cert(context.get()) == 1) return {};
    throw_if_memory_was_short();
    const auto* words = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
    return fail::unauthenticated("the certificate of " + printable(client.subject().text(), 100) + ": " + words);
}

}  // namespace countersign::crypto
