#include "countersign/crypto/ossl.hpp"

#include <array>

namespace countersign::crypto {

std::string openssl_error() {
    std::string text;
    while (const unsigned long code = ERR_get_error()) {
        std::array<char, 256> line{};
        ERR_error_string_n(code, line.data(), line.size());
        if (!text.empty()) text += "; ";
        text += line.data();
    }
    throw_if_memory_was_short();
    return text.empty() ? "no OpenSSL error" : text;
}

void openssl_refused() {
    ERR_clear_error();
    throw_if_memory_was_short();
}

}  // namespace countersign::crypto
