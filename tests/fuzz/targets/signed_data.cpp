// The outside of a pkiMessage: SignedData, its signer, and the SCEP attributes of what verifies.
#include "countersign/crypto/cms.hpp"
#include "countersign/scep/envelope.hpp"
#include "fuzz.hpp"

using namespace countersign;

FUZZ_TARGET(input) {
    const auto data = crypto::SignedData::from_ber(input);
    if (data.has_value()) {
        fuzz::expect(!data->signed_attributes.empty(), "signed attributes are needed");
        const auto again = crypto::SignedData::from_ber(input);
        fuzz::expect(again.has_value() && again->signed_attributes_der == data->signed_attributes_der,
                     "what is parsed twice is the same");
        if (const auto signer = data->signer_certificate(); signer.has_value()) {
            static_cast<void>(data->verify(signer->public_key(), false));
            fuzz::expect(crypto::names_certificate(data->signer_issuer, data->signer_serial,
                                                   data->signer_key_identifier, *signer),
                         "the signer is the one that is named");
        }
    }
    const auto envelope = scep::VerifiedEnvelope::verify(input);
    if (envelope.has_value()) {
        fuzz::expect(data.has_value(), "a verified message is a SignedData");
        fuzz::expect(!envelope->transaction_id().empty() && envelope->transaction_id().size() <= 255,
                     "a transactionID has 1 to 255 characters");
        fuzz::expect(!envelope->sender_nonce() || envelope->sender_nonce()->size() <= 64, "nonces are bounded");
    }
}
