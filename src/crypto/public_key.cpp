#include "countersign/crypto/public_key.hpp"

#include "countersign/crypto/oid.hpp"
#include "countersign/crypto/ossl.hpp"
#include "der.hpp"

#include <array>
#include <mutex>

namespace countersign::crypto {
namespace {

constexpr std::string_view ec_public_key = "1.2.840.10045.2.1";
constexpr std::size_t rsa_bits_min = 512;
constexpr std::size_t rsa_bits_max = 8192;
constexpr std::size_t longest_exponent = 4;  // octets
constexpr std::size_t longest_spki = 2048;   // octets; RSA 8192 needs about 1060

struct Curve {
    KeyAlgorithm algorithm;
    std::string_view name;
    std::string_view oid;
    const char* group;
    unsigned bits;
    std::size_t field_octets;
};
constexpr std::array<Curve, 3> curves{{
    {KeyAlgorithm::ec_p256, "P-256", "1.2.840.10045.3.1.7", "prime256v1", 256, 32},
    {KeyAlgorithm::ec_p384, "P-384", "1.3.132.0.34", "secp384r1", 384, 48},
    {KeyAlgorithm::ec_p521, "P-521", "1.3.132.0.35", "secp521r1", 521, 66},
}};

const Curve* curve_of(KeyAlgorithm algorithm) {
    for (const Curve& curve : curves) {
        if (curve.algorithm == algorithm) return &curve;
    }
    return nullptr;
}

unsigned bit_length(ByteView magnitude) {
    unsigned bits = static_cast<unsigned>(magnitude.size()) * 8;
    for (unsigned mask = 0x80; (magnitude[0] & mask) == 0; mask >>= 1) --bits;
    return bits;
}

Ossl<EVP_PKEY> key_from(const char* algorithm, OSSL_PARAM* parameters) {
    const Ossl<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr));
    EVP_PKEY* key = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1) return nullptr;
    if (EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) return nullptr;
    return Ossl<EVP_PKEY>(key);
}

Ossl<BIGNUM> number(ByteView magnitude) {
    return Ossl<BIGNUM>(BN_bin2bn(magnitude.data(), static_cast<int>(magnitude.size()), nullptr));
}

Ossl<EVP_PKEY> rsa_key(ByteView modulus, ByteView exponent) {
    const Ossl<BIGNUM> n = number(modulus);
    const Ossl<BIGNUM> e = number(exponent);
    const Ossl<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
    if (!n || !e || !builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
        return nullptr;
    }
    const Ossl<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
    return parameters ? key_from("RSA", parameters.get()) : nullptr;
}

// Null when the point is not on the curve: OpenSSL checks that when it decodes one.
Ossl<EVP_PKEY> ec_key(const Curve& curve, ByteView point) {
    std::string group = curve.group;
    Bytes octets = to_bytes(point);
    std::array<OSSL_PARAM, 3> parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, octets.data(), octets.size()),
        OSSL_PARAM_construct_end()};
    return key_from("EC", parameters.data());
}

bool prepare(EVP_PKEY_CTX* context, SignatureScheme scheme) {
    if (scheme.padding == Padding::ecdsa) return true;
    if (scheme.padding == Padding::rsa_pkcs1) return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(context, evp_md(scheme.digest)) == 1;
}

}  // namespace

struct PublicKey::State {
    Bytes spki;
    KeyAlgorithm algorithm = KeyAlgorithm::rsa;
    unsigned bits = 0;
    ByteView bit_string;  // the subjectPublicKey, inside spki; likewise the next two
    ByteView modulus;
    ByteView exponent;

    // OpenSSL's form is built when first wanted: many keys are only compared or passed through.
    EVP_PKEY* openssl_key() const {
        std::call_once(built, [this] {
            const ErrorMark mark;
            const Curve* curve = curve_of(algorithm);
            key = curve == nullptr ? rsa_key(modulus, exponent) : ec_key(*curve, bit_string);
            if (!key) throw_if_memory_was_short();  // and the next who wants it tries again
        });
        return key.get();
    }

    Result<void> read_rsa(DerReader& algorithm_fields);
    Result<void> read_ec(DerReader& algorithm_fields);

private:
    mutable std::once_flag built;
    mutable Ossl<EVP_PKEY> key;
};

Result<void> PublicKey::State::read_rsa(DerReader& algorithm_fields) {
    CHECK(algorithm_fields.null("RSA key parameters"));
    CHECK(algorithm_fields.finish("RSA key parameters"));
    algorithm = KeyAlgorithm::rsa;
    TRY(DerReader key_fields, enter_single(bit_string, tag::sequence, "RSA public key"));
    TRY(modulus, key_fields.positive_integer("RSA modulus"));
    TRY(exponent, key_fields.positive_integer("RSA exponent"));
    CHECK(key_fields.finish("RSA public key"));
    bits = bit_length(modulus);
    if (bits < rsa_bits_min || bits > rsa_bits_max) {
        return fail::malformed("an RSA modulus of " + std::to_string(bits) + " bits");
    }
    if ((modulus.back() & 1) == 0) return fail::malformed("an even RSA modulus");
    const bool one = exponent.size() == 1 && exponent[0] == 1;
    if (exponent.size() > longest_exponent || one || (exponent.back() & 1) == 0) {
        return fail::malformed("an RSA exponent that is even, 1 or over 32 bits");
    }
    return boost::system::in_place_value;
}

Result<void> PublicKey::State::read_ec(DerReader& algorithm_fields) {
    TRY(const std::string named, algorithm_fields.oid("EC curve name"));
    CHECK(algorithm_fields.finish("EC key parameters"));
    for (const Curve& curve : curves) {
        if (curve.oid != named) continue;
        algorithm = curve.algorithm;
        bits = curve.bits;
        if (bit_string.size() != 1 + 2 * curve.field_octets || bit_string[0] != 0x04) {
            return fail::malformed("an EC point that is compressed or of the wrong length");
        }
        if (openssl_key() == nullptr) return fail::malformed("an EC point that is not on its curve");
        return boost::system::in_place_value;
    }
    return fail::malformed("an EC curve other than P-256, P-384 and P-521");
}

std::string_view name(KeyAlgorithm algorithm) {
    const Curve* curve = curve_of(algorithm);
    return curve == nullptr ? "RSA" : curve->name;
}

Result<PublicKey> PublicKey::from_spki(ByteView spki) {
    if (spki.size() > longest_spki) return fail::malformed("public key: too large");
    const auto state = std::make_shared<State>();
    state->spki = to_bytes(spki);
    TRY(DerReader fields, enter_single(state->spki, tag::sequence, "public key"));
    TRY(DerReader algorithm, fields.enter(tag::sequence, "public key algorithm"));
    TRY(const std::string oid, algorithm.oid("public key algorithm"));
    TRY(state->bit_string, fields.bit_string("public key bits"));
    CHECK(fields.finish("public key"));
    if (oid == oid::rsa_encryption) {
        CHECK(state->read_rsa(algorithm));
    } else if (oid == ec_public_key) {
        CHECK(state->read_ec(algorithm));
    } else {
        return fail::malformed("a public key algorithm other than RSA and EC: " + oid);
    }
    return PublicKey(state);
}

ByteView PublicKey::spki() const {
    return state_->spki;
}
KeyAlgorithm PublicKey::algorithm() const {
    return state_->algorithm;
}
unsigned PublicKey::bits() const {
    return state_->bits;
}
Bytes PublicKey::rsa_modulus() const {
    return to_bytes(state_->modulus);
}
Bytes PublicKey::rsa_exponent() const {
    return to_bytes(state_->exponent);
}
Bytes PublicKey::key_identifier() const {
    return digest(DigestAlgorithm::sha1, state_->bit_string);
}
std::string PublicKey::fingerprint() const {
    return sha256_hex(state_->spki);
}

SignatureScheme PublicKey::scheme_with(DigestAlgorithm digest) const {
    return {is_rsa() ? Padding::rsa_pkcs1 : Padding::ecdsa, digest};
}

Result<void> PublicKey::verify(SignatureScheme scheme, ByteView message, ByteView signature) const {
    const Error refused = fail::unauthenticated("the signature does not hold");
    if (is_rsa() == (scheme.padding == Padding::ecdsa)) return refused;
    EVP_PKEY* key = state_->openssl_key();
    if (key == nullptr) return refused;
    const ErrorMark mark;
    const Ossl<EVP_MD_CTX> context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* key_context = nullptr;  // owned by `context`
    const bool holds =
        context && EVP_DigestVerifyInit(context.get(), &key_context, evp_md(scheme.digest), nullptr, key) == 1 &&
        prepare(key_context, scheme) &&
        EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
    if (holds) return boost::system::in_place_value;
    throw_if_memory_was_short();
    return refused;
}

Result<Bytes> PublicKey::encrypt(const KeyTransport& transport, ByteView plaintext) const {
    if (!is_rsa()) return fail::malformed("only an RSA key can wrap a content key");
    EVP_PKEY* key = state_->openssl_key();
    const ErrorMark mark;
    const Ossl<EVP_PKEY_CTX> context(key == nullptr ? nullptr : EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    if (!context || EVP_PKEY_encrypt_init(context.get()) != 1) {
        throw_if_memory_was_short();
        return fail::malformed("unusable RSA key");
    }
    const int padding = transport.oaep ? RSA_PKCS1_OAEP_PADDING : RSA_PKCS1_PADDING;
    bool ready = EVP_PKEY_CTX_set_rsa_padding(context.get(), padding) == 1;
    if (transport.oaep) {
        ready = ready && EVP_PKEY_CTX_set_rsa_oaep_md(context.get(), evp_md(transport.oaep_digest)) == 1 &&
                EVP_PKEY_CTX_set_rsa_mgf1_md(context.get(), evp_md(transport.mgf1_digest)) == 1;
    }
    Bytes ciphertext(state_->modulus.size());
    std::size_t length = ciphertext.size();
    if (!ready ||
        EVP_PKEY_encrypt(context.get(), ciphertext.data(), &length, plaintext.data(), plaintext.size()) != 1) {
        throw_if_memory_was_short();
        return fail::malformed("RSA encryption failed: the key may be too small for what it shall wrap");
    }
    ciphertext.resize(length);
    return ciphertext;
}

bool PublicKey::operator==(const PublicKey& other) const {
    // from_spki admits one encoding of each key only.
    return state_ == other.state_ || equal(spki(), other.spki());
}

}  // namespace countersign::crypto
