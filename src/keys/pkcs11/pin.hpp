// Where a PIN is read from, and the memory of a PIN that was refused. Private to the keys room.
#pragma once

#include "countersign/core/result.hpp"
#include "countersign/core/secret.hpp"

#include <filesystem>
#include <map>
#include <mutex>
#include <string>

namespace countersign::keys::pkcs11 {

// `source` as in a URI: "file:PATH" or "credential:NAME" (a file of $CREDENTIALS_DIRECTORY). Read anew at each login
// and kept nowhere. One line end behind the PIN is not part of it. Errors name the file and the way to mend it.
Result<Secret> read_pin(const std::string& source, const std::filesystem::path& directory);

// Tokens lock after a few wrong PINs, so one refusal is the last word on that PIN: no second try until the PIN's source
// holds something else. Shared by every way of reaching the same token. Any thread.
class PinLatch {
public:
    // Held while one thread tries a PIN, so that two never try the same wrong one.
    std::unique_lock<std::mutex> take() { return std::unique_lock(mutex_); }

    // Under take(): the reason for which this very PIN was refused by this token, or nothing.
    std::string refusal(const std::string& token, const Secret& pin) const;
    void remember(const std::string& token, const Secret& pin, std::string reason);
    void forget(const std::string& token) { refused_.erase(token); }

private:
    struct Refused {
        Secret pin;
        std::string reason;
    };
    std::mutex mutex_;
    std::map<std::string, Refused> refused_;
};

}  // namespace countersign::keys::pkcs11
