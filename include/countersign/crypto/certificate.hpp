// An X.509 certificate, parsed once and immutable. Copyable (shares its state); safe on any thread.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/crypto/extension.hpp"
#include "countersign/crypto/general_name.hpp"
#include "countersign/crypto/name.hpp"
#include "countersign/crypto/public_key.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace countersign::crypto {

class Certificate {
public:
    // One complete certificate, at most 64 KiB. malformed: trailing octets, a key PublicKey refuses, an
    // extension twice, an unreadable known extension. X.509 v1 certificates are accepted: old routers sign
    // with them (interop reference, fact 19).
    static Result<Certificate> from_der(ByteView der);
    // The first CERTIFICATE block of a PEM text.
    static Result<Certificate> from_pem(std::string_view text);
    // All of them, in order.
    static Result<std::vector<Certificate>> all_from_pem(std::string_view text);

    ByteView der() const;
    std::string pem() const;
    const Name& subject() const;
    const Name& issuer() const;
    // Content octets of the INTEGER, as encoded (big endian, two's complement).
    ByteView serial() const;
    std::string serial_hex() const;  // lower case, no leading zero octet; how the store names a certificate
    Time not_before() const;
    Time not_after() const;
    const PublicKey& public_key() const;
    const std::vector<Extension>& extensions() const;
    std::optional<KeyUsage> key_usage() const;            // nullopt: no such extension
    std::vector<std::string> extended_key_usage() const;  // empty: no such extension
    BasicConstraints basic_constraints() const;
    std::vector<GeneralName> subject_alt_names() const;
    std::optional<Bytes> subject_key_identifier() const;
    std::string fingerprint_sha256() const;                   // of the whole DER, lower-case hex
    std::optional<SignatureScheme> signature_scheme() const;  // nullopt: one this program does not know

    bool valid_at(Time when) const { return not_before() <= when && when <= not_after(); }
    // Subject and issuer are the same name; says nothing about the signature.
    bool self_issued() const { return subject() == issuer(); }
    // The signature over the TBS octets as received holds under this key. unauthenticated otherwise. The last key under
    // which it held is remembered, also by copies: whoever relies on it asks again, at no cost.
    Result<void> verify_signed_by(const PublicKey& issuer_key) const;

    bool operator==(const Certificate& other) const { return equal(der(), other.der()); }

private:
    struct State;
    explicit Certificate(std::shared_ptr<const State> state) : state_(std::move(state)) {}
    std::shared_ptr<const State> state_;
};

// Builds the chain leaf -> ... -> a self-issued certificate in `pool` by issuer name and signature, at most 8
// long, without judging time or usage. The leaf comes first. not_found: it leads nowhere.
Result<std::vector<Certificate>> order_chain(const Certificate& leaf, const std::vector<Certificate>& pool);

}  // namespace countersign::crypto
