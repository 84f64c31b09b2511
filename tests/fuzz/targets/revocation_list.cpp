// What CAs publish, and anybody between them and us may have changed.
#include "countersign/crypto/revocation_list.hpp"
#include "fuzz.hpp"

using namespace countersign;

FUZZ_TARGET(input) {
    const auto list = crypto::RevocationList::from_octets(input);
    if (!list) return;
    const auto again = crypto::RevocationList::from_der(list->der());
    fuzz::expect(again && again->size() == list->size() && again->number() == list->number(),
                 "what was read reads the same again");
    fuzz::expect(!list->current_at(list->next_update(), std::chrono::minutes{5}), "no list counts at its end");
    // Every run of octets in the input is asked for as a serial number; each entry is among them.
    std::size_t found = 0;
    for (std::size_t at = 0; at + 2 < input.size() && at < 512; ++at) {
        const std::size_t length = input[at];
        if (length == 0 || length > input.size() - at - 1) continue;
        const auto revocation = list->find(input.subspan(at + 1, length));
        if (!revocation) continue;
        ++found;
        fuzz::expect(!crypto::revocation_reason_name(revocation->reason).empty(), "each reason has a name");
    }
    fuzz::expect(list->size() != 0 || found == 0, "an empty list names nobody");
}
