// What Intune is told afterwards: certificates issued, requests that failed, revocations carried out. A receiver of the
// outbox, so that a report outlives crashes and outages, and an enrollment never waits for one.
#pragma once

#include "countersign/intune/client.hpp"
#include "countersign/notify/receiver.hpp"

#include <memory>
#include <string>

namespace countersign::intune {

class Reports final : public notify::Receiver {
public:
    Reports(std::string caller_info, std::shared_ptr<Client> client)
        : caller_info_(std::move(caller_info)), client_(std::move(client)) {}

    // denied: Intune has a word against it.
    Result<void> deliver(const notify::Letter& letter) override;

private:
    Result<void> report_success(const notify::Letter& letter);
    Result<void> report_failure(const notify::Letter& letter);
    Result<void> upload_answer(const notify::Letter& letter);

    std::string caller_info_;
    std::shared_ptr<Client> client_;
};

}  // namespace countersign::intune
