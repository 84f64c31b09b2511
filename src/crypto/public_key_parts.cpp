#include "countersign/crypto/public_key_parts.hpp"

#include "countersign/crypto/oid.hpp"
#include "der.hpp"

#include <algorithm>

namespace countersign::crypto {
namespace {

constexpr std::string_view ec_public_key_oid = "1.2.840.10045.2.1";

std::string_view curve_oid(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::ec_p256: return "1.2.840.10045.3.1.7";
        case KeyAlgorithm::ec_p384: return "1.3.132.0.34";
        case KeyAlgorithm::ec_p521: return "1.3.132.0.35";
        case KeyAlgorithm::rsa: break;
    }
    return {};
}

std::size_t field_octets(KeyAlgorithm algorithm) {
    switch (algorithm) {
        case KeyAlgorithm::ec_p256: return 32;
        case KeyAlgorithm::ec_p384: return 48;
        case KeyAlgorithm::ec_p521: return 66;
        case KeyAlgorithm::rsa: break;
    }
    return 0;
}

template <class Parameters>
Result<PublicKey> key_from(std::string_view algorithm, Parameters&& parameters, ByteView key) {
    DerWriter spki;
    spki.nest(tag::sequence, [&](DerWriter& fields) {
        fields.nest(tag::sequence, [&](DerWriter& identifier) { parameters(identifier.oid(algorithm)); });
        fields.bit_string(key);
    });
    return PublicKey::from_spki(spki.view());
}

bool is_zero(ByteView magnitude) {
    return std::ranges::all_of(magnitude, [](std::uint8_t octet) { return octet == 0; });
}

}  // namespace

Result<PublicKey> rsa_public_key(ByteView modulus, ByteView exponent) {
    if (is_zero(modulus) || is_zero(exponent)) return fail::malformed("an RSA key without modulus or exponent");
    DerWriter key;
    key.nest(tag::sequence, [&](DerWriter& numbers) { numbers.unsigned_integer(modulus).unsigned_integer(exponent); });
    return key_from(
        oid::rsa_encryption, [](DerWriter& identifier) { identifier.null(); }, key.view());
}

Result<PublicKey> ec_public_key(KeyAlgorithm curve, ByteView x, ByteView y) {
    const std::size_t octets = field_octets(curve);
    if (octets == 0 || x.size() != octets || y.size() != octets) {
        return fail::malformed("EC coordinates of the wrong length");
    }
    Bytes point{0x04};
    point.insert(point.end(), x.begin(), x.end());
    point.insert(point.end(), y.begin(), y.end());
    return key_from(
        ec_public_key_oid, [&](DerWriter& identifier) { identifier.oid(curve_oid(curve)); }, point);
}

Result<EcPoint> point_of(const PublicKey& key) {
    const std::size_t octets = field_octets(key.algorithm());
    // The point is the end of the only form from_spki admits.
    if (octets == 0 || key.spki().size() < 2 * octets) return fail::malformed("only an EC key is a point");
    const ByteView point = key.spki().last(2 * octets);
    return EcPoint{to_bytes(point.first(octets)), to_bytes(point.last(octets))};
}

Result<Bytes> ecdsa_to_der(const PublicKey& key, ByteView r_and_s) {
    const std::size_t octets = field_octets(key.algorithm());
    if (octets == 0 || r_and_s.size() != 2 * octets) return fail::malformed("an ECDSA signature of the wrong length");
    const ByteView r = r_and_s.first(octets);
    const ByteView s = r_and_s.last(octets);
    if (is_zero(r) || is_zero(s)) return fail::malformed("an ECDSA signature of zero");
    DerWriter signature;
    signature.nest(tag::sequence, [&](DerWriter& numbers) { numbers.unsigned_integer(r).unsigned_integer(s); });
    return signature.take();
}

Result<Bytes> ecdsa_from_der(const PublicKey& key, ByteView der) {
    const std::size_t octets = field_octets(key.algorithm());
    TRY(DerReader fields, enter_single(der, tag::sequence, "ECDSA signature"));
    TRY(const ByteView r, fields.positive_integer("r"));
    TRY(const ByteView s, fields.positive_integer("s"));
    CHECK(fields.finish("ECDSA signature"));
    if (octets == 0 || r.size() > octets || s.size() > octets) {
        return fail::malformed("an ECDSA signature of another curve");
    }
    Bytes both(2 * octets, 0);
    std::ranges::copy(r, both.begin() + static_cast<std::ptrdiff_t>(octets - r.size()));
    std::ranges::copy(s, both.end() - static_cast<std::ptrdiff_t>(s.size()));
    return both;
}

}  // namespace countersign::crypto
