// The client's side of SCEP messages: what `countersign probe`, the tests and the load generator send and read.
//
// Independent of the server's types on purpose: reading a CertRep trusts nothing of ours. Blocking (keys); any thread.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/core/random.hpp"
#include "countersign/crypto/certificate.hpp"
#include "countersign/crypto/certificate_request.hpp"
#include "countersign/keys/key.hpp"
#include "countersign/scep/message.hpp"
#include "countersign/scep/request.hpp"

#include <optional>
#include <string>
#include <vector>

namespace countersign::scep {

struct ClientMessage {
    std::string message_type = "19";  // text, so that tests can send anything; empty: attribute absent
    std::string transaction_id;
    Bytes sender_nonce;
    Bytes content;  // the PKCS#10, IssuerAndSubject or IssuerAndSerial to envelope
    EnvelopeStyle style;
    crypto::DigestAlgorithm digest = crypto::DigestAlgorithm::sha256;
};

// EnvelopedData to `recipient`, then SignedData by (`signer`, `key`).
Result<Bytes> build_client_message(const ClientMessage& message, const crypto::Certificate& recipient,
                                   const crypto::Certificate& signer, keys::Key& key, Time now, Random& random);

// A certificate for the subject of a request, signed by its own key, as RFC 8894 2.3 asks for a first enrollment.
Result<crypto::Certificate> self_signed_signer(const crypto::Name& subject, keys::Key& key, Time now, Random& random);

// Upper-case hex SHA-256 of the public key: what this client uses as transactionID.
std::string transaction_id_for(const crypto::PublicKey& key);

struct CertRep {
    std::optional<PkiStatus> status;
    std::optional<FailInfo> fail_info;
    std::string fail_info_text;
    std::string transaction_id;
    std::optional<Bytes> sender_nonce;
    std::optional<Bytes> recipient_nonce;
    crypto::Certificate signer;                          // whose signature held
    crypto::DigestAlgorithm digest = crypto::DigestAlgorithm::sha256;
    std::optional<EnvelopeStyle> style;                  // on success
    std::vector<crypto::Certificate> certificates;       // on success
    std::vector<Bytes> crls;
};

// Verifies the signature under one of `acceptable_signers` (the RA bundle) and, on success, opens the envelope with the
// key the request was signed with. malformed, unauthenticated (unknown signer, bad signature).
Result<CertRep> read_cert_rep(ByteView message, const std::vector<crypto::Certificate>& acceptable_signers,
                              const crypto::Certificate& recipient, keys::Key& key);

}  // namespace countersign::scep
