#include "countersign/keys/successor.hpp"

#include "countersign/core/text.hpp"

#include <algorithm>

namespace countersign::keys {
namespace {

constexpr std::string_view token_scheme = "pkcs11:";
constexpr std::string_view object = "object=";
constexpr std::string_view mark_sign = "-r";

// "agent-r0123456789ab" -> "agent"
std::string_view without_mark(std::string_view label, std::size_t mark_length) {
    const std::size_t tail = mark_sign.size() + mark_length;
    if (label.size() <= tail || label.substr(label.size() - tail, mark_sign.size()) != mark_sign) return label;
    const auto mark = label.substr(label.size() - mark_length);
    const bool hexadecimal = mark.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    return hexadecimal ? label.substr(0, label.size() - tail) : label;
}

}  // namespace

std::string successor_uri(std::string_view uri, const std::filesystem::path& directory, std::string_view name,
                          std::string_view mark) {
    const std::string marked = std::string(mark_sign) + std::string(mark);
    if (!uri.starts_with(token_scheme))
        return "file:" + (directory / (std::string(name) + marked + ".key")).lexically_normal().string();

    const auto query = std::min(uri.find('?'), uri.size());
    std::vector<std::string> parts;
    std::string label(name);
    for (auto& part : split(uri.substr(token_scheme.size(), query - token_scheme.size()), ';')) {
        if (part.starts_with(object)) {
            label = without_mark(std::string_view(part).substr(object.size()), mark.size());
        } else if (!part.starts_with("id=")) {
            parts.push_back(std::move(part));
        }
    }
    parts.push_back(std::string(object) + label + marked);
    return std::string(token_scheme) + join(parts, ";") + std::string(uri.substr(query));
}

GeneratedKey successor_kind(const crypto::PublicKey& key) {
    if (key.is_rsa()) {
        if (key.bits() <= 2048) return GeneratedKey::rsa2048;
        return key.bits() <= 3072 ? GeneratedKey::rsa3072 : GeneratedKey::rsa4096;
    }
    return key.bits() <= 256 ? GeneratedKey::ec_p256 : GeneratedKey::ec_p384;
}

}  // namespace countersign::keys
