// The inside of a pkiMessage: EnvelopedData, and the content cipher with a key of the fuzzer's choice.
#include "countersign/crypto/cms.hpp"
#include "countersign/crypto/cipher.hpp"
#include "fuzz.hpp"

using namespace countersign;

FUZZ_TARGET(input) {
    const auto data = crypto::EnvelopedData::from_ber(input);
    if (!data.has_value()) return;
    fuzz::expect(!data->recipients.empty() && data->recipients.size() <= crypto::CmsLimits{}.recipients,
                 "recipients are there and bounded");
    const Bytes key(crypto::key_size(data->cipher), 0x11);
    const auto opened = crypto::decrypt(data->cipher, key, data->iv, data->ciphertext);
    if (opened.has_value())
        fuzz::expect(opened->reveal().size() < data->ciphertext.size(), "padding takes at least one octet");
}
