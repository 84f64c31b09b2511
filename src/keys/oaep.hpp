// The OAEP decoding of RFC 8017 7.1.2 step 3, by OpenSSL. Private to the keys room.
#pragma once

#include <span>

#include "countersign/crypto/public_key.hpp"

namespace countersign::keys {

// `block` is all of EM, its leading zero octet included: leaving that octet to the caller is Manger's oracle.
// `message` has room for block.size() octets. The value is the message's length, or negative when the
// encoding does not hold; the caller chooses in constant time. internal: no such digest in this OpenSSL.
Result<int> decode_oaep(ByteView block, const crypto::KeyTransport& transport, std::span<std::uint8_t> message);

}  // namespace countersign::keys
