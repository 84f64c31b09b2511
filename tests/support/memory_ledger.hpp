// store::Issued in memory, with a switch that makes the database be away. Safe on many threads.
#pragma once

#include "countersign/store/issued.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>

namespace countersign::test {

class MemoryLedger final : public store::Issued {
public:
    std::atomic<bool> away{false};

    Result<void> insert(const store::IssuedCertificate& certificate) override {
        if (away) return absent();
        const std::lock_guard lock(mutex_);
        if (locate(certificate.ca, certificate.serial) != nullptr) return fail::conflict("the serial exists");
        rows_.push_back(certificate);
        return boost::system::in_place_value;
    }
    Result<std::optional<store::IssuedCertificate>> find(const std::string& ca, const std::string& serial) override {
        if (away) return absent();
        const std::lock_guard lock(mutex_);
        const auto* row = locate(ca, serial);
        return row == nullptr ? std::optional<store::IssuedCertificate>{} : std::optional(*row);
    }
    Result<std::vector<store::IssuedCertificate>> find_by_serial(const std::string& serial) override {
        return select([&](const auto& row) { return row.serial == serial; });
    }
    Result<std::vector<store::IssuedCertificate>> list(const store::IssuedFilter& filter) override {
        return select([&](const auto& row) { return row.subject.find(filter.subject_contains) != std::string::npos; });
    }
    Result<void> revoke(const std::string& ca, const std::string& serial, int reason, Time when) override {
        if (away) return absent();
        const std::lock_guard lock(mutex_);
        auto* row = locate(ca, serial);
        if (row == nullptr) return fail::not_found("no such certificate");
        if (row->revoked) return fail::conflict("revoked already");
        row->revoked = when;
        row->revocation_reason = reason;
        ++revocations_;
        return boost::system::in_place_value;
    }
    Result<std::vector<store::IssuedCertificate>> revoked(const std::string& ca, Time now) override {
        return select([&](const auto& row) { return row.ca == ca && row.revoked && row.not_after >= now; });
    }
    Result<std::uint64_t> revocation_version(const std::string&) override {
        if (away) return absent();
        return revocations_.load();
    }
    Result<std::uint64_t> next_crl_number(const std::string&) override {
        if (away) return absent();
        return ++crl_number_;
    }

private:
    static Error absent() { return fail::unavailable("the test took the ledger away"); }

    store::IssuedCertificate* locate(const std::string& ca, const std::string& serial) {
        const auto row = std::ranges::find_if(rows_, [&](const auto& r) { return r.ca == ca && r.serial == serial; });
        return row == rows_.end() ? nullptr : &*row;
    }
    template <class Wanted>
    Result<std::vector<store::IssuedCertificate>> select(Wanted wanted) {
        if (away) return absent();
        const std::lock_guard lock(mutex_);
        std::vector<store::IssuedCertificate> found;
        std::ranges::copy_if(rows_, std::back_inserter(found), wanted);
        return found;
    }

    std::mutex mutex_;
    std::vector<store::IssuedCertificate> rows_;
    std::atomic<std::uint64_t> revocations_{0};
    std::atomic<std::uint64_t> crl_number_{0};
};

}  // namespace countersign::test
