// Revoking and the CRL.
#include "countersign/core/text.hpp"
#include "state.hpp"

#include <algorithm>
#include <array>

namespace countersign::ca {
namespace {

// RFC 5280 5.3.1: 7 is unused, 8 (removeFromCRL) belongs in delta CRLs.
bool is_reason(int reason) {
    constexpr std::array reasons{0, 1, 2, 3, 4, 5, 6, 9, 10};
    return std::ranges::find(reasons, reason) != reasons.end();
}

// As Certificate::serial_hex() writes it.
Result<std::string> normal_serial(std::string text) {
    std::erase(text, ':');
    TRY(const auto octets, from_hex(text.size() % 2 == 0 ? text : "0" + text));
    const auto first = std::ranges::find_if(octets, [](auto octet) { return octet != 0; });
    if (first == octets.end()) return fail::malformed("a serial number of zero");
    return lower_hex({first, octets.end()});
}

}  // namespace

Result<void> LocalCa::revoke(const std::string& serial_hex, int reason, Time when) {
    if (!is_reason(reason)) return fail::malformed("no revocation reason: " + std::to_string(reason));
    auto serial = normal_serial(serial_hex);
    if (!serial) return within("serial number " + printable(serial_hex), serial.error());
    return state_->ledger.revoke(state_->options.name, *serial, reason, when);
}

Result<Bytes> LocalCa::crl(Time now) {
    const std::lock_guard lock(state_->crl_mutex);
    // Asked before the list is read: a revocation in between makes this CRL out of date, not the next one.
    TRY(const auto version, state_->ledger.revocation_version(state_->options.name));
    const auto& cached = state_->crl;
    const bool current = cached && cached->revocation_version == version && cached->made <= now &&
                         now < cached->made + state_->options.crl_refresh;
    if (!current) {
        TRY(auto der, state_->make_crl(now));
        state_->crl = State::CachedCrl{std::move(der), now, version};
    }
    return state_->crl->der;
}

Result<Bytes> LocalCa::State::make_crl(Time now) const {
    crypto::CrlContent content;
    content.this_update = now;
    content.next_update = now + options.crl_validity;
    // RFC 5280 3.3: an entry stays until it was on one CRL after the certificate's expiry.
    TRY(const auto revoked, ledger.revoked(options.name, now - options.crl_validity));
    for (const auto& record : revoked) {
        TRY(auto serial, from_hex(record.serial));
        content.revoked.push_back({std::move(serial), record.revoked.value_or(now), record.revocation_reason});
    }
    TRY(content.number, ledger.next_crl_number(options.name));
    return crypto::build_crl(content, issuer, sign);
}

}  // namespace countersign::ca
