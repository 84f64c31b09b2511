#include "call.hpp"
#include "countersign/admin/records.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"

namespace countersign::admin {
namespace {

// Those the caller may see decide alone: that another profile has the serial too is not for them to learn.
Result<store::IssuedCertificate> certificate_of(const Call& call, const std::string& ca) {
    TRY(auto found, call.desk.parts().issued.find_by_serial(call.name));
    std::erase_if(found, [&](const auto& one) { return !call.sees(one.profile) || (!ca.empty() && one.ca != ca); });
    if (found.empty()) return fail::not_found("no certificate has serial " + printable(call.name, 60));
    if (found.size() > 1) {
        return fail::conflict("several CAs issued serial " + printable(call.name, 60) + "; say which with \"ca\": " +
                              printable(found.front().ca, 60) + ", " + printable(found.back().ca, 60));
    }
    return std::move(found.front());
}

}  // namespace

Result<Reply> list_certificates(Call& call) {
    TRY(const auto profile, profile_parameter(call));
    TRY(const auto limit, call.parameters.limit());
    store::IssuedFilter filter;
    TRY(filter.only_valid, call.parameters.flag("valid"));
    filter.subject_contains = call.parameters.text("subject");
    filter.profiles = profile.empty() ? call.account().profiles : std::vector{profile};
    filter.now = call.now;
    filter.limit = limit + 1;
    TRY(const auto found, call.desk.parts().issued.list(filter));
    return Reply{200, page_of(found, limit, [&](const auto& one) { return to_json(one, call.now); })};
}

Result<Reply> show_certificate(Call& call) {
    TRY(const auto one, certificate_of(call, call.parameters.text("ca")));
    auto json = to_json(one, call.now);
    json["pem"] = crypto::to_pem("CERTIFICATE", one.der);
    return Reply{200, std::move(json)};
}

Result<Reply> revoke_certificate(Call& call) {
    TRY(const auto reason, call.members.text("reason", longest_name));
    TRY(const auto ca, call.members.text("ca", longest_name));
    CHECK(call.members.nothing_else());
    const auto& reasons = revocation_reasons();
    const auto number = reason ? reasons.find(*reason) : reasons.end();
    if (number == reasons.end()) {
        std::vector<std::string> names;
        for (const auto& [name, code] : reasons) names.push_back(name);
        return fail::malformed("member \"reason\" must be one of " + join(names, ", "));
    }
    TRY(const auto one, certificate_of(call, ca.value_or("")));
    TRY(const auto revoked, call.desk.revoke_certificate(one.serial, one.ca, number->second, false, call.actor()));
    return Reply{200, to_json(revoked, call.now)};
}

}  // namespace countersign::admin
