#include "countersign/audit/sinks.hpp"

#include "countersign/audit/catalogue.hpp"
#include "countersign/core/taken_apart.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace countersign::audit {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Event::Value& value) {
    return std::visit([](const auto& held) { return Json(held); }, value);
}

}  // namespace

std::string to_json_line(const Event& event, Time time, std::optional<std::uint64_t> seq) {
    Json line = Json::object();
    const TakenApart at_the_end(line);
    line.get_ref<Json::object_t&>().reserve(event.fields.size() + 5);  // growing would copy and destroy what it holds
    if (seq) line["seq"] = *seq;
    line["time"] = to_rfc3339(time);
    line["event"] = event.id;
    line["severity"] = name(event.severity);
    for (const auto& [key, value] : event.fields) {
        // A field may neither hide another nor pass for the event's own.
        std::string free_key = key;
        while (line.contains(free_key) || free_key == "seq" || free_key == "chain") free_key += '_';
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

CountingSink::CountingSink(std::unique_ptr<Sink> sink) : sink_(std::move(sink)), recorded_(catalogue().size()) {}

Result<void> CountingSink::record(const Event& event) {
    auto recorded = pass_on(event);
    if (!recorded) {
        ++failures_;
        ++lost_;
    } else if (lost_ > 0) {
        // The event is recorded; whether this is too, the next one or probe() sees.
        static_cast<void>(tell_resumed());
    }
    return recorded;
}

Result<void> CountingSink::probe() {
    return lost_ > 0 ? tell_resumed() : Result<void>();
}

Result<void> CountingSink::tell_resumed() {
    const auto lost = lost_.exchange(0);
    if (lost == 0) return {};  // somebody else tells it
    auto told = pass_on(
        Event(event::audit_resumed, severity_of(event::audit_resumed)).with("lost", static_cast<std::int64_t>(lost)));
    if (!told) lost_ += lost;
    return told;
}

Result<void> CountingSink::pass_on(const Event& event) {
    auto recorded = sink_->record(event);
    const auto entries = catalogue();
    const auto found = std::ranges::find(entries, event.id, &CatalogueEntry::id);
    if (recorded && found != entries.end()) ++recorded_[static_cast<std::size_t>(found - entries.begin())];
    return recorded;
}

std::vector<CountingSink::Count> CountingSink::counts() const {
    std::vector<Count> counts;
    for (std::size_t i = 0; i < recorded_.size(); ++i)
        counts.push_back({catalogue()[i].id, catalogue()[i].severity, recorded_[i].load()});
    return counts;
}

}  // namespace countersign::audit
