// How far a sign-in must be tied to the TLS connection it arrives on (RFC 5929 tls-server-end-point, what Windows calls
// Extended Protection), so that whoever was lured into signing in elsewhere is not relayed to us. A value.
#pragma once

namespace countersign::admin {

enum class ChannelBinding {
    required,      // a client that sends no binding is refused, and so is everybody where there is no TLS of our own
    when_offered,  // checked if the client sends one
    off,           // not looked at
};
// Bindings that are there and wrong are refused by `required` and `when_offered` alike.

}  // namespace countersign::admin
