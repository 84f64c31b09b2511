#include "countersign/scep/transport.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/encoding.hpp"

namespace countersign::scep {

namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && text.size() - i > 2) {
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high >= 0 && low >= 0) {
                out.push_back(static_cast<char>(high * 16 + low));
                i += 2;
                continue;
            }
        }
        out.push_back(text[i]);
    }
    return out;
}

std::optional<Operation> operation_named(std::string_view text) {
    if (equals_ignoring_case(text, "GetCACaps")) return Operation::get_ca_caps;
    if (equals_ignoring_case(text, "GetCACert")) return Operation::get_ca_cert;
    if (equals_ignoring_case(text, "GetNextCACert")) return Operation::get_next_ca_cert;
    if (equals_ignoring_case(text, "PKIOperation")) return Operation::pki_operation;
    return std::nullopt;
}

// To the standard alphabet without line breaks or padding; what is no base64 stays and is refused later.
std::string normalised_base64(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 2);
    for (const char c : text) {
        switch (c) {
            case '\r':
            case '\n': break;
            case ' ':
            case '-': out.push_back('+'); break;
            case '_': out.push_back('/'); break;
            default: out.push_back(c);
        }
    }
    for (int padding = 0; padding < 2 && !out.empty() && out.back() == '='; ++padding) out.pop_back();
    return out;
}

}  // namespace

Query parse_query(std::string_view query) {
    Query result;
    bool operation_seen = false;
    bool message_seen = false;
    for (const auto& parameter : split(query, '&')) {
        const std::string_view text = parameter;
        const auto separator = text.find('=');
        const std::string key = percent_decode(text.substr(0, separator));
        const std::string_view value =
            separator == std::string_view::npos ? std::string_view{} : text.substr(separator + 1);
        if (!operation_seen && equals_ignoring_case(key, "operation")) {
            operation_seen = true;
            result.operation_text = percent_decode(value);
        } else if (!message_seen && equals_ignoring_case(key, "message")) {
            message_seen = true;
            result.message = percent_decode(value);
        }
    }
    result.operation = operation_named(result.operation_text);
    return result;
}

Result<Bytes> decode_get_message(std::string_view message) {
    // '%' is in no base64 alphabet: where it is left, the sender escaped twice.
    const std::string once_more =
        message.find('%') != std::string_view::npos ? percent_decode(message) : std::string(message);
    std::string text = normalised_base64(once_more);
    if (text.empty()) return fail::malformed("the message of the GET request is empty");
    if (text.size() % 4 == 1) return fail::malformed("the message of the GET request is not base64");
    while (text.size() % 4 != 0) text.push_back('=');
    auto decoded = crypto::from_base64(text);
    if (!decoded) return fail::malformed("the message of the GET request is not base64");
    return decoded;
}

}  // namespace countersign::scep
