// Keys in files: PKCS#8 or traditional PEM, unencrypted, readable by the owner alone.
// Loaded keys live in memory until the last holder lets go; operations take no lock.
#pragma once

#include "countersign/keys/key.hpp"

#include <filesystem>

namespace countersign::keys {

// Understands "file:PATH" (relative paths below `base`) . A file that group or others can read is refused with the
// chmod that mends it. RSA 2048 to 8192 bits (private keys below 2048 are refused), P-256, P-384 and P-521.
class FileKeySource final : public KeySource {
public:
    explicit FileKeySource(std::filesystem::path base) : base_(std::move(base)) {}
    Result<std::shared_ptr<Key>> open(std::string_view uri) override;
    // A PEM file that only its owner can read, forced to the disk; its directory must exist. A key in a file is good
    // for either use.
    Result<std::shared_ptr<Key>> generate(std::string_view uri, GeneratedKey kind, KeyUse use, Random& random) override;
    Result<void> probe() override { return boost::system::in_place_value; }
    void close() override {}

private:
    std::filesystem::path base_;
};

// A new private key as PKCS#8 PEM.
Result<Secret> generate_private_key_pem(GeneratedKey kind);
// A key held in memory from PEM text: for clients (probe, tests), never for the RA.
Result<std::shared_ptr<Key>> key_from_pem(const Secret& pem, std::string description);

}  // namespace countersign::keys
