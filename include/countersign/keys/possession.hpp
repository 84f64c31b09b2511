// Proof that a key is held, for the request of its own certificate. Blocking; any thread.
#pragma once

#include "countersign/keys/key.hpp"

namespace countersign::keys {

// A signature over `message` (a CertificationRequestInfo) under scheme_with(SHA-256). A token's key that only decrypts
// makes it by its raw private operation, which is the same mathematics (RFC 8017 8.2.1). denied: it can do neither;
// the key must be certified in another way.
Result<Bytes> prove_possession(Key& key, ByteView message);

}  // namespace countersign::keys
