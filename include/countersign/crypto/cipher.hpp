// CBC content encryption of CMS by OpenSSL's EVP. Pure functions; safe on any thread.
#pragma once

#include "countersign/core/random.hpp"
#include "countersign/core/secret.hpp"

#include <string_view>

namespace countersign::crypto {

// The whole list: RC2, AEAD and variable-length ciphers are refused by having no name here. des_cbc (OID
// 1.3.14.3.2.7, 8-octet key) is what Debian's scepclient 2.1 and old routers send; a profile must opt in to
// it in words. It runs as DES-EDE3-CBC with the key three times, the same function, because OpenSSL 3 keeps
// single DES in its legacy provider.
enum class ContentCipher { des_cbc, des_ede3_cbc, aes128_cbc, aes192_cbc, aes256_cbc };

std::string_view name(ContentCipher cipher);  // "AES-256-CBC", "DES-EDE3-CBC", "DES-CBC"
Result<ContentCipher> cipher_from_name(std::string_view name);  // the same names, any case
std::string_view oid_of(ContentCipher cipher);
Result<ContentCipher> cipher_from_oid(std::string_view oid);
std::size_t key_size(ContentCipher cipher);  // octets
std::size_t iv_size(ContentCipher cipher);   // octets

// PKCS#7 padding.
Result<Bytes> encrypt(ContentCipher cipher, ByteView key, ByteView iv, ByteView plaintext);
// malformed, always with the same words: bad padding or a length that is no multiple of the block.
Result<Secret> decrypt(ContentCipher cipher, ByteView key, ByteView iv, ByteView ciphertext);

}  // namespace countersign::crypto
