#include "countersignature.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/cms.hpp"
#include "countersign/crypto/oid.hpp"

#include <algorithm>

namespace countersign::ca {
namespace {

Error refused(const std::string& why) {
    return fail::unauthenticated("countersignature: " + why);
}

// An agent of ours stands in the ledger as such: the EKU alone, on a certificate that came about in another way, is no
// right.
Result<void> check_recorded(const crypto::Certificate& agent, const LocalCaOptions& issuer, store::Issued& ledger) {
    if (!(agent.issuer() == issuer.certificate.subject()) || !agent.verify_signed_by(issuer.certificate.public_key())) {
        return refused("the agent certificate is not from this CA");
    }
    TRY(const auto record, ledger.find(issuer.name, agent.serial_hex()));
    if (!record || !equal(record->der, agent.der()))
        return refused("the agent certificate is not in the ledger of this CA");
    if (record->kind != "ra") return refused("the agent certificate was not issued to an RA");
    if (record->revoked) return refused("the agent certificate is revoked");
    return boost::system::in_place_value;
}

Result<void> check_agent(const crypto::Certificate& agent, const LocalCaOptions& issuer, store::Issued& ledger,
                         Time now, bool may_have_expired) {
    const auto usages = agent.extended_key_usage();
    if (std::ranges::find(usages, oid::ms_certificate_request_agent) == usages.end()) {
        return refused("the signer's certificate has no Certificate Request Agent EKU");
    }
    if ((agent.key_usage().value_or(0) & crypto::usage::digital_signature) == 0) {
        return refused("the signer's certificate is not for digital signatures");
    }
    if (agent.basic_constraints().ca) return refused("the signer is a CA");
    if (!agent.valid_at(now) && !(may_have_expired && agent.not_after() < now)) {
        return refused("the agent certificate is valid from " + to_rfc3339(agent.not_before()) + " to " +
                       to_rfc3339(agent.not_after()));
    }
    const auto is_agent = [&](const crypto::Certificate& configured) { return configured == agent; };
    if (std::ranges::any_of(issuer.agents, is_agent)) return boost::system::in_place_value;
    return check_recorded(agent, issuer, ledger);
}

}  // namespace

crypto::Certificate LastAgent::same_as(const crypto::Certificate& agent) const {
    const std::lock_guard lock(mutex_);
    return agent_ && *agent_ == agent ? *agent_ : agent;
}

void LastAgent::remember(const crypto::Certificate& agent) {
    const std::lock_guard lock(mutex_);
    agent_ = agent;
}

Result<void> verify_countersignature(const CountersignedRequest& request, const LocalCaOptions& issuer,
                                     store::Issued& ledger, Time now, LastAgent& last_agent) {
    const auto message = crypto::SignedData::from_ber(request.cms());
    if (!message) return refused(message.error().detail);
    if (message->content_type != oid::data || !message->has_content ||
        !equal(message->content, request.request().der())) {
        return refused("it is over something else than the request");
    }
    const auto sent = message->signer_certificate();
    if (!sent) return refused("the agent certificate is not in the message");
    const auto agent = last_agent.same_as(*sent);
    CHECK(check_agent(agent, issuer, ledger, now, issuer.renews_after_expiry && request.renews()));
    if (const auto holds = message->verify(agent.public_key(), false); !holds) return refused(holds.error().detail);
    last_agent.remember(agent);
    return boost::system::in_place_value;
}

}  // namespace countersign::ca
