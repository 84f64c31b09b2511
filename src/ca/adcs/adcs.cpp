#include "countersign/ca/adcs.hpp"

#include "envelope.hpp"

namespace countersign::ca {

Result<std::optional<Outcome>> Adcs::reconcile(const std::string&, Time) {
    return fail::outcome_unknown(
        "AD CS cannot be asked whether it has a request of ours: look for it in the CA's console, by requester, time "
        "and "
        "subject, and say what you found: `countersign request resolve`");
}

net::ClientRequest Adcs::request_to(const std::string& url) const {
    return soap::request_to(url, options_);
}

std::string Adcs::template_of(const CountersignedRequest& request) const {
    const auto known = options_.templates.find(request.template_name());
    return known == options_.templates.end() ? request.template_name() : known->second;
}

Bytes Adcs::submitted(const CountersignedRequest& request) const {
    return to_bytes(options_.format == AdcsRequestFormat::pkcs10 ? request.request().der() : request.cms());
}

}  // namespace countersign::ca
