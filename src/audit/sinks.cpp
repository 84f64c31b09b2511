#include "countersign/audit/sinks.hpp"

#include <nlohmann/json.hpp>

namespace countersign::audit {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Event::Value& value) {
    return std::visit([](const auto& held) { return Json(held); }, value);
}

}  // namespace

std::string to_json_line(const Event& event, Time time) {
    Json line = {{"time", to_rfc3339(time)}, {"event", event.id}, {"severity", name(event.severity)}};
    for (const auto& [key, value] : event.fields) {
        // A field may neither hide another nor pass for the event's own.
        std::string free_key = key;
        while (line.contains(free_key)) free_key += '_';
        line[free_key] = to_json(value);
    }
    // ASCII alone: whatever slipped through printable() cannot break or reorder a line on anybody's screen.
    return line.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Result<void> CallbackSink::record(const Event& event) {
    try {
        callback_(event.severity, to_json_line(event, clock_.now()));
        return {};
    } catch (const std::exception& exception) {
        return fail::unavailable(std::string("an audit callback failed: ") + exception.what());
    }
}

Result<void> TeeSink::record(const Event& event) {
    Result<void> result;
    for (const auto& sink : sinks_) {
        Result<void> recorded = sink->record(event);
        if (result && !recorded) result = std::move(recorded);
    }
    return result;
}

}  // namespace countersign::audit
