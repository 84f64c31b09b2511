#include "session.hpp"

#include "countersign/crypto/ossl.hpp"

#include <array>

namespace countersign::keys::pkcs11 {

namespace {

constexpr CK_ULONG largest_attribute = 64 * 1024;

// PKCS#11 takes pointers to what it does not change.
CK_BYTE* unchanged(ByteView octets) {
    return const_cast<CK_BYTE*>(octets.data());
}

}  // namespace

std::optional<std::vector<CK_OBJECT_HANDLE>> Session::find(std::span<CK_ATTRIBUTE> wanted) {
    const crypto::ErrorMark mark;
    if (!did(functions_->C_FindObjectsInit(handle_, wanted.data(), wanted.size()))) return std::nullopt;
    std::vector<CK_OBJECT_HANDLE> found;
    while (found.size() < 2) {
        CK_OBJECT_HANDLE object = 0;
        CK_ULONG count = 0;
        if (!did(functions_->C_FindObjects(handle_, &object, 1, &count))) return std::nullopt;
        if (count == 0) break;
        found.push_back(object);
    }
    if (!did(functions_->C_FindObjectsFinal(handle_))) return std::nullopt;
    return found;
}

std::optional<Bytes> Session::attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
    const crypto::ErrorMark mark;
    CK_ATTRIBUTE wanted{type, nullptr, 0};
    const CK_RV asked = functions_->C_GetAttributeValue(handle_, object, &wanted, 1);
    if (asked == CKR_ATTRIBUTE_TYPE_INVALID || asked == CKR_ATTRIBUTE_SENSITIVE) {
        failure_ = CKR_OK;
        return std::nullopt;
    }
    if (!did(asked) || wanted.ulValueLen == 0 || wanted.ulValueLen > largest_attribute) return std::nullopt;
    Bytes value(wanted.ulValueLen);
    wanted.pValue = value.data();
    if (!did(functions_->C_GetAttributeValue(handle_, object, &wanted, 1))) return std::nullopt;
    if (wanted.ulValueLen > value.size()) return std::nullopt;
    value.resize(wanted.ulValueLen);
    return value;
}

std::optional<Bytes> Session::sign(CK_OBJECT_HANDLE key, CK_MECHANISM mechanism, ByteView data,
                                   const Reauthenticate& reauthenticate) {
    const crypto::ErrorMark mark;
    on_input_ = false;
    if (!did(functions_->C_SignInit(handle_, &mechanism, key))) return std::nullopt;
    if (reauthenticate && !did(reauthenticate(*this))) return std::nullopt;
    Bytes signature(1024);  // RSA 8192
    CK_ULONG size = signature.size();
    on_input_ = true;
    if (!did(functions_->C_Sign(handle_, unchanged(data), data.size(), signature.data(), &size))) return std::nullopt;
    if (size > signature.size()) {
        failure_ = CKR_GENERAL_ERROR;
        return std::nullopt;
    }
    signature.resize(size);
    return signature;
}

std::optional<Secret> Session::decrypt(CK_OBJECT_HANDLE key, CK_MECHANISM mechanism, ByteView ciphertext,
                                       const Reauthenticate& reauthenticate) {
    const crypto::ErrorMark mark;
    on_input_ = false;
    if (!did(functions_->C_DecryptInit(handle_, &mechanism, key))) return std::nullopt;
    if (reauthenticate && !did(reauthenticate(*this))) return std::nullopt;
    Secret plaintext = Secret::of_size(ciphertext.size());
    CK_ULONG size = plaintext.size();
    on_input_ = true;
    if (!did(functions_->C_Decrypt(handle_, unchanged(ciphertext), ciphertext.size(), plaintext.writable().data(),
                                   &size))) {
        return std::nullopt;
    }
    if (size > plaintext.size()) {
        failure_ = CKR_GENERAL_ERROR;
        return std::nullopt;
    }
    plaintext.truncate(size);
    return plaintext;
}

}  // namespace countersign::keys::pkcs11
