// What API requests bring, read strictly: what is not known is refused by name. Values; any thread.
#pragma once

#include "countersign/core/bytes.hpp"
#include "countersign/core/result.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::admin {

inline constexpr std::size_t most_body_octets = 64 * 1024;
inline constexpr std::size_t longest_name = 256;  // of profiles, templates, CAs, reasons; octets

// The members of a request's JSON object. Every error is malformed and names the member.
class Members {
public:
    // Without a body: no members. Refuses anything but one object in UTF-8, at most four levels deep, no name twice.
    static Result<Members> read(ByteView body);

    // nullopt: absent. Texts are at most `longest` octets and hold no control characters.
    Result<std::optional<std::string>> text(const std::string& name, std::size_t longest);
    Result<std::optional<std::int64_t>> number(const std::string& name, std::int64_t least, std::int64_t most);
    Result<std::vector<std::string>> texts(const std::string& name, std::size_t most, std::size_t longest);
    // A member that was not asked for is an error.
    Result<void> nothing_else() const;

private:
    const nlohmann::json* find(const std::string& name);

    nlohmann::json object_ = nlohmann::json::object();
    std::set<std::string> asked_;
};

// The parameters of a request's query. Every error is malformed and names the parameter.
class Parameters {
public:
    // Refuses names that are not among `known`, a name twice, broken percent escapes and control characters.
    static Result<Parameters> read(std::string_view query, const std::vector<std::string_view>& known);

    std::string text(const std::string& name) const;   // empty: absent
    Result<bool> flag(const std::string& name) const;  // "true" or "false"; absent: false
    Result<std::size_t> limit() const;                 // 1 to most_items; absent: 100

private:
    std::map<std::string, std::string> values_;
};

inline constexpr std::size_t most_items = 1000;

}  // namespace countersign::admin
