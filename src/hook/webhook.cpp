#include "countersign/hook/webhook.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/crypto/encoding.hpp"

namespace countersign::hook {
namespace {

constexpr std::string_view secret_prefix = "whsec_";
constexpr std::size_t shortest_secret = 24;
constexpr std::size_t longest_secret = 64;

}  // namespace

Result<Secret> webhook_secret_from(std::string_view text) {
    text = trim(text);
    const auto malformed = fail::malformed(
        "a webhook secret is whsec_ and 24 to 64 octets in base64: echo whsec_$(openssl rand -base64 32)");
    if (!text.starts_with(secret_prefix)) return malformed;
    auto octets = crypto::from_base64(text.substr(secret_prefix.size()));
    if (!octets) return malformed;
    Secret secret{ByteView(*octets)};
    wipe_memory(octets->data(), octets->size());
    if (secret.size() < shortest_secret || secret.size() > longest_secret) return malformed;
    return secret;
}

Result<std::string> Webhook::carry(const Letter& letter) {
    const auto timestamp =
        std::to_string(std::chrono::duration_cast<std::chrono::seconds>(letter.at.time_since_epoch()).count());
    net::ClientRequest request;
    request.method = "POST";
    request.url = url_;
    request.headers = {{"Content-Type", "application/json"},
                       {"Accept", "application/json"},
                       {"User-Agent", "countersign"},
                       {"webhook-id", letter.id},
                       {"webhook-timestamp", timestamp}};
    if (!secret_.empty()) {
        const std::string content = letter.id + "." + timestamp + "." + letter.body;
        request.headers.emplace_back("webhook-signature",
                                     "v1," + crypto::base64(crypto::hmac_sha256(secret_.reveal(), as_bytes(content))));
    }
    request.body = to_bytes(as_bytes(letter.body));
    TRY(const auto response, http_->send(request));
    if (response.status < 200 || response.status > 299)
        return fail::unavailable("it answered with HTTP status " + std::to_string(response.status));
    return std::string(as_text(response.body));
}

}  // namespace countersign::hook
