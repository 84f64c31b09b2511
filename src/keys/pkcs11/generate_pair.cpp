#include "objects.hpp"
#include "return_value.hpp"

namespace countersign::keys::pkcs11 {

namespace {

struct Recipe {
    CK_MECHANISM_TYPE mechanism;
    CK_ULONG bits;  // RSA
    Bytes curve;    // EC: the OID as DER
};

Recipe recipe_for(GeneratedKey kind) {
    switch (kind) {
        case GeneratedKey::rsa2048: return {CKM_RSA_PKCS_KEY_PAIR_GEN, 2048, {}};
        case GeneratedKey::rsa3072: return {CKM_RSA_PKCS_KEY_PAIR_GEN, 3072, {}};
        case GeneratedKey::rsa4096: return {CKM_RSA_PKCS_KEY_PAIR_GEN, 4096, {}};
        case GeneratedKey::ec_p256:
            return {CKM_EC_KEY_PAIR_GEN, 0, {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}};
        case GeneratedKey::ec_p384: break;
    }
    return {CKM_EC_KEY_PAIR_GEN, 0, {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22}};
}

Result<void> refuse_overwriting(Session& session, const Uri& uri) {
    for (const CK_OBJECT_CLASS kind : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY}) {
        const auto found = find_objects(session, uri, kind);
        if (!found) return fail::unavailable("looking for the key: " + name_of(session.failure()));
        if (!found->empty()) {
            return fail::conflict(uri.text() +
                                  ": the token has an object of this name already, and nothing is "
                                  "overwritten; choose another name");
        }
    }
    return boost::system::in_place_value;
}

}  // namespace

Result<void> generate_pair(Session& session, const Uri& uri, GeneratedKey kind, KeyUse use, Random& random) {
    if (!uri.label() && !uri.id()) return fail::malformed(uri.text() + ": it names no object; add object=NAME");
    const bool rsa = recipe_for(kind).bits != 0;
    if (use == KeyUse::unwrap && !rsa) return fail::denied("only an RSA key opens envelopes");
    CHECK(refuse_overwriting(session, uri));

    Recipe recipe = recipe_for(kind);
    Bytes id = uri.id() ? *uri.id() : random.bytes(8);
    std::string label = uri.label().value_or("");
    Bytes exponent{1, 0, 1};
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_BBOOL signs = use == KeyUse::sign ? CK_TRUE : CK_FALSE;
    CK_BBOOL opens = use == KeyUse::unwrap ? CK_TRUE : CK_FALSE;
    std::vector<CK_ATTRIBUTE> public_part{{CKA_TOKEN, &yes, sizeof yes},      {CKA_PRIVATE, &no, sizeof no},
                                          {CKA_VERIFY, &signs, sizeof signs}, {CKA_ENCRYPT, &opens, sizeof opens},
                                          {CKA_WRAP, &no, sizeof no},         {CKA_ID, id.data(), id.size()}};
    std::vector<CK_ATTRIBUTE> private_part{{CKA_TOKEN, &yes, sizeof yes},     {CKA_PRIVATE, &yes, sizeof yes},
                                           {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no},
                                           {CKA_SIGN, &signs, sizeof signs},  {CKA_DECRYPT, &opens, sizeof opens},
                                           {CKA_UNWRAP, &no, sizeof no},      {CKA_ID, id.data(), id.size()}};
    if (!label.empty()) {
        public_part.push_back({CKA_LABEL, label.data(), label.size()});
        private_part.push_back({CKA_LABEL, label.data(), label.size()});
    }
    if (rsa) {
        public_part.push_back({CKA_MODULUS_BITS, &recipe.bits, sizeof recipe.bits});
        public_part.push_back({CKA_PUBLIC_EXPONENT, exponent.data(), exponent.size()});
    } else {
        public_part.push_back({CKA_EC_PARAMS, recipe.curve.data(), recipe.curve.size()});
    }
    CK_MECHANISM mechanism{recipe.mechanism, nullptr, 0};
    CK_OBJECT_HANDLE public_key = 0;
    CK_OBJECT_HANDLE private_key = 0;
    const CK_RV made =
        session.functions()->C_GenerateKeyPair(session.handle(), &mechanism, public_part.data(), public_part.size(),
                                               private_part.data(), private_part.size(), &public_key, &private_key);
    if (made == CKR_OK) return boost::system::in_place_value;
    return fail::denied(uri.text() + ": the token does not make this key: " + name_of(made));
}

}  // namespace countersign::keys::pkcs11
