#include "convert.hpp"

#include "countersign/core/credential.hpp"
#include "countersign/core/text.hpp"
#include "suggest.hpp"

#include <algorithm>
#include <stdexcept>

namespace countersign::config {
namespace {

std::string in_quotes(std::string_view text) {
    return "\"" + std::string(text) + "\"";
}

std::string expected_type(Kind kind) {
    switch (kind) {
        case Kind::text: return "a text in quotes";
        case Kind::boolean: return "true or false";
        case Kind::number: return "a whole number";
        case Kind::texts: return "a list of texts";
        case Kind::file: return "a file path in quotes";
        case Kind::key: return "a key as \"file:PATH\", \"credential:NAME\" or \"pkcs11:...\"";
        case Kind::store_url: return "a database as \"sqlite:PATH\" or \"postgresql://USER@HOST/DATABASE\"";
    }
    return "another type";
}

std::string found_type(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::string: return "a text";
        case toml::node_type::integer: return "a number";
        case toml::node_type::floating_point: return "a number with a fraction";
        case toml::node_type::boolean: return "true or false";
        case toml::node_type::array: return "a list";
        case toml::node_type::table: return "a table";
        default: return "a date or time";
    }
}

Complaint wrong_type(const Key& key, const toml::node& node) {
    return {"this must be " + expected_type(key.kind) + ", but is " + found_type(node),
            "write " + std::string(key.name) + " = " + example_of(key)};
}

std::variant<Value, Complaint> convert_number(const Key& key, std::int64_t number) {
    if (number >= key.least && number <= key.most) return Value{number};
    return Complaint{std::to_string(number) + " is out of range",
                     "write a number from " + std::to_string(key.least) + " to " + std::to_string(key.most) +
                         (key.unit.empty() ? "" : " (" + std::string(key.unit) + ")")};
}

// Nothing, or what is wrong with one text of a key that only takes certain words.
std::optional<Complaint> outside_choices(const Key& key, std::string_view text) {
    if (key.choices.empty()) return std::nullopt;
    const std::vector<std::string> choices = split(key.choices, ',');
    if (std::ranges::find(choices, text) != choices.end()) return std::nullopt;
    const std::string near = nearest(text, choices);
    std::string remedy =
        choices.size() == 1 ? "write " + in_quotes(choices.front()) : "write one of: " + join(choices, ", ");
    if (!near.empty() && choices.size() > 1) remedy = "did you mean " + in_quotes(near) + "? " + remedy;
    return Complaint{in_quotes(printable(text, 60)) + " is not known here", std::move(remedy)};
}

std::string absolute(std::string_view path, const std::filesystem::path& directory) {
    return (directory / std::filesystem::path(path)).lexically_normal().string();
}

bool holds_pem(std::string_view text) {
    return text.find("-----BEGIN") != std::string_view::npos;
}

// `before` stands before the path in the value.
std::variant<Value, Complaint> convert_credential(std::string_view name, const std::string& before) {
    const auto path = credential_path(name);
    if (path) return Value{before + path->string()};
    return Complaint{path.error().detail,
                     "run it as the service does, or with CREDENTIALS_DIRECTORY=/run/credentials/UNIT"};
}

std::variant<Value, Complaint> convert_key(std::string_view text, const std::filesystem::path& directory) {
    if (const auto name = credential_name(text)) return convert_credential(*name, "file:");
    if (text.starts_with("file:") && text.size() > 5) return Value{"file:" + absolute(text.substr(5), directory)};
    if (text.starts_with("pkcs11:")) {
        if (to_lower(text).find("pin-value=") == std::string::npos) return Value{std::string(text)};
        return Complaint{"the PIN stands in this file",
                         "put it into a file of its own and write pin-source=file:/that/file"};
    }
    return Complaint{"this names no key", "write \"file:PATH\", \"credential:NAME\" or a \"pkcs11:...\" URI"};
}

std::variant<Value, Complaint> convert_store_url(std::string_view text, const std::filesystem::path& directory) {
    if (text.starts_with("sqlite:") && text.size() > 7) return Value{"sqlite:" + absolute(text.substr(7), directory)};
    if (text.starts_with("postgresql://")) return Value{std::string(text)};
    // Not the text itself: it might hold a password.
    return Complaint{"this is no database this program knows",
                     "write \"sqlite:PATH\" or \"postgresql://USER@HOST/DATABASE\""};
}

std::variant<Value, Complaint> convert_text(const Key& key, std::string_view text,
                                            const std::filesystem::path& directory) {
    if (text.empty())
        return Complaint{"this is empty",
                         "write " + std::string(key.name) + " = " + example_of(key) + " or leave it out"};
    if (holds_pem(text))
        return Complaint{"a key or certificate stands in this file",
                         "put it into a file of its own and write its path here"};
    if (text.find('\0') != std::string_view::npos) return Complaint{"this holds a NUL character", "take it out"};
    if (const auto name = credential_name(text); name && key.kind == Kind::file) return convert_credential(*name, "");
    if (key.kind == Kind::file) return Value{absolute(text, directory)};
    if (key.kind == Kind::key) return convert_key(text, directory);
    if (key.kind == Kind::store_url) return convert_store_url(text, directory);
    if (auto complaint = outside_choices(key, text)) return *complaint;
    return Value{std::string(text)};
}

std::variant<Value, Complaint> convert_texts(const Key& key, const toml::array& list) {
    std::vector<std::string> texts;
    for (const toml::node& entry : list) {
        const auto text = entry.value_exact<std::string>();
        if (!text) return wrong_type(key, entry);
        if (text->empty()) return Complaint{"an entry is empty", "take it out"};
        if (auto complaint = outside_choices(key, *text)) return *complaint;
        if (std::ranges::find(texts, *text) != texts.end())
            return Complaint{in_quotes(printable(*text, 60)) + " stands here twice", "take one out"};
        texts.push_back(*text);
    }
    if (texts.empty() && key.required)
        return Complaint{"this list is empty", "write " + std::string(key.name) + " = " + example_of(key)};
    return Value{std::move(texts)};
}

}  // namespace

std::variant<Value, Complaint> convert(const Key& key, const toml::node& node, const std::filesystem::path& directory) {
    if (key.kind == Kind::number) {
        if (const auto number = node.value_exact<std::int64_t>()) return convert_number(key, *number);
    } else if (key.kind == Kind::boolean) {
        if (const auto flag = node.value_exact<bool>()) return Value{*flag};
    } else if (key.kind == Kind::texts) {
        if (const toml::array* list = node.as_array()) return convert_texts(key, *list);
    } else if (const auto text = node.value_exact<std::string>()) {
        return convert_text(key, *text, directory);
    }
    return wrong_type(key, node);
}

Value convert_default(const Key& key, const std::filesystem::path& directory) {
    const toml::table parsed = toml::parse("value = " + std::string(key.fallback));
    const auto converted = convert(key, *parsed.get("value"), directory);
    if (const auto* value = std::get_if<Value>(&converted)) return *value;
    throw std::logic_error("the schema refuses its own default of " + shown_key(key.section, key.name));
}

std::string example_of(const Key& key) {
    if (!key.fallback.empty() && key.fallback != "[]") return std::string(key.fallback);
    const std::string word = key.choices.empty() ? "..." : split(key.choices, ',').front();
    switch (key.kind) {
        case Kind::boolean: return "true";
        case Kind::number: return std::to_string(key.least);
        case Kind::texts: return "[" + in_quotes(word) + "]";
        case Kind::file: return "\"PATH\"";
        case Kind::key: return "\"file:PATH\"";
        case Kind::store_url: return "\"sqlite:PATH\"";
        case Kind::text: break;
    }
    return in_quotes(word);
}

std::string remedy_for_secret(std::string_view section, std::string_view name) {
    const std::string lower = to_lower(name);
    if (section == "account" && lower.starts_with("pass"))
        return "write password_hash = what `countersign hash-password` prints";
    if (section == "profile.*.challenge" && lower.starts_with("pass"))
        return "put it into a file and write password_file = \"PATH\"";
    if (lower == "pin" || lower == "pin_value")
        return "put it into a file and name that in the key's URI: pin-source=file:/that/file";
    if (lower.starts_with("password") || lower.starts_with("passphrase") || lower == "secret" || lower == "token") {
        return "put it into a file of its own";
    }
    return {};
}

}  // namespace countersign::config
