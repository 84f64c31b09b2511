#include "input.hpp"

#include "countersign/core/text.hpp"
#include "countersign/net/percent.hpp"

#include <algorithm>
#include <charconv>

namespace countersign::admin {
namespace {

using nlohmann::json;

constexpr int deepest = 4;

bool has_control_character(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Error wrong(const std::string& name, const std::string& what) {
    return fail::malformed("member \"" + name + "\" must be " + what);
}

Result<std::string> text_in(const json& value, const std::string& name, std::size_t longest) {
    if (!value.is_string()) return wrong(name, "a string, not " + std::string(value.type_name()));
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() > longest) return wrong(name, "at most " + std::to_string(longest) + " octets long");
    if (has_control_character(text)) return wrong(name, "free of control characters");
    return text;
}

Result<std::string> decoded(std::string text) {
    std::ranges::replace(text, '+', ' ');
    TRY(auto result, net::percent_decoded(text));
    if (has_control_character(result)) return fail::malformed("the query holds a control character");
    return result;
}

}  // namespace

Result<Members> Members::read(ByteView body) {
    Members members;
    if (body.empty()) return members;
    bool too_deep = false;
    std::string twice;
    std::vector<std::set<std::string>> names;  // of the objects that are open
    const auto watch = [&](int, json::parse_event_t event, json& value) {
        if (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start) {
            too_deep = too_deep || names.size() >= deepest;
            names.emplace_back();
        }
        if (event == json::parse_event_t::object_end || event == json::parse_event_t::array_end) names.pop_back();
        if (event == json::parse_event_t::key && !names.back().insert(value.get<std::string>()).second)
            twice = value.get<std::string>();
        return !too_deep;
    };
    members.object_ = json::parse(body.begin(), body.end(), watch, false);
    if (too_deep) return fail::malformed("the body is nested more than " + std::to_string(deepest) + " levels deep");
    if (!members.object_.is_object()) return fail::malformed("the body is not one JSON object in UTF-8");
    if (!twice.empty()) return fail::malformed("member \"" + printable(twice, 60) + "\" is there twice");
    return members;
}

const json* Members::find(const std::string& name) {
    asked_.insert(name);
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
}

Result<std::optional<std::string>> Members::text(const std::string& name, std::size_t longest) {
    const auto* value = find(name);
    if (value == nullptr) return std::optional<std::string>{};
    TRY(auto text, text_in(*value, name, longest));
    return std::optional(std::move(text));
}

Result<std::optional<std::int64_t>> Members::number(const std::string& name, std::int64_t least, std::int64_t most) {
    const auto* value = find(name);
    if (value == nullptr) return std::optional<std::int64_t>{};
    const std::string range = "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    // An unsigned number may not fit; a float that looks whole is still no whole number.
    if (!value->is_number_integer()) return wrong(name, range);
    if (value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(most))
        return wrong(name, range);
    const auto number = value->get<std::int64_t>();
    if (number < least || number > most) return wrong(name, range);
    return std::optional(number);
}

Result<std::vector<std::string>> Members::texts(const std::string& name, std::size_t most, std::size_t longest) {
    std::vector<std::string> result;
    const auto* value = find(name);
    if (value == nullptr) return result;
    if (!value->is_array() || value->size() > most)
        return wrong(name, "an array of at most " + std::to_string(most) + " strings");
    for (const auto& one : *value) {
        TRY(auto text, text_in(one, name, longest));
        result.push_back(std::move(text));
    }
    return result;
}

Result<void> Members::nothing_else() const {
    for (const auto& [name, value] : object_.items()) {
        if (asked_.contains(name)) continue;
        const std::string known = asked_.empty() ? "there are none" : join({asked_.begin(), asked_.end()}, ", ");
        return fail::malformed("member \"" + printable(name, 60) + "\" is unknown here; known: " + known);
    }
    return {};
}

Result<Parameters> Parameters::read(std::string_view query, const std::vector<std::string_view>& known) {
    Parameters parameters;
    for (const auto& part : split(query, '&')) {
        if (part.empty()) continue;
        const auto equals = part.find('=');
        TRY(auto name, decoded(std::string(part, 0, equals)));
        TRY(auto value, decoded(equals == std::string::npos ? std::string() : std::string(part, equals + 1)));
        if (std::ranges::find(known, name) == known.end())
            return fail::malformed("parameter \"" + printable(name, 60) + "\" is unknown here");
        if (!parameters.values_.emplace(name, std::move(value)).second)
            return fail::malformed("parameter \"" + name + "\" is there twice");
    }
    return parameters;
}

std::string Parameters::text(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string() : found->second;
}

Result<bool> Parameters::flag(const std::string& name) const {
    const auto found = values_.find(name);
    if (found == values_.end() || found->second == "false") return false;
    if (found->second == "true") return true;
    return fail::malformed("parameter \"" + name + "\" must be true or false");
}

Result<std::size_t> Parameters::limit() const {
    const auto found = values_.find("limit");
    if (found == values_.end()) return std::size_t{100};
    const auto& text = found->second;
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < 1 || number > most_items)
        return fail::malformed("parameter \"limit\" must be a whole number from 1 to " + std::to_string(most_items));
    return number;
}

}  // namespace countersign::admin
