// CertRep, the answer to every pkiMessage whose signature held (RFC 8894 3.3.2).
//
// The nonce of each reply is fresh, so that a repeated request gets a new CertRep around the same certificate
// (jscep refuses a nonce it has seen: interop fact 13). Blocking (signs with the agent key); any thread.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/core/random.hpp"
#include "countersign/crypto/certificate.hpp"
#include "countersign/keys/key.hpp"
#include "countersign/scep/request.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace countersign::scep {

// What a reply needs of the request it answers. Copyable value.
struct ReplyContext {
    std::string transaction_id;
    std::optional<Bytes> sender_nonce;  // becomes recipientNonce, octet for octet; absent stays 16 zero octets
    crypto::Certificate signer;         // success is encrypted to this certificate alone (invariant 3)
    EnvelopeStyle style;
    crypto::DigestAlgorithm digest = crypto::DigestAlgorithm::sha256;

    static ReplyContext of(const VerifiedEnvelope& envelope, const EnvelopeStyle& style = {});
};

struct ReplySuccess {
    std::vector<crypto::Certificate> certificates;  // in this order: the leaf first
    std::vector<Bytes> crls;                        // GetCRL: one CRL and no certificate
};
struct ReplyFailure {
    FailInfo info = FailInfo::bad_request;
    std::string text;  // failInfoText (3.2.1.4): a reference for support, never a reason that helps an attacker; empty: none
};
struct ReplyPending {};
using ReplyContent = std::variant<ReplySuccess, ReplyFailure, ReplyPending>;

// The signing half of the RA: the enrollment agent certificate and key, and what goes into `certificates`.
struct ReplySigner {
    crypto::Certificate certificate;
    std::shared_ptr<keys::Key> key;
};

// A complete CertRep. The digest follows the request, but never SHA-1 or MD5 (SHA-256 instead): those are verified
// for old clients, not produced. signingTime is `now`.
// denied: success, but the signer certificate has no RSA key to encrypt to.
Result<Bytes> build_reply(const ReplyContext& context, const ReplyContent& content, const ReplySigner& signer, Time now,
                          Random& random);

}  // namespace countersign::scep
