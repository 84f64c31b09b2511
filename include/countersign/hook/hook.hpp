// A policy hook: somebody outside who has a say in what is enrolled, by the four calls of an NDES policy module
// (INDESPolicy: Initialize, GenerateChallenge, VerifyRequest, Notify; docs/policy-hooks.md is the specification).
//
// It may let pass, deny, hold, or take something away from a certificate plan; it can never add to one. What it says is
// read strictly, and every doubt is an error: whoever asked must then not go on. Blocking, for no longer than the
// options say; safe on many threads. Owns its carrier, borrows clock and random.
#pragma once

#include "countersign/core/breaker.hpp"
#include "countersign/core/clock.hpp"
#include "countersign/core/random.hpp"
#include "countersign/crypto/certificate_request.hpp"
#include "countersign/hook/carrier.hpp"
#include "countersign/hook/turnstile.hpp"
#include "countersign/policy/narrow.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace countersign::hook {

enum class Call { initialize, generate, verify, notify };
std::string_view name(Call call);  // "initialize", ...
std::optional<Call> call_from(std::string_view name);

// What is known of the challenge a request came with; never its value.
struct ChallengeFacts {
    std::string kind;      // "one-time", "signed", ..., "renewal"
    std::string id{};      // names it in logs
    std::string device{};  // what the issuer of a signed one says of the device
    // What it was given for; empty: anything.
    std::string subject{};
    std::vector<std::string> sans{};
    std::string template_name{};
};

// A request that policy would let pass.
struct VerifyQuestion {
    std::string id;       // the same for the same request, also after a crash
    std::string request;  // how people and later notices name this attempt
    std::string profile;
    std::string template_name;
    policy::Purpose purpose = policy::Purpose::enroll;
    std::string transaction_id;
    std::string client;
    const crypto::CertificateRequest& csr;
    const crypto::Certificate* renewed = nullptr;  // purpose renew
    ChallengeFacts challenge;
    const crypto::CertificateContent& plan;
    Time now{};
};

// A one-time password somebody wants.
struct GenerateQuestion {
    std::string profile;
    std::string by;  // the account
    std::string subject{};
    std::vector<std::string> sans{};
    std::string template_name{};
    std::chrono::minutes valid{};
};
// What it shall be given for: as asked, or tied to more.
struct GenerateAnswer {
    std::string subject{};
    std::vector<std::string> sans{};
    std::string template_name{};
    std::chrono::minutes valid{};
};

// What became of a request or certificate. Delivered at least once: a hook knows repeated ones by their id.
struct Notice {
    std::string id;     // of this notice, the same each time it is delivered
    std::string event;  // "issued", "failed", "pending", "held", "revoked"
    Time at{};
    std::string profile;
    std::string request{};  // as VerifyQuestion::request
    std::string transaction_id{};
    std::string template_name{};
    std::string subject{};
    std::string serial{};
    Bytes certificate{};   // DER; empty: there is none
    std::string reason{};  // why failed, denied or revoked
};

// How a hook introduced itself.
struct Introduction {
    std::string name;
    std::string release{};
    std::set<Call> calls;
};

// How the traffic with a hook goes.
struct Traffic {
    bool circuit_open = false;
    std::size_t under_way = 0;  // asked, or waiting for their turn
    // By call and what came of it: "approved", "narrowed", "held", "denied", "overreached", "taken", "failed" (no
    // usable answer), "refused" (not asked: too many, or the circuit is open).
    std::map<std::pair<std::string, std::string>, std::uint64_t> answers{};
    double seconds = 0;
};

struct HookOptions {
    std::string name{};                         // in the configuration
    std::set<Call> calls{Call::verify};         // what it is asked, beside initialize
    std::size_t at_once = 8;                    // questions on their way at a time
    std::size_t queue = 32;                     // further ones that wait for their turn
    std::chrono::milliseconds patience{5'000};  // at most so long
    unsigned failures_to_open = 5;              // in a row; then nobody asks for a while
    std::chrono::milliseconds pause{10'000};
    std::chrono::milliseconds longest_pause{120'000};
};

class Hook {
public:
    Hook(HookOptions options, std::unique_ptr<Carrier> carrier, const Clock& clock, Random& random);
    ~Hook();

    const std::string& name() const { return options_.name; }
    std::string describe() const { return carrier_->describe(); }
    // Whether the configuration has it asked this.
    bool has(Call call) const { return options_.calls.contains(call); }

    // Who it is and what it answers; remembered once it is good. Asked by the others until then, so that a hook that
    // comes up late is found. unavailable: no usable answer, or it does not answer all it shall be asked.
    Result<Introduction> initialize();
    std::optional<Introduction> introduction() const;

    // Allow or Hold with the plan or less of it, or Deny; one that asked for more than the plan holds is a blameless
    // Deny with code HookOverreached. unavailable: there is no verdict, and nothing may be issued.
    Result<policy::Decision> verify(const VerifyQuestion& question);
    // denied: with the hook's reason. unavailable: no usable answer, such as one that loosens what was asked for.
    Result<GenerateAnswer> generate(const GenerateQuestion& question);
    // For whoever delivers notices, who waits and tries again; neither counted nor stopped by the circuit breaker.
    Result<void> notify(const Notice& notice);

    Traffic traffic() const;

private:
    // Through turnstile and breaker; `ask` is everything until the answer is read.
    template <class Ask>
    auto guarded(Call call, const Ask& ask) -> decltype(ask());
    Result<Introduction> introduce();
    Result<void> introduced();
    Result<std::string> carry(const std::string& id, std::string body);
    std::string fresh_id();
    void count(Call call, std::string_view answer);

    const HookOptions options_;
    const std::unique_ptr<Carrier> carrier_;
    const Clock& clock_;
    Random& random_;
    Breaker breaker_;
    Turnstile turnstile_;
    mutable std::mutex mutex_;
    std::optional<Introduction> introduction_;
    Traffic traffic_;
};

}  // namespace countersign::hook
