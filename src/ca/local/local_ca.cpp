// Issuing: verify the countersignature, check the plan, derive the serial number, sign.
#include "countersign/ca/local.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/oid.hpp"
#include "countersignature.hpp"
#include "path.hpp"
#include "serial_number.hpp"
#include "state.hpp"

#include <algorithm>

namespace countersign::ca {
namespace {

constexpr std::size_t least_secret_octets = 16;

Result<void> check_own_certificate(const LocalCaOptions& options, const keys::Key& key) {
    if (!(options.certificate.public_key() == key.public_key())) {
        return fail::denied("CA " + options.name + ": the key is not that of the certificate");
    }
    constexpr crypto::KeyUsage needed = crypto::usage::key_cert_sign | crypto::usage::crl_sign;
    if ((options.certificate.key_usage().value_or(0) & needed) != needed) {
        return fail::denied("CA " + options.name +
                            ": the certificate must have the key usages keyCertSign and cRLSign");
    }
    return boost::system::in_place_value;
}

std::vector<crypto::Certificate> path_of(const LocalCaOptions& options) {
    std::vector<crypto::Certificate> path{options.certificate};
    path.insert(path.end(), options.chain.begin(), options.chain.end());
    return path;
}

// An RA certificate comes from make_ra_certificate or succeeds one of this CA's ledger that is not revoked, for the
// same subject and usages.
Result<bool> succeeds_one_of_ours(const CountersignedRequest& request, const LocalCaOptions& options,
                                  store::Issued& ledger) {
    const auto& before = request.renews();
    if (!before) return false;
    TRY(const auto record, ledger.find(options.name, before->serial_hex()));
    if (!record || record->kind != "ra" || record->revoked || !equal(record->der, before->der())) return false;
    const auto& plan = request.plan();
    return plan.subject == before->subject() && plan.subject_alt_names.empty() &&
           plan.key_usage == before->key_usage().value_or(0) &&
           plan.extended_key_usage == std::vector{std::string(oid::ms_certificate_request_agent)};
}

// What no plan may hold, whoever approved it: this CA makes end entities, and agents only as successors.
std::vector<std::string> never_issued(const crypto::CertificateContent& plan, bool successor) {
    std::vector<std::string> objections;
    if (plan.basic_constraints.ca || plan.basic_constraints.path_length) objections.emplace_back("a CA certificate");
    constexpr crypto::KeyUsage authority = crypto::usage::key_cert_sign | crypto::usage::crl_sign;
    if ((plan.key_usage & authority) != 0) objections.emplace_back("a CA's key usage");
    for (const auto usage : {oid::ms_certificate_request_agent, oid::ocsp_signing, oid::any_extended_key_usage}) {
        if (std::ranges::find(plan.extended_key_usage, usage) == plan.extended_key_usage.end()) continue;
        if (successor && usage == oid::ms_certificate_request_agent) continue;
        objections.push_back("extended key usage " + crypto::extended_key_usage_name(usage));
    }
    if (!plan.further_extensions.empty())
        objections.push_back("extension " + printable(plan.further_extensions.front().oid));
    if (plan.subject.empty() && plan.subject_alt_names.empty())
        objections.emplace_back("a certificate without any name");
    return objections;
}

// The plan within the life of the CA and its longest validity; the start may move later, the end earlier.
Result<crypto::CertificateContent> within_validity(crypto::CertificateContent plan, const IssuerLimits& limits,
                                                   std::chrono::minutes longest, Time now) {
    plan.not_before = std::max(plan.not_before, limits.not_before());
    plan.not_after = std::min({plan.not_after, limits.not_after(), plan.not_before + longest});
    if (plan.not_after <= now || plan.not_after <= plan.not_before) {
        return fail::denied("nothing is left of its validity: it would end at " + to_rfc3339(plan.not_after));
    }
    return plan;
}

bool is_for(const crypto::Certificate& certificate, const CountersignedRequest& request) {
    return certificate.public_key() == request.request().public_key() &&
           certificate.subject() == request.plan().subject;
}

Rejected rejected(const std::string& why) {
    return Rejected{printable(why, 1000)};
}

}  // namespace

crypto::IssuerContent issuer_content(const crypto::Certificate& ca, crypto::DigestAlgorithm digest) {
    crypto::IssuerContent issuer;
    issuer.subject = ca.subject();
    issuer.key_identifier = ca.subject_key_identifier().value_or(ca.public_key().key_identifier());
    issuer.scheme = ca.public_key().scheme_with(digest);
    return issuer;
}

Result<std::unique_ptr<LocalCa>> LocalCa::create(LocalCaOptions options, std::shared_ptr<keys::Key> key,
                                                 Secret serial_secret, store::Issued& ledger, const Clock& clock) {
    if (!key) return fail::malformed("CA " + options.name + ": no key");
    if (serial_secret.size() < least_secret_octets) {
        return fail::malformed("CA " + options.name + ": the serial secret must have at least 16 octets");
    }
    const auto path = path_of(options);
    if (const auto sound = check_path(path, clock.now()); !sound) return within("CA " + options.name, sound.error());
    CHECK(check_own_certificate(options, *key));
    TRY(auto limits, IssuerLimits::of(path, options.extended_key_usage));
    auto issuer = issuer_content(options.certificate, options.digest);
    issuer.crl_urls = options.crl_urls;
    issuer.ca_issuers_urls = options.ca_issuers_urls;
    auto sign = [key, scheme = issuer.scheme](ByteView octets) { return key->sign(scheme, octets); };
    std::unique_ptr<State> state(new State{.options = std::move(options),
                                           .key = std::move(key),
                                           .serial_secret = std::move(serial_secret),
                                           .ledger = ledger,
                                           .clock = clock,
                                           .limits = std::move(limits),
                                           .issuer = std::move(issuer),
                                           .sign = std::move(sign)});
    return std::unique_ptr<LocalCa>(new LocalCa(std::move(state)));
}

LocalCa::LocalCa(std::unique_ptr<State> state) : state_(std::move(state)) {}
LocalCa::~LocalCa() = default;

Result<Outcome> LocalCa::submit(const CountersignedRequest& request, const std::string& idempotency_key) {
    if (idempotency_key.empty()) return fail::internal("a submission without an idempotency key");
    const Time now = state_->clock.now();
    if (now < state_->limits.not_before() || now > state_->limits.not_after()) {
        return fail::unavailable("the certificate of CA " + state_->options.name + " or one above it is not valid now");
    }
    const auto genuine = verify_countersignature(request, state_->options, state_->ledger, now, state_->last_agent);
    if (!genuine && genuine.error().kind == ErrorKind::unauthenticated)
        return Outcome(rejected(genuine.error().detail));
    if (!genuine) return genuine.error();
    if (!request.request().verify_self_signature())
        return Outcome(rejected("the request is not signed with its own key"));
    if (!equal(request.plan().spki, request.request().public_key().spki())) {
        return Outcome(rejected("the plan is about another key than the request"));
    }

    const auto serial = serial_for(state_->serial_secret, idempotency_key);
    TRY(const auto earlier, reconcile(idempotency_key, state_->clock.now()));
    if (!earlier) return state_->issue(request, serial);
    if (!is_for(std::get<Issued>(*earlier).certificate, request)) {
        return fail::conflict("this idempotency key has issued another certificate: " + lower_hex(serial));
    }
    return *earlier;
}

Result<Outcome> LocalCa::State::issue(const CountersignedRequest& request, const Bytes& serial) {
    TRY(const bool successor, succeeds_one_of_ours(request, options, ledger));
    if (request.renews() && !successor) {
        return Outcome(rejected("this CA renews RA certificates of its ledger alone, for the same subject and usages"));
    }
    auto objections = never_issued(request.plan(), successor);
    for (auto& objection : limits.objections(request.plan())) objections.push_back(std::move(objection));
    if (!objections.empty()) return Outcome(rejected("this CA does not issue: " + join(objections, "; ")));
    auto content = within_validity(request.plan(), limits, options.max_validity, clock.now());
    if (!content) return Outcome(rejected(content.error().detail));
    TRY(auto certificate, crypto::build_certificate(*content, issuer, serial, sign));
    // A key that signs wrongly (a fault, a token's mix-up) must not get its mistake out.
    if (!certificate.verify_signed_by(options.certificate.public_key())) {
        return fail::internal("CA " + options.name + ": the key made a signature that does not hold");
    }
    return Outcome(Issued{std::move(certificate)});
}

// It answers at once, so nothing is ever pending.
Result<Outcome> LocalCa::poll(const std::string& handle) {
    return fail::not_found("the local CA holds no request " + printable(handle));
}

Result<std::optional<Outcome>> LocalCa::reconcile(const std::string& idempotency_key, Time) {
    const auto serial = serial_for(state_->serial_secret, idempotency_key);
    TRY(const auto record, state_->ledger.find(state_->options.name, lower_hex(serial)));
    // What was signed and not recorded is signed again with the same serial number: nobody has seen the first.
    if (!record) return std::optional<Outcome>{};
    TRY(auto certificate, crypto::Certificate::from_der(record->der));
    return std::optional<Outcome>(Issued{std::move(certificate)});
}

std::vector<crypto::Certificate> LocalCa::chain() const {
    return path_of(state_->options);
}

Result<void> LocalCa::probe() {
    const Time now = state_->clock.now();
    if (now < state_->limits.not_before() || now > state_->limits.not_after()) {
        return fail::unavailable("the certificate of CA " + state_->options.name + " or one above it is not valid now");
    }
    CHECK(state_->ledger.revocation_version(state_->options.name));
    constexpr std::string_view message = "countersign: is the CA key there?";
    TRY(const auto signature, state_->sign(as_bytes(message)));
    return state_->options.certificate.public_key().verify(state_->issuer.scheme, as_bytes(message), signature);
}

std::string LocalCa::describe() const {
    return "local CA " + state_->options.name + " (" + printable(state_->options.certificate.subject().text()) + ", " +
           state_->key->describe() + ")";
}

}  // namespace countersign::ca
