// The messages of [MS-WSTEP]: RequestSecurityToken out, RequestSecurityTokenResponseCollection or a fault back. Pure
// functions; any thread.
#pragma once

#include "countersign/core/bytes.hpp"
#include "countersign/core/result.hpp"
#include "envelope.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace countersign::ca::soap {

enum class TokenKind { pkcs7, cmc, pkcs10 };

// [MS-WSTEP] 3.1.4.1.1.1: RequestType Issue.
std::string issue_request(const Message& message, TokenKind kind, ByteView token, const std::string& template_name);
// RequestType QueryTokenStatus, about a request the CA holds.
std::string status_request(const Message& message, const std::string& request_id);

struct Answer {
    std::string disposition;           // DispositionMessage, as sent
    std::string request_id;            // digits; empty: none
    std::optional<Bytes> certificate;  // X.509 DER
    struct Fault {
        std::string reason;
        std::optional<std::uint32_t> code;  // HRESULT
        bool invalid_request = false;
    };
    std::optional<Fault> fault;
};
// malformed: no such message. DTDs, entities and processing instructions are left unread.
Result<Answer> read_answer(ByteView xml);

}  // namespace countersign::ca::soap
