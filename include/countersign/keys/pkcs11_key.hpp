// Keys in tokens (HSMs, smart cards) through PKCS#11 v2.40, named by RFC 7512 URIs.
//
// A source owns the modules it loaded, one login per token and a bounded pool of sessions; keys share them. A token
// that goes away and comes back is found again without a restart: operations answer `unavailable` meanwhile, and a
// token that stays away is asked again only after a pause. All functions block; all are safe on many threads, close()
// included. Destroy the source inside main(): modules do not survive the end of their process's libraries.
#pragma once

#include "countersign/keys/key.hpp"

#include <chrono>
#include <filesystem>
#include <functional>

namespace countersign::keys {

struct Pkcs11Options {
    std::filesystem::path directory;  // relative paths of pin-source=file: are below it
    std::filesystem::path module;     // for URIs without module-path; empty: every module p11-kit is configured with
    unsigned sessions = 8;            // most sessions in use at a time per token, beside the one that holds the login
    std::chrono::milliseconds first_pause{
        250};  // before a token that failed is asked again; doubles up to longest_pause
    std::chrono::milliseconds longest_pause{5000};
    std::chrono::milliseconds patience{10000};  // how long an operation waits for a session
    std::function<std::chrono::steady_clock::time_point()> now = [] { return std::chrono::steady_clock::now(); };
};

class Pkcs11KeySource final : public KeySource {
public:
    explicit Pkcs11KeySource(Pkcs11Options options);
    ~Pkcs11KeySource() override;
    Pkcs11KeySource(const Pkcs11KeySource&) = delete;
    Pkcs11KeySource& operator=(const Pkcs11KeySource&) = delete;

    // RSA 2048 to 4096, P-256 or P-384. The URI names one token (token, serial, ...), one private key on it (object,
    // id) and where the PIN is: pin-source=file:PATH, readable by its owner alone, or pin-source=credential:NAME of
    // systemd. The same URI gives the same Key while somebody holds it and the token still has it. What the key can do
    // is tried here. malformed also: a PIN in the URI, several keys or tokens that fit.
    Result<std::shared_ptr<Key>> open(std::string_view uri) override;

    // Makes a key pair on the token that never leaves it, for this use alone. conflict: there is an object of that
    // name.
    Result<std::shared_ptr<Key>> generate(std::string_view uri, GeneratedKey kind, KeyUse use, Random& random) override;

    // Whether the token of each key somebody holds answers and still has it.
    Result<void> probe() override;
    void close() override;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace countersign::keys
