#include "countersign/core/strict_json.hpp"

#include "countersign/core/text.hpp"

#include <algorithm>
#include <set>

namespace countersign {
namespace {

using nlohmann::json;

constexpr int deepest = 8;

bool has_control_characters(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

Result<json> parse_object(std::string_view text) {
    std::vector<std::set<std::string>> open;
    bool twice = false;
    bool too_deep = false;
    const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
        if (event == json::parse_event_t::object_start) open.emplace_back();
        if (event == json::parse_event_t::object_end) open.pop_back();
        if (event == json::parse_event_t::key && !open.empty()) {
            twice = twice || !open.back().insert(parsed.get<std::string>()).second;
        }
        too_deep = too_deep || depth > deepest;
        return true;
    };
    json object = json::parse(text, watch, false);
    if (object.is_discarded()) return fail::malformed("no JSON");
    if (!object.is_object()) return fail::malformed("JSON that is no object");
    if (twice) return fail::malformed("a JSON member stands twice");
    if (too_deep) return fail::malformed("JSON nested too deeply");
    return Result<json>(boost::system::in_place_value, std::move(object));
}

Error ObjectReader::wrong(const char* name, const char* what) const {
    return fail::malformed(where_ + "." + name + " " + what);
}

Result<std::string> ObjectReader::text(const char* name) const {
    const auto found = object_.find(name);
    if (found == object_.end()) return wrong(name, "is missing");
    if (!found->is_string()) return wrong(name, "is no text");
    auto value = found->get<std::string>();
    if (value.empty()) return wrong(name, "is empty");
    if (has_control_characters(value)) return wrong(name, "holds control characters");
    return value;
}

Result<std::string> ObjectReader::optional_text(const char* name) const {
    if (!has(name)) return std::string();
    return text(name);
}

Result<std::int64_t> ObjectReader::number(const char* name) const {
    const auto found = object_.find(name);
    if (found == object_.end()) return wrong(name, "is missing");
    constexpr std::uint64_t largest = 1ULL << 53U;  // beyond it JSON numbers differ between readers
    if (!found->is_number_unsigned() || found->get<std::uint64_t>() > largest) return wrong(name, "is no whole number");
    return found->get<std::int64_t>();
}

Result<std::vector<std::string>> ObjectReader::texts(const char* name) const {
    const auto found = object_.find(name);
    if (found == object_.end()) return wrong(name, "is missing");
    if (!found->is_array()) return wrong(name, "is no list");
    std::vector<std::string> list;
    for (const json& entry : *found) {
        if (!entry.is_string()) return wrong(name, "holds something that is no text");
        auto value = entry.get<std::string>();
        if (value.empty() || has_control_characters(value)) return wrong(name, "holds an empty or unprintable text");
        if (std::ranges::find(list, value) != list.end()) return wrong(name, "holds a text twice");
        list.push_back(std::move(value));
    }
    return list;
}

Result<void> ObjectReader::nothing_beyond(std::initializer_list<std::string_view> names) const {
    for (const auto& [name, value] : object_.items()) {
        if (std::ranges::find(names, std::string_view(name)) == names.end()) {
            return fail::malformed(where_ + "." + printable(name, 40) + " is not part of the format");
        }
    }
    return boost::system::in_place_value;
}

}  // namespace countersign
