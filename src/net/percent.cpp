#include "countersign/net/percent.hpp"

#include "countersign/core/bytes.hpp"

namespace countersign::net {

Result<std::string> percent_decoded(std::string_view text) {
    std::string plain;
    plain.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            plain += text[i];
            continue;
        }
        const auto octet = from_hex(text.substr(i + 1, 2));
        if (!octet || octet->size() != 1) return fail::malformed("broken percent escape");
        plain += static_cast<char>(octet->front());
        i += 2;
    }
    return plain;
}

}  // namespace countersign::net
