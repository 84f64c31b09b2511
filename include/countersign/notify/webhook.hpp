// A receiver that takes letters as HTTP POSTs of signed JSON (docs/notifications.md is the specification).
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/core/secret.hpp"
#include "countersign/net/http_client.hpp"
#include "countersign/notify/receiver.hpp"

#include <memory>
#include <string>

namespace countersign::notify {

// The JSON of a letter. The same at every try: it holds what does not change after it happened. Pure.
std::string body_of(const Letter& letter);

// "v1=" and the HMAC-SHA-256, in lower-case hex, of timestamp, '.' and body. Pure.
std::string signature_of(const Secret& secret, const std::string& timestamp, std::string_view body);

struct WebhookOptions {
    std::string url;  // https, or http where the configuration allows it
    Secret secret;    // keys the signature
};

// Owns its options, shares the client, borrows the clock. Any status of 200 to 299 takes the letter.
class Webhook final : public Receiver {
public:
    Webhook(WebhookOptions options, std::shared_ptr<net::HttpClient> http, const Clock& clock)
        : options_(std::move(options)), http_(std::move(http)), clock_(clock) {}

    Result<void> deliver(const Letter& letter) override;

private:
    WebhookOptions options_;
    std::shared_ptr<net::HttpClient> http_;
    const Clock& clock_;
};

}  // namespace countersign::notify
