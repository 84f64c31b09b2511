#include "transaction.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"

#include <charconv>

namespace countersign::ca::cmp {
namespace {

constexpr std::string_view mark = "cmp1";

template <class Number>
std::optional<Number> number(const std::string& text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::string State::handle() const {
    return join({std::string(mark), lower_hex(id), lower_hex(nonce), std::to_string(request_id),
                 std::to_string(to_milliseconds(not_before)), key, crypto::base64(certificate), confirmed ? "1" : "0"},
                ":");
}

std::optional<State> State::from(const std::string& handle) {
    const auto parts = split(handle, ':');
    // Those of seven parts are of versions that kept a certificate only after its confirmation.
    if ((parts.size() != 7 && parts.size() != 8) || parts[0] != mark) return std::nullopt;
    if (parts.size() == 8 && parts[7] != "0" && parts[7] != "1") return std::nullopt;
    const auto id = from_hex(parts[1]);
    const auto nonce = from_hex(parts[2]);
    const auto request_id = number<std::int64_t>(parts[3]);
    const auto not_before = number<std::int64_t>(parts[4]);
    const auto certificate = crypto::from_base64(parts[6]);
    if (!id || id->empty() || !nonce || !request_id || !not_before || !certificate) return std::nullopt;
    return State{*id,
                 *nonce,
                 *request_id,
                 from_milliseconds(*not_before),
                 parts[5],
                 *certificate,
                 parts.size() == 7 ? !certificate->empty() : parts[7] == "1"};
}

}  // namespace countersign::ca::cmp
