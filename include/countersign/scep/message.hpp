// The vocabulary of RFC 8894 section 3: message types, statuses, failure reasons, and which algorithms a
// profile accepts. Values only; safe on any thread.
#pragma once

#include "countersign/core/result.hpp"
#include "countersign/crypto/cipher.hpp"
#include "countersign/crypto/public_key.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace countersign::scep {

// RFC 8894 3.2.1.2. Values not listed here do not exist for this program: 18 (UpdateReq of an early draft) is
// as unknown as 255.
enum class MessageType { cert_rep = 3, renewal_req = 17, pkcs_req = 19, cert_poll = 20, get_cert = 21, get_crl = 22 };
std::string_view name(MessageType type);  // "PKCSReq"
// A decimal number without sign, blanks or leading zero naming a request type (17, 19..22) or CertRep (3);
// nullopt for everything else.
std::optional<MessageType> message_type_from_text(std::string_view text);

enum class PkiStatus { success = 0, failure = 2, pending = 3 };  // RFC 8894 3.2.1.3

enum class FailInfo { bad_alg = 0, bad_message_check = 1, bad_request = 2, bad_time = 3, bad_cert_id = 4 };  // 3.2.1.4
std::string_view name(FailInfo info);  // "badRequest"

// What a profile accepts, and hence what GetCACaps says. The default is RFC 8894's SCEPStandard and 3DES-free.
struct AcceptedAlgorithms {
    std::set<crypto::ContentCipher> ciphers{crypto::ContentCipher::aes128_cbc, crypto::ContentCipher::aes192_cbc,
                                            crypto::ContentCipher::aes256_cbc};
    std::set<crypto::DigestAlgorithm> digests{crypto::DigestAlgorithm::sha256, crypto::DigestAlgorithm::sha384,
                                              crypto::DigestAlgorithm::sha512};
};

}  // namespace countersign::scep
