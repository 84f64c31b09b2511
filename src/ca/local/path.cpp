#include "path.hpp"

#include "countersign/core/text.hpp"

namespace countersign::ca {
namespace {

std::string who(const crypto::Certificate& certificate) {
    return printable(certificate.subject().text());
}

Result<void> check_ca(const crypto::Certificate& ca, Time now) {
    if (!ca.basic_constraints().ca) return fail::denied(who(ca) + " is no CA certificate (basicConstraints)");
    const auto usage = ca.key_usage();
    if (usage && (*usage & crypto::usage::key_cert_sign) == 0) {
        return fail::denied(who(ca) + " may not sign certificates (keyUsage lacks keyCertSign)");
    }
    if (!ca.valid_at(now)) {
        return fail::denied(who(ca) + " is valid from " + to_rfc3339(ca.not_before()) + " to " +
                            to_rfc3339(ca.not_after()) + ", now it is " + to_rfc3339(now));
    }
    return boost::system::in_place_value;
}

Result<void> check_link(const crypto::Certificate& lower, const crypto::Certificate& upper) {
    if (!lower.issuer().matches(upper.subject())) {
        return fail::denied(who(lower) + " is issued by " + printable(lower.issuer().text()) + ", not by " +
                            who(upper));
    }
    if (!lower.verify_signed_by(upper.public_key())) {
        return fail::denied(who(lower) + " is not signed with the key of " + who(upper));
    }
    return boost::system::in_place_value;
}

}  // namespace

Result<void> check_path(const std::vector<crypto::Certificate>& path, Time now) {
    if (path.empty()) return fail::malformed("no CA certificate");
    int below = 0;  // CAs below the one looked at that are not self-issued (RFC 5280 4.2.1.9)
    for (std::size_t i = 0; i < path.size(); ++i) {
        const auto& ca = path[i];
        CHECK(check_ca(ca, now));
        const auto allowed = ca.basic_constraints().path_length;
        if (allowed && *allowed < below) {
            return fail::denied(who(ca) + " allows " + std::to_string(*allowed) + " CAs below it, there are " +
                                std::to_string(below));
        }
        if (!ca.self_issued()) ++below;
        if (i + 1 < path.size()) CHECK(check_link(ca, path[i + 1]));
    }
    const auto& root = path.back();
    if (!root.self_issued())
        return fail::denied("the chain ends at " + who(root) + ", which is not self-issued: add what is above it");
    return check_link(root, root);
}

}  // namespace countersign::ca
