// Bodies and queries of the admin API.
#include "admin/api/input.hpp"
#include "fuzz.hpp"

using namespace countersign;

FUZZ_TARGET(input) {
    if (auto members = admin::Members::read(input); members.has_value()) {
        static_cast<void>(members->number("count", 1, 100));
        if (const auto subject = members->text("subject", 100); subject.has_value() && subject->has_value()) {
            fuzz::expect((*subject)->size() <= 100, "texts are bounded");
            fuzz::expect((*subject)->find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
                         "texts hold no control characters");
        }
        if (const auto sans = members->texts("sans", 5, 50); sans.has_value())
            fuzz::expect(sans->size() <= 5, "lists are bounded");
        static_cast<void>(members->nothing_else());
    }
    const auto parameters = admin::Parameters::read(as_text(input), {"state", "limit", "all"});
    if (parameters.has_value()) {
        if (const auto limit = parameters->limit(); limit.has_value())
            fuzz::expect(*limit >= 1 && *limit <= admin::most_items, "a limit is bounded");
        static_cast<void>(parameters->flag("all"));
    }
}
