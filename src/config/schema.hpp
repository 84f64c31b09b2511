// The one schema table: every key with its type, default, unit, meaning, and the member of Settings it fills.
// The loader, `config explain` and docs/configuration.md read nothing else.
#pragma once

#include "countersign/config/settings.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace countersign::config {

using Value = std::variant<std::string, bool, std::int64_t, std::vector<std::string>>;

enum class Kind {
    text,
    boolean,
    number,
    texts,      // list of texts
    file,       // a path; relative ones are below the configuration's directory
    key,        // "file:PATH" or "pkcs11:...", where a private key is
    store_url,  // "sqlite:PATH"
};

// Writes a checked value into the struct a section fills.
using Assign = void (*)(void* section, const Value& value);

struct Key {
    std::string_view section;  // "profile.*.challenge"
    std::string_view name;
    Kind kind = Kind::text;
    std::string_view fallback;  // TOML text; empty: none, the member keeps its zero value
    Assign assign = nullptr;
    std::string_view meaning;
    bool required = false;
    bool secret = false;
    std::string_view unit = {};
    std::string_view choices = {};  // separated by commas; empty: free
    std::int64_t least = 0;
    std::int64_t most = std::numeric_limits<std::int64_t>::max();

    constexpr Key needed() const {
        Key key = *this;
        key.required = true;
        return key;
    }
    constexpr Key guarded() const {
        Key key = *this;
        key.secret = true;
        return key;
    }
    constexpr Key among(std::string_view words) const {
        Key key = *this;
        key.choices = words;
        return key;
    }
    constexpr Key between(std::int64_t low, std::int64_t high, std::string_view measured_in = {}) const {
        Key key = *this;
        key.least = low;
        key.most = high;
        key.unit = measured_in;
        return key;
    }
};

enum class Shape {
    table,     // [server]
    named,     // [profile.NAME]
    list,      // [[listener]]
    optional,  // absent means something else than empty
};

struct Section {
    std::string_view path;  // "profile.*"
    Shape shape = Shape::table;
    std::string_view meaning;
    bool required = false;
};

std::span<const Section> sections();
std::span<const Key> keys();

// "profile.*.ca" as people read it: "profile.NAME.ca".
std::string shown_key(std::string_view section, std::string_view name);

}  // namespace countersign::config
