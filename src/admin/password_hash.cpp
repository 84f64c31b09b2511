#include "countersign/admin/password_hash.hpp"

#include <crypt.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

namespace countersign::admin {
namespace {

// libxcrypt counts the terminating NUL.
constexpr std::size_t longest_password = CRYPT_MAX_PASSPHRASE_SIZE - 1;

bool usable(const Secret& password) {
    const std::string_view text = password.reveal_text();
    return !text.empty() && text.size() <= longest_password && text.find('\0') == std::string_view::npos;
}

// crypt_data is 32 KiB of state derived from the password: too large for a coroutine's or thread's stack, and to be
// wiped.
struct CryptState {
    std::unique_ptr<crypt_data> data = std::make_unique<crypt_data>();
    ~CryptState() { wipe_memory(data.get(), sizeof(crypt_data)); }
};

// Empty: crypt(3) does not know the setting.
std::string crypted(const Secret& password, const std::string& setting) {
    const Secret terminated(std::string(password.reveal_text()) + '\0');
    CryptState state;
    const char* phrase = reinterpret_cast<const char*>(terminated.reveal().data());
    const char* result = ::crypt_rn(phrase, setting.c_str(), state.data.get(), sizeof(crypt_data));
    return result != nullptr && result[0] != '*' ? std::string(result) : std::string();
}

}  // namespace

Result<std::string> hash_password(const Secret& password, Random& random) {
    if (!usable(password)) return fail::malformed("a password must have 1 to 511 octets and no NUL");
    const Bytes salt = random.bytes(32);
    std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
    const char* made =
        ::crypt_gensalt_rn("$y$", 0, reinterpret_cast<const char*>(salt.data()), static_cast<int>(salt.size()),
                           setting.data(), static_cast<int>(setting.size()));
    if (made == nullptr) return fail::internal("libcrypt makes no yescrypt salt");
    std::string hash = crypted(password, setting.data());
    if (hash.empty()) return fail::internal("libcrypt makes no yescrypt hash");
    return hash;
}

bool password_matches(const Secret& password, const std::string& hash) {
    if (!usable(password) || !check_password_hash(hash)) return false;
    const std::string made = crypted(password, hash);
    if (made.empty()) return false;
    return Secret(made).equals(as_bytes(hash));
}

Result<void> check_password_hash(const std::string& hash) {
    constexpr std::array<std::string_view, 5> methods{"$y$", "$gy$", "$7$", "$2b$", "$6$"};
    const bool known = std::ranges::any_of(methods, [&](std::string_view method) { return hash.starts_with(method); });
    if (!known)
        return fail::malformed("no password hash of a kind still safe; make one with `countersign hash-password`");
    // The salt alone passes crypt_checksalt; a whole hash ends in the digest, at least 31 characters after the last
    // '$'.
    const auto last = hash.rfind('$');
    const bool whole = hash.size() - last - 1 >= 31 && hash.size() < CRYPT_OUTPUT_SIZE;
    if (!whole || ::crypt_checksalt(hash.c_str()) != CRYPT_SALT_OK) {
        return fail::malformed("a damaged password hash; make one with `countersign hash-password`");
    }
    return boost::system::in_place_value;
}

const std::string& hash_of_nobody() {
    static const std::string hash = [] {
        SystemRandom random;
        return hash_password(Secret(lower_hex(random.bytes(32))), random).value();
    }();
    return hash;
}

}  // namespace countersign::admin
