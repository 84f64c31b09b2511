#include "request_seal.hpp"

#include "countersign/crypto/aead.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/crypto/encoding.hpp"
#include "rows.hpp"

#include <soci/soci.h>

namespace countersign::store {
namespace {

constexpr std::string_view sealed_mark = "sealed:";

// Each attempt has a key of its own, used once: then the IV may be the same.
const Bytes& only_iv() {
    static const Bytes iv(crypto::gcm_iv_size, 0);
    return iv;
}

}  // namespace

Bytes RequestSeal::key_of(const std::string& id) const {
    return crypto::hmac_sha256(key_->reveal(), as_bytes("countersign request of " + id));
}

Result<std::string> RequestSeal::seal(const std::string& id, ByteView request) const {
    if (!key_) return crypto::base64(request);
    const Secret key(key_of(id));
    auto sealed = crypto::seal_aes256_gcm(key.reveal(), only_iv(), as_bytes(id), request);
    if (!sealed) return fail::internal("the request cannot be sealed: " + sealed.error().detail);
    sealed->ciphertext.insert(sealed->ciphertext.end(), sealed->tag.begin(), sealed->tag.end());
    return std::string(sealed_mark) + crypto::base64(sealed->ciphertext);
}

Bytes RequestSeal::open(const std::string& id, const std::string& text) const {
    if (!text.starts_with(sealed_mark)) return octets_from(text);
    Bytes octets = octets_from(text.substr(sealed_mark.size()));
    if (!key_ || octets.size() < crypto::gcm_tag_size) return {};
    const auto tag = octets.end() - static_cast<std::ptrdiff_t>(crypto::gcm_tag_size);
    const crypto::Sealed sealed{Bytes(octets.begin(), tag), Bytes(tag, octets.end())};
    const Secret key(key_of(id));
    const auto request = crypto::open_aes256_gcm(key.reveal(), only_iv(), as_bytes(id), sealed);
    return request ? to_bytes(request->reveal()) : Bytes{};
}

}  // namespace countersign::store
