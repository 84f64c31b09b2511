// Challenges that Intune put into its own SCEP profiles: Intune alone can open them, and compares them with the
// request.
//
// It is asked before anything is signed, and no answer means no certificate: slow, away, lying and overlong are all
// `unavailable`, and the client may come again. So few are asked about at a time, and after failures in a row so
// seldom, that a dead Intune never takes the workers away from others. Asking twice about the same transaction is
// harmless (validateRequest is idempotent); a "yes" is remembered for seconds. Safe on many threads. Shares the client;
// borrows outbox and clock.
#pragma once

#include "countersign/challenge/verifier.hpp"
#include "countersign/intune/client.hpp"
#include "countersign/store/outbox.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace countersign::intune {

inline constexpr std::string_view challenge_kind = "intune";

struct VerifierOptions {
    std::string profile;
    std::string receiver;     // of what is to be reported, in the outbox
    std::string caller_info;  // how we name ourselves in requests
};

// How many may ask at a time, and when not at all: shared by the verifiers of a tenant. Safe on many threads.
class Gate {
public:
    Gate(std::size_t at_once, const Clock& clock) : free_(at_once), clock_(clock) {}

    // throttled: too many are asking. unavailable: it failed too often just now.
    Result<void> enter();
    void leave(bool answered);

private:
    std::mutex mutex_;
    std::size_t free_;
    const Clock& clock_;
    int failures_ = 0;  // in a row
    Time closed_until_{};
    std::string last_problem_;
};

class Verifier final : public challenge::Verifier {
public:
    Verifier(VerifierOptions options, std::shared_ptr<Client> client, std::shared_ptr<Gate> gate, store::Outbox& outbox,
             const Clock& clock)
        : options_(std::move(options)),
          client_(std::move(client)),
          gate_(std::move(gate)),
          outbox_(outbox),
          clock_(clock) {}

    // By its length: Intune's are kilobytes of base64, and a password of ours has at most 64 characters.
    bool recognises(const std::optional<Secret>& challenge) const override;
    // denied and expired begin with the word Intune has for it. unavailable, throttled: nobody knows.
    Result<challenge::Claim> reserve(const challenge::Facts& facts) override;
    Result<void> commit(const challenge::Claim& claim, challenge::ClaimOutcome outcome, Time now) override;
    // A request that Intune would have had a certificate for and our own policy refuses: Intune is told.
    Result<bool> release(const challenge::Claim& claim, challenge::ReleaseReason reason, Time now) override;

private:
    struct Validated {
        std::string transaction_id;
        std::string request;  // base64
        Time until{};
    };
    Result<void> ask(const Validated& about);
    std::optional<Validated> recall(const std::string& id, Time now);
    void remember(const std::string& id, Validated validated, Time now);

    VerifierOptions options_;
    std::shared_ptr<Client> client_;
    std::shared_ptr<Gate> gate_;
    store::Outbox& outbox_;
    const Clock& clock_;
    std::mutex mutex_;
    std::map<std::string, Validated> validated_;  // by claim id
};

}  // namespace countersign::intune
