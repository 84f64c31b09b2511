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
    return text.empty() ? "no OpenSSL error" : text;
}

}  // namespace countersign::crypto
