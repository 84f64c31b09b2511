// HTTP Basic (RFC 7617) against the accounts' own password hashes.
#pragma once

#include "countersign/admin/scheme.hpp"
#include "countersign/core/clock.hpp"
#include "countersign/core/random.hpp"
#include "countersign/core/secret.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <semaphore>
#include <unordered_map>

namespace countersign::admin {

// Hashing is slow on purpose, so only few passwords are hashed at a time and few requests wait for that: guessing never takes the
// workers away from enrollment. Credentials that were right are remembered for minutes, as a MAC under a key that lives as
// long as this object.
class Basic final : public Scheme {
public:
    Basic(std::shared_ptr<const Accounts> accounts, const Clock& clock, Random& random);

    std::string_view name() const override { return "basic"; }
    bool is_brought_by(const net::Request& request) const override;
    std::string invitation() const override;
    std::string claimed(const net::Request& request) const override;
    std::shared_ptr<const Account> remembered(const net::Request& request) override;
    Verdict judge(const net::Request& request) override;

private:
    struct Memory {
        std::shared_ptr<const Account> account;
        Time until{};
    };
    std::string mac_of(std::string_view credentials) const;
    void remember(std::string_view credentials, const std::shared_ptr<const Account>& account);
    // nullopt: no room.
    std::optional<bool> matches(const Secret& password, const std::string& hash);

    std::shared_ptr<const Accounts> accounts_;
    const Clock& clock_;
    Secret key_;
    std::counting_semaphore<> hashing_;
    std::atomic<int> waiting_{0};
    std::mutex mutex_;
    std::unordered_map<std::string, Memory> memory_;
};

}  // namespace countersign::admin
