#include "gss_rounds.hpp"

#include "countersign/crypto/encoding.hpp"

namespace countersign::admin::gss {
namespace {

constexpr std::size_t longest_token = 64 * 1024;  // octets; tickets of users in many groups are large
constexpr int most_rounds = 4;

std::shared_ptr<Conversation> take_from(net::Connection& connection) {
    const std::lock_guard lock(connection.mutex);
    return std::static_pointer_cast<Conversation>(std::exchange(connection.memory, nullptr));
}

void leave_in(net::Connection& connection, std::shared_ptr<Conversation> conversation) {
    const std::lock_guard lock(connection.mutex);
    connection.memory = std::move(conversation);
}

Round judge_binding(const RoundsOptions& options, Accepted accepted) {
    if (options.binding == ChannelBinding::required && !accepted.bound)
        return Unproven{"the client did not bind its sign-in to the TLS connection, which channel_binding requires"};
    return accepted;
}

}  // namespace

std::optional<Bytes> token_for(std::string_view word, const net::Request& request) {
    const auto credentials = credentials_for(word, request);
    if (!credentials || credentials->size() > longest_token / 3 * 4) return std::nullopt;
    auto token = crypto::from_base64(*credentials);
    if (!token || token->empty()) return std::nullopt;
    return *std::move(token);
}

Round go_a_round(const RoundsOptions& options, const net::Request& request, ByteView token, bool first) {
    auto& connection = *request.connection;
    auto conversation = take_from(connection);
    // A relayed client's TLS ends at the proxy, so our own certificate says nothing about it.
    const bool bindable = !connection.relayed && !connection.server_end_point.empty();
    if (options.binding == ChannelBinding::required && !bindable)
        return Unproven{"there is no TLS of our own to bind the sign-in to, which channel_binding requires"};
    if (first) {
        const bool bind = bindable && options.binding != ChannelBinding::off;
        conversation =
            std::make_shared<Conversation>(options.acceptor, bind ? ByteView(connection.server_end_point) : ByteView());
    } else if (!conversation || !conversation->belongs_to(*options.acceptor)) {
        return Unproven{"the token goes on with a sign-in that this connection did not begin"};
    }
    auto step = conversation->take(token);
    if (auto* accepted = std::get_if<Accepted>(&step)) return judge_binding(options, std::move(*accepted));
    if (auto* refused = std::get_if<Refused>(&step)) return Unproven{std::move(refused->reason)};
    if (connection.relayed)
        return Unproven{"the sign-in takes several requests, and a proxy may mix those of several clients"};
    if (conversation->rounds() >= most_rounds) return Unproven{"the sign-in takes too many requests"};
    leave_in(connection, std::move(conversation));
    return AnotherRound{options.word + " " + crypto::base64(std::get<GoOn>(step).token)};
}

}  // namespace countersign::admin::gss
