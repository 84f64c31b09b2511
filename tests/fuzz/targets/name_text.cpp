// Names as people and configurations write them: RFC 4514 and the prefixed general names.
#include "countersign/crypto/general_name.hpp"
#include "countersign/crypto/name.hpp"
#include "fuzz.hpp"

using namespace countersign;

FUZZ_TARGET(input) {
    if (const auto name = crypto::Name::from_text(as_text(input)); name.has_value()) {
        const auto der = crypto::Name::from_der(name->der());
        fuzz::expect(der.has_value() && *der == *name, "what text makes is a DER name");
        const auto again = crypto::Name::from_text(name->text());
        fuzz::expect(again.has_value() && *again == *name, "a name's text makes the same name");
    }
    if (const auto name = crypto::general_name_from_text(as_text(input)); name.has_value()) {
        const auto again = crypto::general_name_from_text(crypto::to_text(*name));
        fuzz::expect(again.has_value() && *again == *name, "a general name's text makes the same name");
    }
}
