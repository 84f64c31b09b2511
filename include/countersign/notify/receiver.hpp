// The seam for whoever is told what happened here: a webhook, Intune.
#pragma once

#include "countersign/core/result.hpp"
#include "countersign/store/outbox.hpp"

#include <optional>

namespace countersign::notify {

// A notification with the records it is about, as they are when it is delivered.
struct Letter {
    store::Notification notification;
    std::optional<store::Attempt> attempt;
    std::optional<store::IssuedCertificate> certificate;
};

// Contract: blocking, for as long as the implementation's own time limits allow; called by one thread at a time. The
// same letter may be delivered more than once (a crash, an answer that was lost): its id tells the receiver.
//
// unavailable, outcome_unknown, throttled: the receiver is away or busy, so the next letter need not be tried now.
// Anything else: it was refused; others may be taken. Either way it is tried again later.
class Receiver {
public:
    virtual ~Receiver() = default;
    virtual Result<void> deliver(const Letter& letter) = 0;
};

}  // namespace countersign::notify
