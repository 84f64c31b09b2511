// The unauthenticated answers: GetCACaps, GetCACert, GetNextCACert (RFC 8894 3.5.2, 4.2, 4.7). Pure functions,
// called once per configuration load, not per request.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/crypto/certificate.hpp"
#include "countersign/scep/message.hpp"
#include "countersign/scep/reply.hpp"

#include <string>
#include <vector>

namespace countersign::scep {

struct CapabilityFacts {
    AcceptedAlgorithms accepted;
    bool renewal = true;
    bool get_next_ca_cert = false;
};

// LF-separated keywords, final LF, at most 1024 octets (certmonger's limit): POSTPKIOperation, Renewal, SHA-512,
// SHA-384, SHA-256, SHA-1 if accepted, AES, DES3 if accepted, SCEPStandard when AES, SHA-256 and POST are (they always
// are), GetNextCACert when configured. DES and MD5 are never advertised, even where they are accepted.
std::string capabilities(const CapabilityFacts& facts);

struct BodyWithType {
    Bytes body;
    std::string content_type;  // exact, without parameters (interop fact 5)
};

// The RA bundle in a stable order: agent, encryption, issuing CA, ..., root, each once; certs-only PKCS#7.
// With a single certificate (no separate RA) it is that certificate's DER as application/x-x509-ca-cert.
BodyWithType ca_certificates(const std::vector<crypto::Certificate>& ra, const std::vector<crypto::Certificate>& chain);

// The successor CA's chain (and RA certificates, if issued already) as certs-only, inside a SignedData by the
// current agent (4.7.1). Made per request because it is signed.
Result<BodyWithType> next_ca_certificates(const std::vector<crypto::Certificate>& successor, const ReplySigner& signer, Time now);

}  // namespace countersign::scep
