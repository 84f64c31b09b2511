#include "countersign/admin/basic.hpp"

#include "countersign/admin/password_hash.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/crypto/encoding.hpp"

#include <algorithm>
#include <thread>

namespace countersign::admin {
namespace {

constexpr std::chrono::minutes remembered_for{10};
constexpr std::size_t most_remembered = 10000;
constexpr int most_waiting = 4;
constexpr std::chrono::seconds longest_wait{5};
constexpr std::size_t longest_credentials = 2048;

struct NameAndPassword {
    std::string name;
    Secret password;
};

std::optional<NameAndPassword> decode(std::string_view credentials) {
    if (credentials.size() > longest_credentials) return std::nullopt;
    auto octets = crypto::from_base64(trim(credentials));
    if (!octets) return std::nullopt;
    const Secret text{ByteView(*octets)};
    wipe_memory(octets->data(), octets->size());
    const auto colon = text.reveal_text().find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    return NameAndPassword{std::string(text.reveal_text().substr(0, colon)),
                           Secret(text.reveal_text().substr(colon + 1))};
}

std::ptrdiff_t hashes_at_a_time() {
    return std::max<std::ptrdiff_t>(1, std::thread::hardware_concurrency() / 2);
}

}  // namespace

Basic::Basic(std::shared_ptr<const Accounts> accounts, const Clock& clock, Random& random)
    : accounts_(std::move(accounts)), clock_(clock), key_(random.bytes(32)), hashing_(hashes_at_a_time()) {
    hash_of_nobody();  // made now, or the first unknown name would take longer than the rest
}

bool Basic::is_brought_by(const net::Request& request) const {
    return credentials_for("Basic", request).has_value();
}

std::string Basic::invitation() const {
    return "Basic realm=\"Network Device Enrollment Service\"";
}

std::string Basic::claimed(const net::Request& request) const {
    const auto decoded = decode(credentials_for("Basic", request).value_or(""));
    if (!decoded) return {};
    // The account that would be opened, so that ways to write its name are not ways around the count.
    const auto account = accounts_->by_user_name(decoded->name);
    return account ? account->name : to_lower(decoded->name);
}

std::string Basic::mac_of(std::string_view credentials) const {
    return lower_hex(crypto::hmac_sha256(key_.reveal(), as_bytes(credentials)));
}

std::shared_ptr<const Account> Basic::remembered(const net::Request& request) {
    const auto credentials = credentials_for("Basic", request);
    if (!credentials || credentials->size() > longest_credentials) return nullptr;
    const auto mac = mac_of(*credentials);
    const std::lock_guard lock(mutex_);
    const auto found = memory_.find(mac);
    if (found == memory_.end()) return nullptr;
    // Nor longer after the clock was set back.
    const auto left = found->second.until - clock_.now();
    if (left <= Time::duration::zero() || left > remembered_for) return nullptr;
    return found->second.account;
}

void Basic::remember(std::string_view credentials, const std::shared_ptr<const Account>& account) {
    const auto mac = mac_of(credentials);
    const Time now = clock_.now();
    const std::lock_guard lock(mutex_);
    if (memory_.size() >= most_remembered)
        std::erase_if(memory_, [&](const auto& one) { return one.second.until <= now; });
    if (memory_.size() >= most_remembered) memory_.clear();
    memory_.insert_or_assign(mac, Memory{account, now + remembered_for});
}

std::optional<bool> Basic::matches(const Secret& password, const std::string& hash) {
    if (!hashing_.try_acquire()) {
        const bool room = waiting_.fetch_add(1) < most_waiting && hashing_.try_acquire_for(longest_wait);
        --waiting_;
        if (!room) return std::nullopt;
    }
    struct Permit {
        std::counting_semaphore<>& hashing;
        ~Permit() { hashing.release(); }
    };
    const Permit permit{hashing_};
    return password_matches(password, hash);
}

Verdict Basic::judge(const net::Request& request) {
    const auto credentials = credentials_for("Basic", request).value_or("");
    const auto decoded = decode(credentials);
    if (!decoded) return Unproven{"the Basic credentials are not base64 of name:password"};
    const auto account = accounts_->by_user_name(decoded->name);
    const bool openable = account && !account->password_hash.empty();
    const auto match = matches(decoded->password, openable ? account->password_hash : hash_of_nobody());
    if (!match) return Busy{};
    if (!openable) return Unproven{account ? "this account has no password" : "there is no such account"};
    if (!*match) return Unproven{"wrong password"};
    remember(credentials, account);
    return Proven{account, {}};
}

}  // namespace countersign::admin
