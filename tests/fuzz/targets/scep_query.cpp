// The query of a GET: which operation, and the message in it.
#include "countersign/crypto/encoding.hpp"
#include "countersign/net/percent.hpp"
#include "countersign/scep/transport.hpp"
#include "fuzz.hpp"

using namespace countersign;

FUZZ_TARGET(input) {
    const auto query = scep::parse_query(as_text(input));
    fuzz::expect(!query.operation || !query.operation_text.empty(), "an operation has a name");
    static_cast<void>(net::percent_decoded(as_text(input)));
    for (const auto text : {std::string_view(query.message), as_text(input)}) {
        const auto message = scep::decode_get_message(text);
        if (!message.has_value()) continue;
        fuzz::expect(!message->empty(), "a message is not empty");
        const auto again = scep::decode_get_message(crypto::base64(*message));
        fuzz::expect(again.has_value() && *again == *message, "plain base64 of a message is that message");
    }
}
