#include "countersign/ca/adcs.hpp"

namespace countersign::ca {

Result<std::optional<Outcome>> Adcs::reconcile(const std::string&) {
    return fail::outcome_unknown(
        "AD CS cannot be asked whether it has a request of ours: look for it in the CA's console, by requester, time "
        "and "
        "subject, and say what you found: `countersign request resolve`");
}

net::ClientRequest Adcs::request_to(const std::string& url) const {
    net::ClientRequest request;
    request.url = url;
    request.negotiate = options_.sign_in == AdcsSignIn::negotiate;
    if (options_.sign_in == AdcsSignIn::basic) {
        request.user = options_.user;
        request.password = options_.password.get();
    }
    return request;
}

std::string Adcs::template_of(const CountersignedRequest& request) const {
    const auto known = options_.templates.find(request.template_name());
    return known == options_.templates.end() ? request.template_name() : known->second;
}

Bytes Adcs::submitted(const CountersignedRequest& request) const {
    return to_bytes(options_.format == AdcsRequestFormat::pkcs10 ? request.request().der() : request.cms());
}

}  // namespace countersign::ca
