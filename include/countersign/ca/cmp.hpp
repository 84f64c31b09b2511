// A CA that speaks the Certificate Management Protocol (RFC 4210, RFC 9480) over HTTP: EJBCA, Insta Certifier, Nexus
// and others. We are a registration authority there.
//
// Requests go as p10cr, protected by the enrollment agent's signature or by a shared secret; the key of an attempt is
// the transactionID. Certificates are confirmed when they are for the requested key and signed by the configured CA,
// and refused otherwise; they are handed over either way. First they are in a handle (Pending, at_once): what is
// confirmed is recorded before. A waiting transaction is all in its handle, so it goes on
// after a restart. An answer that was lost is asked for by pollReq; few CAs know one then, so it may be left to people.
// Blocking; safe on many threads. Shares key, secret and HTTP client, borrows random source and clock.
#pragma once

#include "countersign/ca/backend.hpp"
#include "countersign/core/random.hpp"
#include "countersign/crypto/cmp.hpp"
#include "countersign/keys/key.hpp"
#include "countersign/net/http_client.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace countersign::ca {

struct CmpOptions {
    std::string name{};  // the CA's in the configuration
    std::string url{};
    // Protection by signature: the key, and its certificate with those above it.
    std::shared_ptr<keys::Key> key{};
    std::vector<crypto::Certificate> signer{};
    // Protection by a secret, when there is no key.
    std::shared_ptr<const Secret> secret{};
    std::string reference{};                        // senderKID
    std::vector<crypto::Certificate> responders{};  // whose signatures on answers are believed; unused with a secret
    std::vector<crypto::Certificate> chain{};       // issuing CA first, root last
    std::map<std::string, std::string> profiles{};  // our templates to certProfile; absent: none is named
    std::chrono::seconds poll_interval{30};         // a waiting transaction is asked about no more often
};

class CmpCa final : public Backend, public Revoker {
public:
    CmpCa(CmpOptions options, std::shared_ptr<net::HttpClient> http, Random& random, const Clock& clock)
        : options_(std::move(options)), http_(std::move(http)), random_(random), clock_(clock) {}

    Result<Outcome> submit(const CountersignedRequest& request, const std::string& idempotency_key) override;
    // Also "certificate:BASE64": what people found at the CA.
    Result<Outcome> poll(const std::string& handle) override;
    Result<std::optional<Outcome>> reconcile(const std::string& idempotency_key, Time asked) override;
    std::vector<crypto::Certificate> chain() const override { return options_.chain; }
    Result<void> probe() override;
    Revoker* revoker() override { return this; }
    std::string describe() const override { return "CMP at " + options_.url; }

    Result<void> revoke(const std::string& serial_hex, int reason, Time when) override;
    Result<Bytes> crl(Time now) override;

private:
    struct Transaction;
    struct Answer;
    Result<Answer> ask(Transaction& transaction, ByteView body) const;
    Result<Bytes> message_of(const Transaction& transaction, ByteView nonce, ByteView body) const;
    Result<void> authenticate(ByteView message) const;
    Result<Outcome> outcome_of(Transaction& transaction, const Answer& answer, bool polled) const;
    Result<Outcome> taken(Transaction& transaction) const;
    Result<Outcome> confirm(Transaction& transaction) const;
    void never_confirmed(const Bytes& id) const;
    bool confirms_first(const Bytes& id) const;
    Pending waiting(Transaction& transaction, std::chrono::seconds check_after) const;

    const CmpOptions options_;
    const std::shared_ptr<net::HttpClient> http_;
    Random& random_;
    const Clock& clock_;
    mutable std::mutex mutex_;
    mutable std::set<Bytes> never_confirmed_;  // transactions whose certificate is here, and of which the CA heard no word
};

}  // namespace countersign::ca
