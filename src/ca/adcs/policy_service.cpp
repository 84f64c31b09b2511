// The Certificate Enrollment Policy Web Service: [MS-XCEP] over HTTPS.
#include "countersign/ca/adcs_policy.hpp"
#include "countersign/core/text.hpp"
#include "envelope.hpp"
#include "http_answers.hpp"

#include <algorithm>
#include <charconv>
#include <map>

namespace countersign::ca {
namespace {

using soap::child;
using soap::is_nil;
using Node = pugi::xml_node;

constexpr auto xcep = "http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy";
constexpr auto action_get_policies =
    "http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy/IPolicy/GetPolicies";
constexpr std::string_view key_usage_oid = "2.5.29.15";
constexpr std::string_view extended_key_usage_oid = "2.5.29.37";

// All policies, whatever changed since when ([MS-XCEP] 3.1.4.1.2.1): everything optional is nil.
std::string get_policies(const soap::Message& message) {
    pugi::xml_document document;
    auto request = soap::add(soap::begin(document, action_get_policies, message), "GetPolicies");
    request.append_attribute("xmlns") = xcep;
    request.append_attribute("xmlns:xsi") = soap::ns::instance;
    const auto add_nil = [](Node parent, const char* name) {
        soap::add(parent, name).append_attribute("xsi:nil") = "true";
    };
    auto client = soap::add(request, "client");
    add_nil(client, "lastUpdate");
    add_nil(client, "preferredLanguage");
    add_nil(request, "requestFilter");
    return soap::text_of(document);
}

std::optional<Error> turned_away_by_service(int status) {
    const auto code = " (HTTP " + std::to_string(status) + ")";
    switch (status) {
        case 401:
        case 403:
            return fail::unavailable("the enrollment policy service does not accept how we sign in" + code +
                                     ": see ca.NAME.connection");
        case 404:
        case 405: return fail::unavailable("there is no enrollment policy service" + code + ": see ca.NAME.policy_url");
        case 503: return fail::unavailable("the enrollment policy service is stopped or too busy" + code);
        default: return std::nullopt;
    }
}

Node part(const Node& parent, std::string_view name) {
    return child(parent, xcep, name);
}

template <class Number>
Result<Number> number_in(const Node& node) {
    const auto text = trim(node.text().get());
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        return fail::malformed("the policy service writes " + printable(soap::local_name(node), 40) + " as \"" +
                               printable(text, 40) + "\"");
    return number;
}

bool says_yes(const Node& node) {
    const auto text = trim(node.text().get());
    return text == "true" || text == "1";
}

// The children of that name of a collection; none when it is nil.
std::vector<Node> entries(const Node& collection, std::string_view name) {
    std::vector<Node> found;
    if (is_nil(collection)) return found;
    for (const auto& node : collection.children()) {
        if (soap::local_name(node) == name && soap::namespace_of(node) == xcep) found.push_back(node);
    }
    return found;
}

// An answer with the references in it resolved.
class Policies {
public:
    static Result<Policies> of(const Node& body) {
        if (const auto fault = child(body, soap::ns::soap, "Fault")) {
            const auto reason = soap::reason_of(fault);
            return fail::unavailable("the enrollment policy service failed: " +
                                     (reason.empty() ? "no reason given" : reason));
        }
        Policies policies;
        policies.answer_ = part(body, "GetPoliciesResponse");
        if (is_nil(part(policies.answer_, "response")))
            return fail::malformed("the policy service's answer has no policies in it");
        for (const auto& oid : entries(part(policies.answer_, "oIDs"), "oID")) {
            TRY(const auto id, number_in<std::int64_t>(part(oid, "oIDReferenceID")));
            policies.oids_[id] = std::string(trim(part(oid, "value").text().get()));
        }
        return policies;
    }

    // Null: none. Names in Active Directory ignore case.
    Node find(const std::string& name) const {
        for (const auto& policy : entries(part(part(answer_, "response"), "policies"), "policy")) {
            const auto written = trim(part(part(policy, "attributes"), "commonName").text().get());
            if (to_lower(written) == to_lower(name)) return policy;
        }
        return {};
    }

    Result<std::string> oid(const Node& reference) const {
        TRY(const auto id, number_in<std::int64_t>(reference));
        const auto found = oids_.find(id);
        if (found == oids_.end())
            return fail::malformed("the policy service refers to OID " + std::to_string(id) +
                                   ", which it does not list");
        return found->second;
    }
    Result<std::vector<std::string>> oids(const Node& references) const {
        std::vector<std::string> all;
        for (const auto& reference : entries(references, "oIDReference")) {
            TRY(auto one, oid(reference));
            all.push_back(std::move(one));
        }
        return all;
    }

    Result<Node> ca(const Node& reference) const {
        TRY(const auto id, number_in<std::int64_t>(reference));
        for (const auto& ca : entries(part(answer_, "cAs"), "cA")) {
            TRY(const auto own, number_in<std::int64_t>(part(ca, "cAReferenceID")));
            if (own == id) return ca;
        }
        return fail::malformed("the policy service refers to CA " + std::to_string(id) + ", which it does not list");
    }

private:
    Node answer_;
    std::map<std::int64_t, std::string> oids_;
};

Result<void> read_publication(const Policies& policies, const Node& policy, const crypto::Certificate& issuer,
                              DirectoryTemplate& found) {
    for (const auto& reference : entries(part(policy, "cAs"), "cAReference")) {
        TRY(const auto ca, policies.ca(reference));
        TRY(const auto certificate, soap::octets_in(part(ca, "certificate")));
        if (equal(certificate, issuer.der())) {
            found.published = DirectoryTemplate::Published::here;
            found.ca_lets_us_enroll = says_yes(part(ca, "enrollPermission"));
            return {};
        }
        found.published = DirectoryTemplate::Published::elsewhere;
    }
    return {};
}

Result<void> read_requirements(const Policies& policies, const Node& requirements, DirectoryTemplate& found) {
    if (is_nil(requirements)) return {};
    TRY(found.signatures, number_in<std::uint32_t>(part(requirements, "rASignatures")));
    TRY(found.signature_purposes, policies.oids(part(requirements, "rAEKUs")));
    TRY(found.signature_issuances, policies.oids(part(requirements, "rAPolicies")));
    return {};
}

Result<void> read_key_rules(const Policies& policies, const Node& rules, DirectoryTemplate& found) {
    if (is_nil(rules)) return {};
    if (const auto bits = part(rules, "minimalKeyLength"); !is_nil(bits)) {
        TRY(found.minimal_key_bits, number_in<std::uint32_t>(bits));
    }
    if (const auto algorithm = part(rules, "algorithmOIDReference"); !is_nil(algorithm)) {
        TRY(found.key_algorithm, policies.oid(algorithm));
    }
    return {};
}

Result<void> read_extensions(const Policies& policies, const Node& extensions, DirectoryTemplate& found) {
    for (const auto& extension : entries(extensions, "extension")) {
        TRY(const auto oid, policies.oid(part(extension, "oIDReference")));
        if (oid != key_usage_oid && oid != extended_key_usage_oid) continue;
        TRY(const auto value, soap::octets_in(part(extension, "value")));
        if (oid == key_usage_oid) {
            TRY(found.key_usage, crypto::parse_key_usage(value));
        } else {
            TRY(found.extended_key_usage, crypto::parse_extended_key_usage(value));
        }
    }
    return {};
}

}  // namespace

Result<Bytes> AdcsPolicyService::policies() {
    auto response =
        soap::send(*http_, get_policies(soap::message_to(options_.url, options_, random_)), options_.url, options_);
    if (!response) return fail::unavailable("the enrollment policy service: " + response.error().detail);
    if (auto error = turned_away_by_service(response->status)) return *error;
    // Faults come with status 500.
    if (media_type(*response) != "application/soap+xml") {
        return fail::unavailable("the enrollment policy service answered with HTTP " +
                                 std::to_string(response->status) + " and no SOAP message: see ca.NAME.policy_url");
    }
    return std::move(response->body);
}

Result<DirectoryTemplate> template_in(ByteView answer, const std::string& name, const crypto::Certificate& issuer) {
    pugi::xml_document document;
    TRY(const auto body, soap::body_in(document, answer));
    TRY(const auto policies, Policies::of(body));
    const auto policy = policies.find(name);
    if (!policy) return fail::not_found("Active Directory shows our account no template " + printable(name, 80));
    const auto attributes = part(policy, "attributes");
    DirectoryTemplate found;
    found.name = name;
    found.may_enroll = says_yes(part(part(attributes, "permission"), "enroll"));
    CHECK(read_publication(policies, policy, issuer, found));
    CHECK(read_requirements(policies, part(attributes, "rARequirements"), found));
    CHECK(read_key_rules(policies, part(attributes, "privateKeyAttributes"), found));
    CHECK(read_extensions(policies, part(attributes, "extensions"), found));
    if (const auto validity = part(attributes, "certificateValidity"); !is_nil(validity)) {
        TRY(const auto seconds, number_in<std::uint64_t>(part(validity, "validityPeriodSeconds")));
        found.validity = std::chrono::seconds{static_cast<std::int64_t>(std::min<std::uint64_t>(seconds, UINT32_MAX))};
    }
    return found;
}

}  // namespace countersign::ca
