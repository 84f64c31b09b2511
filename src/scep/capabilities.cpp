#include "countersign/scep/capabilities.hpp"

#include <algorithm>

#include "countersign/crypto/oid.hpp"

namespace countersign::scep {

namespace {

std::vector<crypto::Certificate> each_once(const std::vector<crypto::Certificate>& first,
                                           const std::vector<crypto::Certificate>& second) {
    std::vector<crypto::Certificate> result;
    for (const auto* list : {&first, &second}) {
        for (const auto& certificate : *list) {
            if (std::ranges::find(result, certificate) == result.end()) result.push_back(certificate);
        }
    }
    return result;
}

}  // namespace

std::string capabilities(const CapabilityFacts& facts) {
    const auto& digests = facts.accepted.digests;
    const auto& ciphers = facts.accepted.ciphers;
    const bool sha256 = digests.contains(crypto::DigestAlgorithm::sha256);
    const bool aes = ciphers.contains(crypto::ContentCipher::aes128_cbc);
    std::string text = "POSTPKIOperation\n";
    if (facts.renewal) text += "Renewal\n";
    if (digests.contains(crypto::DigestAlgorithm::sha512)) text += "SHA-512\n";
    // Not a keyword of RFC 8894, and the one by which strongSwan 5.9 finds SHA-256 and AES.
    if (digests.contains(crypto::DigestAlgorithm::sha384)) text += "SHA-384\n";
    if (sha256) text += "SHA-256\n";
    if (digests.contains(crypto::DigestAlgorithm::sha1)) text += "SHA-1\n";
    if (aes) text += "AES\n";
    if (ciphers.contains(crypto::ContentCipher::des_ede3_cbc)) text += "DES3\n";
    if (aes && sha256) text += "SCEPStandard\n";
    if (facts.get_next_ca_cert) text += "GetNextCACert\n";
    return text;
}

BodyWithType ca_certificates(const std::vector<crypto::Certificate>& ra,
                             const std::vector<crypto::Certificate>& chain) {
    const auto all = each_once(ra, chain);
    // ca-ra-cert promises RA certificates; clients abort when they find none (interop fact 6).
    if (all.size() == 1) return {to_bytes(all.front().der()), "application/x-x509-ca-cert"};
    return {crypto::build_certs_only(all), "application/x-x509-ca-ra-cert"};
}

Result<BodyWithType> next_ca_certificates(const std::vector<crypto::Certificate>& successor, const ReplySigner& signer,
                                          Time now) {
    const crypto::SignerParameters parameters{
        &signer.certificate, signer.key->public_key().scheme_with(crypto::DigestAlgorithm::sha256), now, {}};
    TRY(Bytes body, crypto::build_signed_data(
                        oid::data, crypto::build_certs_only(each_once(successor, {})), {signer.certificate}, parameters,
                        [&](ByteView message) { return signer.key->sign(parameters.scheme, message); }));
    return BodyWithType{std::move(body), "application/x-x509-next-ca-cert"};
}

}  // namespace countersign::scep
