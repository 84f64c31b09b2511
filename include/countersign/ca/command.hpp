// A program of the administrator's as a CA: one run for each question, JSON on its standard input, the certificate on
// its standard output, the answer's kind in its exit code (docs/ca-exec.md is the specification).
//
// No shell; an environment of our own making; output, time and leftovers are bounded: what it started dies with it.
// Blocking; safe on many threads. Borrows the clock.
#pragma once

#include "countersign/ca/backend.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace countersign::ca {

struct CommandCaOptions {
    std::string name{};               // the CA's in the configuration
    std::filesystem::path program{};  // absolute
    std::vector<std::string> arguments{};
    std::vector<std::string> environment{};  // "NAME=VALUE", beside PATH and LANG
    std::filesystem::path directory = "/";   // where it runs
    std::chrono::milliseconds time_limit{60'000};
    std::size_t output_limit = 256 * 1024;
    std::vector<crypto::Certificate> chain{};        // issuing CA first, root last
    std::map<std::string, std::string> templates{};  // our names to the CA's; absent: the same
};

class CommandCa final : public Backend, public Revoker {
public:
    CommandCa(CommandCaOptions options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}

    Result<Outcome> submit(const CountersignedRequest& request, const std::string& idempotency_key) override;
    Result<Outcome> poll(const std::string& handle) override;
    Result<std::optional<Outcome>> reconcile(const std::string& idempotency_key, Time asked) override;
    std::vector<crypto::Certificate> chain() const override { return options_.chain; }
    Result<void> probe() override;
    Revoker* revoker() override { return this; }
    std::string describe() const override { return "command " + options_.program.string(); }

    // denied: the command revokes nothing.
    Result<void> revoke(const std::string& serial_hex, int reason, Time when) override;
    Result<Bytes> crl(Time now) override;

private:
    struct Answer;
    Result<Answer> ask(const std::string& question) const;
    Result<Outcome> outcome_of(const Answer& answer) const;

    const CommandCaOptions options_;
    const Clock& clock_;
};

}  // namespace countersign::ca
