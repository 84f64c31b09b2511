// The file through which a test tells the fault shim in a running daemon what shall fail. Owns file and mapping.
#pragma once

#include "fault_control.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace countersign::test {

class FaultOrders {
public:
    // Throws std::runtime_error.
    explicit FaultOrders(std::filesystem::path file);
    ~FaultOrders();
    FaultOrders(const FaultOrders&) = delete;
    FaultOrders& operator=(const FaultOrders&) = delete;

    // For ServerProcess.
    std::vector<std::string> environment(const std::string& shim) const;

    struct Fault {
        std::uint32_t calls = 0;  // of FaultyCall
        int error = 0;
        std::string prefix{};  // of the files' paths; empty: every call
    };
    // The calls after the first `pass` fail, `fail` of them.
    void arm(const Fault& fault, std::int64_t pass, std::int64_t fail);
    void disarm() { rule().calls.store(0); }
    // Since it was armed, or disarmed after that.
    std::uint64_t seen() const { return rule().seen.load(); }
    std::uint64_t failed() const { return rule().failed.load(); }

private:
    FaultRule& rule() const { return control_->rules[0]; }

    std::filesystem::path file_;
    FaultControl* control_ = nullptr;
};

}  // namespace countersign::test
