// One PKCS#11 session and the calls made on it. Private to the keys room; one thread at a time.
//
// A call that fails keeps its return value in failure(), for the caller to decide what it means.
#pragma once

#include "countersign/core/bytes.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/crypto/digest.hpp"

#include <p11-kit/pkcs11.h>

#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace countersign::keys::pkcs11 {

class Session {
public:
    Session(CK_FUNCTION_LIST* functions, CK_SESSION_HANDLE handle) : functions_(functions), handle_(handle) {}

    CK_SESSION_HANDLE handle() const { return handle_; }
    CK_FUNCTION_LIST* functions() const { return functions_; }
    CK_RV failure() const { return failure_; }
    // Whether failure() came from the step that saw the input.
    bool failed_on_input() const { return on_input_; }

    // At most two: enough to know whether it is one.
    std::optional<std::vector<CK_OBJECT_HANDLE>> find(std::span<CK_ATTRIBUTE> wanted);
    // Nothing when the object has no such attribute or keeps it to itself; failure() is CKR_OK then.
    std::optional<Bytes> attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);

    // `reauthenticate` runs between C_...Init and the operation, for keys that want the PIN each time.
    using Reauthenticate = std::function<CK_RV(Session&)>;
    std::optional<Bytes> sign(CK_OBJECT_HANDLE key, CK_MECHANISM mechanism, ByteView data,
                              const Reauthenticate& reauthenticate);
    std::optional<Secret> decrypt(CK_OBJECT_HANDLE key, CK_MECHANISM mechanism, ByteView ciphertext,
                                  const Reauthenticate& reauthenticate);

private:
    bool did(CK_RV value) {
        failure_ = value;
        return value == CKR_OK;
    }

    CK_FUNCTION_LIST* functions_;
    CK_SESSION_HANDLE handle_;
    CK_RV failure_ = CKR_OK;
    bool on_input_ = false;
};

}  // namespace countersign::keys::pkcs11
