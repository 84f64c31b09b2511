// SCEP over HTTP (RFC 8894 section 4): which operation a query names, and how a GET carries a message. Pure
// functions over foreign text; any thread.
#pragma once

#include "countersign/core/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace countersign::scep {

enum class Operation { get_ca_caps, get_ca_cert, get_next_ca_cert, pki_operation };

struct Query {
    // nullopt: `operation` is absent (landing page) when `operation_text` is empty, unknown otherwise.
    // Names match in any letter case.
    std::optional<Operation> operation;
    std::string operation_text;
    std::string message;  // percent-decoded, '+' left alone; empty when absent
};

// Reads the query part of a request target (without '?'). The first occurrence of a parameter wins. '+' is
// not a blank: Apple sends raw base64 (interop fact 1). A broken percent escape stays as it is.
Query parse_query(std::string_view query);

// The message of a GET PKIOperation: base64 after percent-decoding; blanks count as '+', line breaks are skipped,
// the URL alphabet and missing padding are accepted (interop facts 1 and 2), and a doubly escaped
// message is unescaped once more. malformed: anything else, or empty.
Result<Bytes> decode_get_message(std::string_view message);

}  // namespace countersign::scep
