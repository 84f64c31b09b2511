#include "countersign/keys/file_key.hpp"

#include "openssl_key.hpp"
#include "private_file.hpp"

namespace countersign::keys {

namespace {

constexpr std::size_t largest_file = 64 * 1024;

Result<std::filesystem::path> path_of(std::string_view uri, const std::filesystem::path& base) {
    constexpr std::string_view scheme = "file:";
    if (!uri.starts_with(scheme)) return fail::malformed("not a file: key: " + std::string(uri));
    std::string_view rest = uri.substr(scheme.size());
    if (rest.starts_with("///")) rest.remove_prefix(2);
    if (rest.starts_with("//")) return fail::malformed("a file: key names a host; write file:/PATH");
    if (rest.empty()) return fail::malformed("a file: key without a path");
    if (rest.find('\0') != std::string_view::npos) return fail::malformed("a file: key with a NUL in its path");
    return base / std::filesystem::path(rest);
}

}  // namespace

Result<std::shared_ptr<Key>> FileKeySource::open(std::string_view uri) {
    TRY(const auto path, path_of(uri, base_));
    TRY(const Secret pem, read_private_file(path, largest_file, "private key"));
    auto key = openssl_key_from_pem(pem.reveal(), std::string(uri));
    if (!key) return within(path.string(), std::move(key).error());
    return key;
}

Result<std::shared_ptr<Key>> FileKeySource::generate(std::string_view uri, GeneratedKey kind, KeyUse use, Random&) {
    const bool rsa = kind != GeneratedKey::ec_p256 && kind != GeneratedKey::ec_p384;
    if (use == KeyUse::unwrap && !rsa) return fail::denied("only an RSA key opens envelopes");
    TRY(const auto path, path_of(uri, base_));
    TRY(const Secret pem, generate_private_key_pem(kind));
    CHECK(write_private_file(path, pem));
    return open(uri);
}

}  // namespace countersign::keys
