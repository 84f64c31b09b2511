// A hook behind a URL: one POST for each question, signed as Standard Webhooks has it (docs/policy-hooks.md). That the
// answer is the hook's own is the business of TLS.
//
// Blocking; safe on many threads. Shares the client, whose time-outs and limits are the ones that count.
#pragma once

#include "countersign/core/secret.hpp"
#include "countersign/hook/carrier.hpp"
#include "countersign/net/http_client.hpp"

#include <memory>
#include <string_view>

namespace countersign::hook {

// "whsec_" and 24 to 64 octets in base64, as Standard Webhooks writes secrets. malformed: anything else; says nothing
// of what it holds.
Result<Secret> webhook_secret_from(std::string_view text);

class Webhook final : public Carrier {
public:
    // `url`: https, or http on this machine alone. `secret`: empty signs nothing.
    Webhook(std::string url, Secret secret, std::shared_ptr<net::HttpClient> http)
        : url_(std::move(url)), secret_(std::move(secret)), http_(std::move(http)) {}

    // Statuses from 200 to 299 are answers; all others, redirects too, are none.
    Result<std::string> carry(const Letter& letter) override;
    std::string describe() const override { return "webhook " + url_; }

private:
    const std::string url_;
    const Secret secret_;
    const std::shared_ptr<net::HttpClient> http_;
};

}  // namespace countersign::hook
