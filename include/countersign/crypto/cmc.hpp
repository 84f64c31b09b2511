// Certificate Management over CMS (RFC 5272) as far as an enrollment agent needs it: a full PKI request around one
// PKCS#10. Pure functions; any thread.
#pragma once

#include "countersign/core/bytes.hpp"

#include <string_view>

namespace countersign::crypto {

inline constexpr std::string_view cmc_pki_data_type = "1.3.6.1.5.5.7.12.2";  // id-cct-PKIData

// PKIData with no controls and this one certification request (RFC 5272 3.2.1): the content of the SignedData.
Bytes build_pki_data(ByteView certification_request_der);

}  // namespace countersign::crypto
