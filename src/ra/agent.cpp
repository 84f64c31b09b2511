#include "countersign/ra/agent.hpp"

#include "countersign/crypto/cmc.hpp"
#include "countersign/crypto/cms.hpp"
#include "countersign/crypto/oid.hpp"

namespace countersign::ra {

Result<ca::CountersignedRequest> Agent::countersign(ApprovedRequest approved, Time now, bool as_cmc) const {
    const auto scheme = identity_.certificate.public_key().scheme_with(crypto::DigestAlgorithm::sha256);
    crypto::SignerParameters signer;
    signer.certificate = &identity_.certificate;
    signer.scheme = scheme;
    signer.signing_time = now;
    const auto sign = [&](ByteView octets) { return identity_.key->sign(scheme, octets); };
    const auto type = as_cmc ? crypto::cmc_pki_data_type : std::string_view(oid::data);
    const Bytes content = as_cmc ? crypto::build_pki_data(approved.request_.der()) : to_bytes(approved.request_.der());
    TRY(Bytes cms, crypto::build_signed_data(type, content, {identity_.certificate}, signer, sign));
    return ca::CountersignedRequest(std::move(cms), std::move(approved.request_), std::move(approved.plan_),
                                    std::move(approved.template_name_), std::move(approved.renews_));
}

}  // namespace countersign::ra
