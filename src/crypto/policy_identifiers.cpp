#include "countersign/crypto/policy_identifiers.hpp"

#include "der.hpp"

namespace countersign::crypto {
namespace {

constexpr std::size_t most_policies = 64;
constexpr const char* policies = "certificate policies";

}  // namespace

Result<std::vector<std::string>> parse_policy_identifiers(ByteView value) {
    TRY(DerReader list, enter_single(value, tag::sequence, policies));
    std::vector<std::string> identifiers;
    while (!list.at_end()) {
        TRY(DerReader policy, list.enter(tag::sequence, policies));
        TRY(std::string identifier, policy.oid(policies));
        if (identifiers.size() == most_policies) return fail::malformed("certificate policies: too many");
        identifiers.push_back(std::move(identifier));
    }
    if (identifiers.empty()) return fail::malformed("certificate policies: empty");
    return identifiers;
}

}  // namespace countersign::crypto
