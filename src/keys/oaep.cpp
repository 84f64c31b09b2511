// RSA_padding_check_PKCS1_OAEP_mgf1 is deprecated in favour of letting EVP do decryption and unpadding in one go. A
// token does the first and not the second, and the function is OpenSSL's own constant-time code, so this
// file alone asks for the older interface.
#undef OPENSSL_NO_DEPRECATED
#undef OPENSSL_API_COMPAT
#define OPENSSL_API_COMPAT 10101
#include "oaep.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "countersign/crypto/memory.hpp"

namespace countersign::keys {

namespace {

const EVP_MD* evp(crypto::DigestAlgorithm algorithm) {
    switch (algorithm) {
        case crypto::DigestAlgorithm::sha1: return EVP_sha1();
        case crypto::DigestAlgorithm::sha256: return EVP_sha256();
        case crypto::DigestAlgorithm::sha384: return EVP_sha384();
        case crypto::DigestAlgorithm::sha512: return EVP_sha512();
        case crypto::DigestAlgorithm::md5: break;
    }
    return nullptr;
}

}  // namespace

Result<int> decode_oaep(ByteView block, const crypto::KeyTransport& transport, std::span<std::uint8_t> message) {
    const EVP_MD* hash = evp(transport.oaep_digest);
    const EVP_MD* mask = evp(transport.mgf1_digest);
    if (hash == nullptr || mask == nullptr) return fail::internal("RSAES-OAEP with a digest it is not defined for");
    const int size = static_cast<int>(block.size());
    const int length = RSA_padding_check_PKCS1_OAEP_mgf1(message.data(), static_cast<int>(message.size()), block.data(),
                                                         size, size, nullptr, 0, hash, mask);
    ERR_clear_error();
    // About the process, not the block: whether memory is there depends on nothing that is in it.
    crypto::throw_if_memory_was_short();
    return length;
}

}  // namespace countersign::keys
