// A private key in this process's memory, worked by OpenSSL. Private to the keys room.
#pragma once

#include "countersign/keys/key.hpp"

namespace countersign::keys {

// `pem` holds one unencrypted private key, PKCS#8 or traditional; what else stands in it is ignored. malformed:
// no such key, an encrypted one, RSA below 2048 or above 8192 bits, another curve than P-256/384/521, or
// a key whose halves do not belong together.
Result<std::shared_ptr<Key>> openssl_key_from_pem(ByteView pem, std::string description);

}  // namespace countersign::keys
