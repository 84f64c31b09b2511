// A hook that is a program of the administrator's: one run for each question, JSON on its standard input, the answer on
// its standard output, exit code 0 (docs/policy-hooks.md).
//
// No shell; an environment of our own making; what it started dies with it. Blocking; safe on many threads.
#pragma once

#include "countersign/hook/carrier.hpp"

#include <chrono>
#include <filesystem>
#include <vector>

namespace countersign::hook {

struct CommandOptions {
    std::filesystem::path program{};  // absolute
    std::vector<std::string> arguments{};
    std::vector<std::string> environment{};  // "NAME=VALUE", beside PATH and LANG
    std::filesystem::path directory = "/";   // where it runs
    std::chrono::milliseconds time_limit{5'000};
};

class Command final : public Carrier {
public:
    explicit Command(CommandOptions options) : options_(std::move(options)) {}

    // Any exit code but 0 is no answer; the last line of its standard error says why.
    Result<std::string> carry(const Letter& letter) override;
    std::string describe() const override { return "command " + options_.program.string(); }

private:
    const CommandOptions options_;
};

}  // namespace countersign::hook
