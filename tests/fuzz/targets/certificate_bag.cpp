// What servers answer: certificates without a signer (GetCACert, a CertRep's inside, a CA's PKCS#7).
#include "countersign/crypto/cms.hpp"
#include "fuzz.hpp"

using namespace countersign;

FUZZ_TARGET(input) {
    const auto bag = crypto::CertificateBag::from_ber(input);
    if (!bag.has_value()) return;
    const auto written = crypto::build_certs_only(bag->certificates, bag->crls);
    const auto again = crypto::CertificateBag::from_ber(written);
    fuzz::expect(again.has_value() && again->certificates == bag->certificates && again->crls == bag->crls,
                 "what was read can be written and read again");
}
