#include "countersign/crypto/encoding.hpp"

#include "countersign/crypto/ossl.hpp"

#include <limits>
#include <stdexcept>

namespace countersign::crypto {
namespace {

constexpr std::size_t largest = std::numeric_limits<int>::max() / 2;
constexpr std::size_t pem_columns = 64;

bool is_base64_digit(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

std::string without_blanks(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c != '\n' && c != '\r' && c != ' ' && c != '\t') result += c;
    }
    return result;
}

}  // namespace

std::string base64(ByteView bytes) {
    if (bytes.size() > largest) throw std::length_error("base64");
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int length =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(length));
    return text;
}

Result<Bytes> from_base64(std::string_view text) {
    if (text.empty()) return Bytes{};
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    bool plain = text.size() % 4 == 0 && text.size() <= largest;
    for (std::size_t i = 0; plain && i + padding < text.size(); ++i) plain = is_base64_digit(text[i]);
    if (!plain) return fail::malformed("not base64");
    Bytes bytes(text.size() / 4 * 3);
    const int length = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                       static_cast<int>(text.size()));
    if (length < 0 || static_cast<std::size_t>(length) != bytes.size()) return fail::malformed("not base64");
    bytes.resize(bytes.size() - padding);
    return bytes;
}

std::string base64url(ByteView bytes) {
    std::string text = base64(bytes);
    while (text.ends_with('=')) text.pop_back();
    for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
    return text;
}

Result<Bytes> from_base64url(std::string_view text) {
    const Error refused = fail::malformed("not base64url");
    if (text.size() > largest || text.size() % 4 == 1) return refused;
    std::string standard(text);
    for (char& c : standard) {
        if (c == '+' || c == '/' || c == '=') return refused;
        c = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    standard.append((4 - standard.size() % 4) % 4, '=');
    const auto bytes = from_base64(standard);
    if (!bytes || base64url(*bytes) != text) return refused;
    return *bytes;
}

std::string to_pem(std::string_view label, ByteView der) {
    std::string text = "-----BEGIN " + std::string(label) + "-----\n";
    const std::string body = base64(der);
    for (std::size_t i = 0; i < body.size(); i += pem_columns) text += body.substr(i, pem_columns) + "\n";
    return text + "-----END " + std::string(label) + "-----\n";
}

Result<std::vector<Bytes>> from_pem(std::string_view text, std::string_view label) {
    const std::string begin = "-----BEGIN " + std::string(label) + "-----";
    const std::string end = "-----END " + std::string(label) + "-----";
    std::vector<Bytes> blocks;
    while (true) {
        const auto start = text.find(begin);
        if (start == std::string_view::npos) break;
        text.remove_prefix(start + begin.size());
        const auto stop = text.find(end);
        if (stop == std::string_view::npos) return fail::malformed("PEM: no end of a " + std::string(label) + " block");
        auto bytes = from_base64(without_blanks(text.substr(0, stop)));
        if (!bytes || bytes->empty())
            return fail::malformed("PEM: a " + std::string(label) + " block that is not base64");
        blocks.push_back(*std::move(bytes));
        text.remove_prefix(stop + end.size());
    }
    if (blocks.empty()) return fail::not_found("PEM: no " + std::string(label) + " block");
    return blocks;
}

}  // namespace countersign::crypto
