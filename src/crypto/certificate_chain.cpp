#include "countersign/crypto/certificate.hpp"

#include <algorithm>

namespace countersign::crypto {
namespace {

constexpr std::size_t longest_chain = 8;
// A pool of many certificates with one name would otherwise cost a signature check for every path through it.
constexpr int most_signature_checks = 256;

class ChainSearch {
public:
    explicit ChainSearch(const std::vector<Certificate>& pool) : pool_(pool) {}

    // Extends `chain` until it ends in a self-issued certificate; leaves it as it was when it cannot.
    bool extend(std::vector<Certificate>& chain) {
        if (chain.back().self_issued() && signed_by(chain.back(), chain.back())) return true;
        if (chain.size() == longest_chain) return false;
        for (const bool self_issued : {true, false}) {  // the short way first
            for (const Certificate& candidate : pool_) {
                if (candidate.self_issued() != self_issued || !fits(candidate, chain)) continue;
                chain.push_back(candidate);
                if (extend(chain)) return true;
                chain.pop_back();
            }
        }
        return false;
    }

private:
    bool fits(const Certificate& candidate, const std::vector<Certificate>& chain) {
        if (!candidate.subject().matches(chain.back().issuer())) return false;
        if (std::ranges::find(chain, candidate) != chain.end()) return false;
        return signed_by(chain.back(), candidate);
    }

    bool signed_by(const Certificate& certificate, const Certificate& issuer) {
        if (checks_ == most_signature_checks) return false;
        ++checks_;
        return certificate.verify_signed_by(issuer.public_key()).has_value();
    }

    const std::vector<Certificate>& pool_;
    int checks_ = 0;
};

}  // namespace

Result<std::vector<Certificate>> order_chain(const Certificate& leaf, const std::vector<Certificate>& pool) {
    std::vector<Certificate> chain{leaf};
    if (!ChainSearch(pool).extend(chain)) {
        return fail::not_found("no chain from '" + leaf.subject().text() + "' to a self-issued certificate");
    }
    return chain;
}

}  // namespace countersign::crypto
