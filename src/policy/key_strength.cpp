#include "countersign/policy/key_strength.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/rsa_strength.hpp"
#include "countersign/policy/blocked_keys.hpp"

#include <algorithm>

namespace countersign::policy {
namespace {

std::string_view rule_name(crypto::KeyAlgorithm algorithm) {
    switch (algorithm) {
        case crypto::KeyAlgorithm::rsa: return "rsa";
        case crypto::KeyAlgorithm::ec_p256: return "p256";
        case crypto::KeyAlgorithm::ec_p384: return "p384";
        case crypto::KeyAlgorithm::ec_p521: return "p521";
    }
    return "";
}

void check_rsa_size(const crypto::PublicKey& key, const KeyRules& rules, std::vector<Finding>& findings) {
    const unsigned bits = key.bits();
    if (bits < rules.rsa_bits_min || bits > rules.rsa_bits_max) {
        findings.push_back({"KeyLengthMismatch", std::to_string(bits) + " bits, the template allows " +
                                                     std::to_string(rules.rsa_bits_min) + " to " +
                                                     std::to_string(rules.rsa_bits_max)});
    }
    // Baseline Requirements 6.1.5: an odd size is the mark of a broken generator.
    if (bits % 8 != 0) findings.push_back({"KeyLengthMismatch", std::to_string(bits) + " bits are no whole octets"});
}

void check_rsa_structure(const crypto::PublicKey& key, std::vector<Finding>& findings) {
    constexpr int fermat_rounds = 100;
    const Bytes modulus = key.rsa_modulus();
    if (key.rsa_exponent() != Bytes{0x01, 0x00, 0x01}) findings.push_back({"KeyWeak", "the RSA exponent is not 65537"});
    if (const auto factor = crypto::small_factor(modulus); factor != 0) {
        findings.push_back({"KeyWeak", "the RSA modulus has the factor " + std::to_string(factor)});
    }
    if (crypto::has_roca_fingerprint(modulus)) {
        findings.push_back({"KeyWeak", "the RSA key is of the ROCA family (CVE-2017-15361)"});
    }
    if (crypto::has_close_primes(modulus, fermat_rounds)) {
        findings.push_back({"KeyWeak", "the primes of the RSA key are too close to each other (Fermat)"});
    }
}

}  // namespace

std::vector<Finding> key_findings(const crypto::PublicKey& key, const KeyRules& rules) {
    std::vector<Finding> findings;
    const auto algorithm = rule_name(key.algorithm());
    const auto same = [&](const auto& name) { return equals_ignoring_case(name, algorithm); };
    if (std::ranges::none_of(rules.algorithms, same)) {
        findings.push_back(
            {"KeyAlgorithmForbidden", "the template allows no " + std::string(crypto::name(key.algorithm()))});
    }
    if (rules.blocked && rules.blocked->contains(key)) {
        findings.push_back({"KeyBlocked", "the key is in the template's list of blocked keys"});
    }
    if (!key.is_rsa()) return findings;
    check_rsa_size(key, rules, findings);
    check_rsa_structure(key, findings);
    return findings;
}

}  // namespace countersign::policy
