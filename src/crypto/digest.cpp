#include "countersign/crypto/digest.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/ossl.hpp"

#include <stdexcept>

namespace countersign::crypto {
namespace {

struct Known {
    DigestAlgorithm algorithm;
    const char* name;
    std::string_view oid;
};
constexpr std::array<Known, 5> known{{
    {DigestAlgorithm::md5, "MD5", "1.2.840.113549.2.5"},
    {DigestAlgorithm::sha1, "SHA-1", "1.3.14.3.2.26"},
    {DigestAlgorithm::sha256, "SHA-256", "2.16.840.1.101.3.4.2.1"},
    {DigestAlgorithm::sha384, "SHA-384", "2.16.840.1.101.3.4.2.2"},
    {DigestAlgorithm::sha512, "SHA-512", "2.16.840.1.101.3.4.2.3"},
}};

const Known& entry(DigestAlgorithm algorithm) {
    return known.at(static_cast<std::size_t>(algorithm));
}

std::string without_hyphens(std::string_view text) {
    std::string result = to_lower(text);
    std::erase(result, '-');
    return result;
}

std::array<EVP_MD*, known.size()> fetch_all() {
    const ErrorMark mark;
    std::array<EVP_MD*, known.size()> all{};
    for (std::size_t i = 0; i < known.size(); ++i) all[i] = EVP_MD_fetch(nullptr, known[i].name, nullptr);
    throw_if_memory_was_short();  // or a digest would be missing for good
    return all;
}

// A keyless HMAC-SHA-256 context, to be duplicated: looking both algorithms up costs more than a short MAC.
EVP_MAC_CTX* hmac_template() {
    const Ossl<EVP_MAC> mac(EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr));
    EVP_MAC_CTX* context = mac ? EVP_MAC_CTX_new(mac.get()) : nullptr;
    std::string sha256 = "SHA256";
    const std::array<OSSL_PARAM, 2> parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256.data(), 0), OSSL_PARAM_construct_end()};
    if (context == nullptr || EVP_MAC_CTX_set_params(context, parameters.data()) != 1) {
        throw std::runtime_error("OpenSSL offers no HMAC-SHA-256: " + openssl_error());
    }
    return context;
}

}  // namespace

const EVP_MD* evp_md(DigestAlgorithm algorithm) {
    // Fetched once and kept until the process ends, so that threads still at work then find them.
    static const std::array<EVP_MD*, known.size()> all = fetch_all();
    const EVP_MD* md = all.at(static_cast<std::size_t>(algorithm));
    if (md == nullptr) throw std::runtime_error("OpenSSL offers no " + std::string(name(algorithm)));
    return md;
}

std::string_view name(DigestAlgorithm algorithm) {
    return entry(algorithm).name;
}
std::string_view oid_of(DigestAlgorithm algorithm) {
    return entry(algorithm).oid;
}

Result<DigestAlgorithm> digest_from_oid(std::string_view oid) {
    for (const Known& one : known) {
        if (one.oid == oid) return one.algorithm;
    }
    return fail::malformed("an unknown digest algorithm " + printable(oid, 60));
}

Result<DigestAlgorithm> digest_from_name(std::string_view name) {
    for (const Known& one : known) {
        if (without_hyphens(one.name) == without_hyphens(name)) return one.algorithm;
    }
    return fail::malformed("an unknown digest algorithm " + printable(name, 60));
}

Bytes digest(DigestAlgorithm algorithm, ByteView data) {
    Bytes result(EVP_MAX_MD_SIZE);
    unsigned length = 0;
    if (EVP_Digest(data.data(), data.size(), result.data(), &length, evp_md(algorithm), nullptr) != 1) {
        throw std::runtime_error("digest: " + openssl_error());
    }
    result.resize(length);
    return result;
}

std::array<std::uint8_t, 32> sha256(ByteView data) {
    std::array<std::uint8_t, 32> result{};
    unsigned length = 0;
    const EVP_MD* md = evp_md(DigestAlgorithm::sha256);
    if (EVP_Digest(data.data(), data.size(), result.data(), &length, md, nullptr) != 1) {
        throw std::runtime_error("digest: " + openssl_error());
    }
    return result;
}

std::string sha256_hex(ByteView data) {
    return lower_hex(sha256(data));
}

Bytes hmac_sha256(ByteView key, ByteView message) {
    static const EVP_MAC_CTX* const prepared = hmac_template();
    const Ossl<EVP_MAC_CTX> context(EVP_MAC_CTX_dup(prepared));
    Bytes result(32);
    std::size_t length = 0;
    // A null key would mean "the key from before" to OpenSSL.
    const unsigned char* key_octets = key.empty() ? reinterpret_cast<const unsigned char*>("") : key.data();
    if (!context || EVP_MAC_init(context.get(), key_octets, key.size(), nullptr) != 1 ||
        EVP_MAC_update(context.get(), message.data(), message.size()) != 1 ||
        EVP_MAC_final(context.get(), result.data(), &length, result.size()) != 1 || length != result.size()) {
        throw std::runtime_error("HMAC-SHA-256: " + openssl_error());
    }
    return result;
}

}  // namespace countersign::crypto
