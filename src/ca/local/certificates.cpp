// Making the CA certificate and the RA's certificates.
#include "countersign/ca/local.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/name_constraints.hpp"
#include "countersign/crypto/oid.hpp"
#include "issuer_limits.hpp"
#include "serial_number.hpp"
#include "state.hpp"

#include <algorithm>

namespace countersign::ca {
namespace {

// Clocks of new devices are slow; the chain must be valid wherever a backdated certificate is.
constexpr std::chrono::hours backdate{24};

Time whole_seconds(Time time) {
    return Time{std::chrono::floor<std::chrono::seconds>(time)};
}

crypto::SignCallback signer(keys::Key& key, crypto::SignatureScheme scheme) {
    return [&key, scheme](ByteView octets) { return key.sign(scheme, octets); };
}

Result<void> check_usages(const std::vector<std::string>& usages) {
    const auto has = [&](std::string_view usage) { return std::ranges::find(usages, usage) != usages.end(); };
    if (usages.empty() || has(oid::ms_certificate_request_agent) || has(oid::any_extended_key_usage)) {
        return boost::system::in_place_value;
    }
    return fail::malformed("the EKU constraint of the CA must include the Certificate Request Agent (" +
                           std::string(oid::ms_certificate_request_agent) +
                           "), or its RA's certificates would not verify");
}

Result<crypto::CertificateContent> ra_content(RaRole role, const std::string& subject, const crypto::PublicKey& key) {
    crypto::CertificateContent content;
    auto name = crypto::Name::from_text(subject);
    if (!name) return within("RA subject " + printable(subject), name.error());
    if (name->empty()) return fail::malformed("an RA certificate needs a subject");
    if (role == RaRole::encryption && !key.is_rsa()) {
        return fail::malformed("the encryption key of an RA must be RSA: SCEP clients wrap their content keys with it");
    }
    content.subject = *std::move(name);
    content.spki = to_bytes(key.spki());
    content.key_usage = role == RaRole::agent ? crypto::usage::digital_signature : crypto::usage::key_encipherment;
    content.extended_key_usage = {std::string(oid::ms_certificate_request_agent)};
    return content;
}

}  // namespace

Result<crypto::Certificate> make_root_certificate(const NewCaOptions& options, keys::Key& key, Time now,
                                                  Random& random) {
    CHECK(check_usages(options.extended_key_usage));
    crypto::CertificateContent content;
    auto subject = crypto::Name::from_text(options.subject);
    if (!subject) return within("CA subject " + printable(options.subject), subject.error());
    if (subject->empty()) return fail::malformed("a CA certificate needs a subject");
    content.subject = *std::move(subject);
    content.spki = to_bytes(key.public_key().spki());
    content.key_usage = crypto::usage::key_cert_sign | crypto::usage::crl_sign;
    content.extended_key_usage = options.extended_key_usage;
    content.basic_constraints = {true, options.path_length};
    if (!options.permitted_names.empty() || !options.excluded_names.empty()) {
        TRY(auto constraints, crypto::make_name_constraints(options.permitted_names, options.excluded_names));
        content.further_extensions.push_back(std::move(constraints));
    }
    content.not_before = whole_seconds(now - backdate);
    content.not_after = whole_seconds(now + options.validity);

    crypto::IssuerContent issuer;
    issuer.subject = content.subject;
    issuer.key_identifier = key.public_key().key_identifier();
    issuer.scheme = key.public_key().scheme_with(crypto::DigestAlgorithm::sha256);
    return crypto::build_certificate(content, issuer, random_serial(random), signer(key, issuer.scheme));
}

Result<crypto::Certificate> make_ra_certificate(RaRole role, const std::string& subject,
                                                const crypto::PublicKey& subject_key, std::chrono::days validity,
                                                const crypto::Certificate& ca, keys::Key& ca_key,
                                                const std::vector<std::string>& crl_urls, Time now, Random& random) {
    if (!(ca.public_key() == ca_key.public_key()))
        return fail::malformed("the CA key is not that of the CA certificate");
    if (!ca.basic_constraints().ca) return fail::denied(printable(ca.subject().text()) + " is no CA certificate");
    TRY(auto content, ra_content(role, subject, subject_key));
    TRY(const auto limits, IssuerLimits::of({ca}, {}));
    if (const auto objections = limits.objections(content); !objections.empty()) {
        return fail::denied("the CA certificate forbids this RA certificate: " + join(objections, "; "));
    }
    content.not_before = std::max(whole_seconds(now - backdate), ca.not_before());
    content.not_after = std::min(whole_seconds(now + validity), ca.not_after());
    if (content.not_after <= now) return fail::denied("the RA certificate would have expired already");

    auto issuer = issuer_content(ca, crypto::DigestAlgorithm::sha256);
    issuer.crl_urls = crl_urls;
    return crypto::build_certificate(content, issuer, random_serial(random), signer(ca_key, issuer.scheme));
}

}  // namespace countersign::ca
