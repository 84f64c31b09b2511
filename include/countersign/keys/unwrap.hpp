// Opening the wrapped content key of an envelope without being an oracle (design invariant 5).
//
// Whatever is wrong with the wrapped key (padding, length, hash), the caller gets a content key of the length it
// asked for: the real one, or one derived from the ciphertext under `substitute_secret`, so that the same bad
// ciphertext always behaves in the same way. The choice is made in constant time. Blocking; any thread.
#pragma once

#include "countersign/keys/key.hpp"

namespace countersign::keys {

// `length`: octets of the content key. Fails only when the key itself cannot be used (unavailable, internal):
// never because of what the ciphertext holds. A ciphertext of the wrong length, or not smaller than the
// modulus, is public knowledge and gets the substitute without touching the key.
Result<Secret> unwrap_content_key(Key& key, const crypto::KeyTransport& transport, ByteView encrypted_key,
                                  std::size_t length, const Secret& substitute_secret);

// Whether the key can open what was wrapped so; unwrap_content_key answers internal otherwise. Asks nobody.
bool unwraps(const Key& key, const crypto::KeyTransport& transport);

}  // namespace countersign::keys
