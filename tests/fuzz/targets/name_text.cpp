// Names as people and configurations write them: RFC 4514 and the prefixed general names.
#include "countersign/crypto/general_name.hpp"
#include "countersign/crypto/name.hpp"
#include "crypto/der.hpp"
#include "fuzz.hpp"

#include <algorithm>
#include <array>

using namespace countersign;

namespace {

// Attributes that not every text can stand in: "#hex" may put others there, and then the text is not read back.
bool has_narrow_strings(const crypto::Name& name) {
    constexpr std::array<std::string_view, 4> narrow{"2.5.4.5", "2.5.4.6", "0.9.2342.19200300.100.1.25",
                                                     "1.2.840.113549.1.9.1"};
    return std::ranges::any_of(name.attributes(), [&](const auto& attribute) {
        return std::ranges::find(narrow, std::string_view(attribute.oid)) != narrow.end();
    });
}

// [4] EXPLICIT Name.
crypto::Name directory_name(const crypto::GeneralName& name) {
    return crypto::Name::from_der(crypto::read_single(name.der, "a general name")->content).value();
}

}  // namespace

FUZZ_TARGET(input) {
    if (const auto name = crypto::Name::from_text(as_text(input)); name.has_value()) {
        const auto der = crypto::Name::from_der(name->der());
        fuzz::expect(der.has_value() && *der == *name, "what text makes is a DER name");
        const auto again = crypto::Name::from_text(name->text());
        fuzz::expect(again ? again->matches(*name) : has_narrow_strings(*name), "a name's text makes the same name");
    }
    if (const auto name = crypto::general_name_from_text(as_text(input)); name.has_value()) {
        const auto again = crypto::general_name_from_text(crypto::to_text(*name));
        if (name->type != crypto::GeneralNameType::directory_name) {
            fuzz::expect(again.has_value() && *again == *name, "a general name's text makes the same name");
        } else {
            // In other strings, as above, and hence in another order.
            const auto before = directory_name(*name);
            fuzz::expect(again ? directory_name(*again).matches(before) : has_narrow_strings(before),
                         "a directory name's text makes the same name");
        }
    }
}
