// What the error codes of AD CS mean to whoever runs this RA. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace countersign::ca {

// The CA has no request of that number: nothing it decided about one.
inline constexpr std::uint32_t no_such_request = 0x80094002;

// "0x80094800 CERTSRV_E_UNSUPPORTED_CERT_TYPE: the CA does not issue ..."; the code alone when it is not a known one.
std::string explain_hresult(std::uint32_t code);
// The CA was not reached: nothing happened, later is fine.
bool means_unavailable(std::uint32_t code);
// The first error code ("0x8.......") in a text; nullopt: none.
std::optional<std::uint32_t> hresult_in(std::string_view text);

}  // namespace countersign::ca
