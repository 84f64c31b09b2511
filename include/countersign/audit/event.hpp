// One structured event per decision, and where events go.
//
// Every event id stands in the catalogue (audit/catalogue.hpp), whose text becomes the manual. Fields never hold a
// secret; foreign text in them has been through printable().
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/core/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace countersign::audit {

enum class Severity { info, warning, alert };  // alert: someone should look today
std::string_view name(Severity severity);

struct Event {
    std::string_view id;  // from the catalogue, e.g. "enrollment.issued"
    Severity severity = Severity::info;
    using Value = std::variant<std::string, std::int64_t, bool, std::vector<std::string>>;
    std::vector<std::pair<std::string, Value>> fields;

    explicit Event(std::string_view event_id, Severity event_severity = Severity::info)
        : id(event_id), severity(event_severity) {}
    Event& with(std::string key, Value value) {
        fields.emplace_back(std::move(key), std::move(value));
        return *this;
    }
};

// Blocking, safe on many threads. An error means the event is not recorded; whoever was about to act on the
// decision must then not act (design section 4).
class Sink {
public:
    virtual ~Sink() = default;
    virtual Result<void> record(const Event& event) = 0;
};

}  // namespace countersign::audit
