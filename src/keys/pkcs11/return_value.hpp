// What a PKCS#11 return value asks of us. Private to the keys room; pure functions.
#pragma once

#include <p11-kit/pkcs11.h>

#include <string>

namespace countersign::keys::pkcs11 {

// "CKR_DEVICE_REMOVED", or the number for what is not in the standard.
std::string name_of(CK_RV value);

// Of C_Decrypt's answer: whether it may depend on what the ciphertext holds. SoftHSM says CKR_GENERAL_ERROR for bad
// padding and others say worse, so everything counts but what clearly tells of the session, the login or the device:
// counting too much costs one enrollment, counting too little is an oracle.
bool may_be_about_the_input(CK_RV value);

// The session is spent, the rest may be in order: another session, same login.
bool only_the_session(CK_RV value);

// The token or the key does not do this, however often one asks.
bool is_inability(CK_RV value);

// C_Login's answers that count against the PIN, or would.
bool refuses_the_pin(CK_RV value);

}  // namespace countersign::keys::pkcs11
