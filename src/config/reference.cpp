#include "countersign/config/reference.hpp"

#include "countersign/core/text.hpp"
#include "schema.hpp"
#include "suggest.hpp"

#include <algorithm>

namespace countersign::config {
namespace {

std::string type_name(Kind kind) {
    switch (kind) {
        case Kind::text: return "text";
        case Kind::boolean: return "true or false";
        case Kind::number: return "number";
        case Kind::texts: return "list of texts";
        case Kind::file: return "file";
        case Kind::key: return "key";
        case Kind::store_url: return "database";
    }
    return "text";
}

KeyReference refer_to(const Key& key) {
    KeyReference entry;
    entry.key = shown_key(key.section, key.name);
    entry.type = type_name(key.kind);
    if (key.kind == Kind::number)
        entry.type += " from " + std::to_string(key.least) + " to " + std::to_string(key.most);
    entry.fallback = key.fallback;
    entry.unit = key.unit;
    entry.choices = join(split(key.choices, ','), ", ");
    entry.required = key.required;
    entry.secret = key.secret;
    entry.meaning = key.meaning;
    return entry;
}

// "profile.default.ca" matches the beginning of "profile.NAME.ca...", part by part; "listener[0].address" too.
bool names(std::string_view asked, std::string_view known) {
    const auto asked_parts = split(asked, '.');
    const auto known_parts = split(known, '.');
    if (asked_parts.size() > known_parts.size()) return false;
    for (std::size_t i = 0; i < asked_parts.size(); ++i) {
        const std::string part = asked_parts[i].substr(0, asked_parts[i].find('['));
        if (part != known_parts[i] && known_parts[i] != "NAME") return false;
    }
    return true;
}

std::string default_text(const KeyReference& entry) {
    if (entry.required) return "required";
    if (entry.fallback.empty()) return "none";
    return entry.fallback;
}

std::string heading(const Section& section) {
    if (section.path.empty()) return "directory";
    const std::string key = shown_key(section.path, "");
    return section.shape == Shape::list ? "[[" + key + "]]" : "[" + key + "]";
}

std::string markdown_escaped(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '|' || c == '<') result += '\\';
        result += c;
    }
    return result;
}

}  // namespace

std::vector<KeyReference> reference() {
    std::vector<KeyReference> all;
    for (const Key& key : keys()) all.push_back(refer_to(key));
    return all;
}

Result<std::vector<KeyReference>> reference_for(std::string_view key) {
    std::vector<KeyReference> found;
    std::vector<std::string> known;
    for (KeyReference& entry : reference()) {
        known.push_back(entry.key);
        if (names(key, entry.key)) found.push_back(std::move(entry));
    }
    if (!found.empty()) return found;
    const std::string near = nearest(key, known);
    return fail::not_found(
        "there is no key " + printable(key, 80) +
        (near.empty() ? "; `countersign config explain` lists them all" : "; did you mean " + near + "?"));
}

std::string to_text(const std::vector<KeyReference>& entries) {
    std::string text;
    for (const KeyReference& entry : entries) {
        if (!text.empty()) text += "\n";
        text += entry.key + "\n    " + entry.type;
        if (!entry.unit.empty()) text += " (" + entry.unit + ")";
        text += entry.required ? ", required" : ", default: " + default_text(entry);
        if (!entry.choices.empty()) text += "\n    one of: " + entry.choices;
        if (entry.secret) text += "\n    guards a secret: keep what it names from other users' eyes";
        text += "\n    " + entry.meaning + "\n";
    }
    return text;
}

std::string reference_markdown() {
    std::string text =
        "# Configuration\n\n"
        "<!-- Printed by `countersign config explain --markdown` from the schema table in src/config/schema.cpp; do "
        "not edit. -->\n\n"
        "One TOML file. Relative paths are below the directory of that file. Unknown keys, wrong types and "
        "contradictions are\n"
        "errors that name the file, the line, the key and the remedy; `countersign check --config FILE` shows them all "
        "at once.\n"
        "Secrets never stand in the file: it names the files that hold them. Wherever a file is named, "
        "`\"credential:NAME\"` names "
        "a\n"
        "credential of systemd instead (`LoadCredential=` or `LoadCredentialEncrypted=` in the unit).\n";
    for (const Section& section : sections()) {
        std::string rows;
        for (const Key& key : keys()) {
            if (key.section != section.path) continue;
            const KeyReference entry = refer_to(key);
            const std::string fallback =
                entry.required || entry.fallback.empty() ? default_text(entry) : "`" + entry.fallback + "`";
            rows += "| `" + std::string(key.name) + "` | " + entry.type +
                    (entry.unit.empty() ? "" : ", " + entry.unit) + " | " + fallback + " | " +
                    markdown_escaped(entry.meaning) + (entry.choices.empty() ? "" : " One of: " + entry.choices + ".") +
                    (entry.secret ? " **Guards a secret.**" : "") + " |\n";
        }
        text += "\n## `" + heading(section) + "`\n\n" + std::string(section.meaning) + "\n";
        if (!rows.empty()) text += "\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n" + rows;
    }
    return text;
}

}  // namespace countersign::config
