// A certificate revocation list (RFC 5280 section 5), parsed once, made for looking serial numbers up. Immutable;
// copies share its state; safe on any thread.
//
// Only lists that say all there is to say about the certificates they cover are read: a delta list, an indirect one,
// one for some reasons or for certificates of CAs alone is refused, and so is one with a critical extension this
// program does not know. What a list covers may still be limited to the certificates of a distribution point (see
// covers()).
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/crypto/certificate.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace countersign::crypto {

// What a list says about a certificate that is on it. On hold counts as revoked.
struct Revocation {
    Time since{};
    int reason = 0;  // RFC 5280 5.3.1; 0 when none is given
};
// "keyCompromise", "certificateHold", ...; "unspecified" also for a number that is none.
std::string_view revocation_reason_name(int reason);

class RevocationList {
public:
    static constexpr std::size_t largest = 32 * 1024 * 1024;  // octets of DER

    // One complete list. malformed: that is none of the above, or without nextUpdate.
    static Result<RevocationList> from_der(ByteView der);
    // DER, or PEM with one block "X509 CRL".
    static Result<RevocationList> from_octets(ByteView octets);

    ByteView der() const;
    const Name& issuer() const;
    Time this_update() const;
    Time next_update() const;
    // Magnitude of the cRLNumber, big endian without leading zeros (zero: empty); nullopt: the list has none.
    const std::optional<Bytes>& number() const;
    std::size_t size() const;                                 // entries
    std::optional<SignatureScheme> signature_scheme() const;  // nullopt: one this program does not know

    // Whether it is a statement about now: thisUpdate is not in the future but for `slack`, nextUpdate is not reached.
    bool current_at(Time when, std::chrono::milliseconds slack) const;
    // False: it is limited to a distribution point that this certificate of the same issuer does not name (RFC 5280
    // 6.3.3 b 2 i). Says nothing about issuer and signature.
    bool covers(const Certificate& certificate) const;
    // The distribution points it is limited to, as one value: lists with the same are successors of one another.
    const std::vector<Bytes>& distribution_points() const;

    // `serial`: Certificate::serial(). nullopt: not on the list.
    std::optional<Revocation> find(ByteView serial) const;

    // The signature over the octets as received holds under this key, by a digest that still means something (not MD5,
    // not SHA-1). unauthenticated otherwise.
    Result<void> verify_signed_by(const PublicKey& issuer_key) const;

private:
    struct State;
    explicit RevocationList(std::shared_ptr<const State> state) : state_(std::move(state)) {}
    std::shared_ptr<const State> state_;
};

// The http:// and https:// addresses a certificate names for its issuer's list.
std::vector<std::string> revocation_list_urls(const Certificate& certificate);

}  // namespace countersign::crypto
