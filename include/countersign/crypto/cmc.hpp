// Certificate Management over CMS (RFC 5272) as far as an enrollment agent needs it: a full PKI request around one
// PKCS#10, and what became of it. Pure functions; any thread.
#pragma once

#include "countersign/core/bytes.hpp"

#include <string>
#include <string_view>

namespace countersign::crypto {

inline constexpr std::string_view cmc_pki_data_type = "1.3.6.1.5.5.7.12.2";      // id-cct-PKIData
inline constexpr std::string_view cmc_pki_response_type = "1.3.6.1.5.5.7.12.3";  // id-cct-PKIResponse

// PKIData with no controls and this one certification request (RFC 5272 3.2.1): the content of the SignedData.
Bytes build_pki_data(ByteView certification_request_der);

// CMCStatus (RFC 5272 6.1.3).
enum class CmcStatus {
    success = 0,
    failed = 2,
    pending = 3,
    no_support = 4,
    confirm_required = 5,
    pop_required = 6,
    partial = 7
};
struct CmcResponse {
    CmcStatus status = CmcStatus::failed;
    std::string text;  // the other side's words and CMCFailInfo, printable()
};
// PKIResponse: the worst status in it. malformed: no such thing, or no status information.
Result<CmcResponse> read_pki_response(ByteView der);

}  // namespace countersign::crypto
