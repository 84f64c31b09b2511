// JSON as signed statements need it: a member that stands twice, or that nobody asked for, is an error, because two
// programs might read it differently. Values only; one thread.
#pragma once

#include "countersign/core/result.hpp"

#include <nlohmann/json.hpp>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace countersign {

// One object, at most 8 levels deep. malformed: not JSON, not an object, a member twice.
Result<nlohmann::json> parse_object(std::string_view text);

// An object being read member by member; each getter is malformed with the member's name when its type is wrong.
class ObjectReader {
public:
    ObjectReader(const nlohmann::json& object, std::string where) : object_(object), where_(std::move(where)) {}

    bool has(const char* name) const { return object_.contains(name); }
    Result<std::string> text(const char* name) const;                // needed, not empty, no control characters
    Result<std::string> optional_text(const char* name) const;       // empty when absent
    Result<std::int64_t> number(const char* name) const;             // needed; a whole number that is not negative
    Result<std::vector<std::string>> texts(const char* name) const;  // needed; may be empty; none twice
    // malformed: a member that is not among the names.
    Result<void> nothing_beyond(std::initializer_list<std::string_view> names) const;

private:
    Error wrong(const char* name, const char* what) const;

    const nlohmann::json& object_;
    std::string where_;
};

}  // namespace countersign
