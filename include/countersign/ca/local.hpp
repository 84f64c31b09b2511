// The embedded CA: a ca::Backend like any other, with a key of its own.
//
// It believes nobody: before issuing it verifies that the request carries exactly one signature, by a certificate it
// issued itself (in the ledger as kind "ra") or was configured to believe, that is valid, not revoked and has the
// Certificate Request Agent EKU; and that the plan is about the key in that request and inside the CA's own
// constraints. It makes an RA certificate only as the successor of one in its ledger, with the same subject and usages.
// What it refuses is Rejected; a validity beyond its own or max_validity is cut. Blocking; safe on many
// threads.
#pragma once

#include "countersign/ca/backend.hpp"
#include "countersign/core/random.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/keys/key.hpp"
#include "countersign/store/issued.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace countersign::ca {

struct LocalCaOptions {
    std::string name{};                         // the backend's name in the configuration, and in the ledger
    crypto::Certificate certificate;            // the issuing CA
    std::vector<crypto::Certificate> chain{};   // above it, root last; empty when self-issued
    std::vector<crypto::Certificate> agents{};  // enrollment agents it believes although it did not issue them
    std::vector<std::string> crl_urls{};        // written into certificates
    std::vector<std::string> ca_issuers_urls{};
    std::vector<std::string>
        extended_key_usage{};  // the only EKUs this CA issues (dotted OIDs); empty: any its certificate allows
    std::chrono::minutes max_validity{std::chrono::days{825}};
    std::chrono::hours crl_validity{24 * 7};
    std::chrono::hours crl_refresh{12};  // a CRL older than this is made again on demand
    crypto::DigestAlgorithm digest = crypto::DigestAlgorithm::sha256;
    // An RA certificate may be renewed under an agent of its own that has expired: for the operator who repairs an
    // instance, never for the daemon.
    bool renews_after_expiry = false;
};

class LocalCa final : public Backend, public Revoker {
public:
    // malformed/denied with words: the key is not the certificate's, the certificate is no CA (basicConstraints,
    // keyCertSign, cRLSign), it is expired at `clock.now()`, the chain does not lead to a self-issued certificate.
    // `serial_secret`: keys the derivation of serial numbers (20 octets, positive, from HMAC-SHA-256 over the random
    // idempotency key), so that submitting the same attempt again after a crash gives the same serial.
    static Result<std::unique_ptr<LocalCa>> create(LocalCaOptions options, std::shared_ptr<keys::Key> key,
                                                   Secret serial_secret, store::Issued& ledger, const Clock& clock);

    Result<Outcome> submit(const CountersignedRequest& request, const std::string& idempotency_key) override;
    Result<Outcome> poll(const std::string& handle) override;
    Result<std::optional<Outcome>> reconcile(const std::string& idempotency_key, Time asked) override;
    std::vector<crypto::Certificate> chain() const override;
    Result<void> probe() override;
    Revoker* revoker() override { return this; }
    std::string describe() const override;
    bool sees_request() const override { return false; }

    Result<void> revoke(const std::string& serial_hex, int reason, Time when) override;
    // Cached; made anew when revocations changed (by any process) or crl_refresh passed.
    Result<Bytes> crl(Time now) override;

    ~LocalCa() override;

private:
    struct State;
    explicit LocalCa(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// Making the CA and the RA's certificates, for `countersign init` and rollover.

struct NewCaOptions {
    std::string subject = "CN=Countersign CA";
    std::chrono::days validity{3650};
    int path_length = 0;
    std::vector<std::string>
        permitted_names{};  // name constraints, as extension.hpp's make_name_constraints takes them
    std::vector<std::string> excluded_names{};
    std::vector<std::string>
        extended_key_usage{};  // EKU constraint in the CA certificate; dotted OIDs; empty: none. The agent's EKU
                               // must be among them, or its certificates would not verify
};
Result<crypto::Certificate> make_root_certificate(const NewCaOptions& options, keys::Key& key, Time now,
                                                  Random& random);

enum class RaRole { agent, encryption };
// An RA certificate after interop reference, fact 8: CA:FALSE, KU digitalSignature (agent) or keyEncipherment
// (encryption), EKU Certificate Request Agent.
Result<crypto::Certificate> make_ra_certificate(RaRole role, const std::string& subject,
                                                const crypto::PublicKey& subject_key, std::chrono::days validity,
                                                const crypto::Certificate& ca, keys::Key& ca_key,
                                                const std::vector<std::string>& crl_urls, Time now, Random& random);

}  // namespace countersign::ca
