#include "html.hpp"

#include "countersign/core/text.hpp"

namespace countersign::admin::html {

std::string escaped(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '&': result += "&amp;"; break;
            case '<': result += "&lt;"; break;
            case '>': result += "&gt;"; break;
            case '"': result += "&quot;"; break;
            case '\'': result += "&#39;"; break;
            default: result += c;
        }
    }
    return result;
}

std::string foreign(std::string_view text, std::size_t limit) {
    std::string shown = printable(text, limit);
    // Backslashes of RFC 4514 and of what was made printable before are no deception here.
    constexpr std::string_view backslash = "\\x5c";
    for (auto at = shown.find(backslash); at != std::string::npos; at = shown.find(backslash, at + 1))
        shown.replace(at, backslash.size(), "\\");
    return escaped(shown);
}

std::string Table::text(std::string_view nothing) const {
    if (rows_.empty()) return "<p class=\"quiet\">" + std::string(nothing) + "</p>";
    std::string text = "<table><caption>" + caption_ + "</caption><thead><tr>";
    for (const auto& heading : headings_) text += "<th scope=\"col\">" + heading + "</th>";
    text += "</tr></thead><tbody>";
    for (const auto& row : rows_) {
        text += "<tr>";
        for (std::size_t i = 0; i < row.size(); ++i)
            text += "<td data-label=\"" + escaped(headings_.at(i)) + "\">" + row[i] + "</td>";
        text += "</tr>";
    }
    return text + "</tbody></table>";
}

std::string facts(const std::vector<std::pair<std::string, std::string>>& rows) {
    std::string text = "<dl>";
    for (const auto& [name, value] : rows) {
        if (!value.empty()) text += "<dt>" + name + "</dt><dd>" + value + "</dd>";
    }
    return text + "</dl>";
}

std::string link(std::string_view target, std::string_view text) {
    return "<a href=\"" + escaped(target) + "\">" + std::string(text) + "</a>";
}

std::string field(std::string_view label, std::string_view name, std::string_view value, std::string_view attributes) {
    const std::string id(name);
    return "<label for=\"" + id + "\">" + std::string(label) + "</label><input id=\"" + id + "\" name=\"" + id +
           "\" value=\"" + escaped(value) + "\" autocomplete=\"off\" " + std::string(attributes) + ">";
}

std::string choice(std::string_view label, std::string_view name, const std::vector<std::string>& values,
                   std::string_view chosen, std::string_view words_for_none) {
    const std::string id(name);
    std::string text =
        "<label for=\"" + id + "\">" + std::string(label) + "</label><select id=\"" + id + "\" name=\"" + id + "\">";
    if (!words_for_none.empty()) text += "<option value=\"\">" + std::string(words_for_none) + "</option>";
    for (const auto& value : values) {
        text += "<option" + std::string(value == chosen ? " selected" : "") + ">" + escaped(value) + "</option>";
    }
    return text + "</select>";
}

std::string form(std::string_view target, std::string_view token, std::string_view content, std::string_view button,
                 std::string_view kind) {
    return "<form method=\"post\" action=\"" + escaped(target) + "\"><input type=\"hidden\" name=\"token\" value=\"" +
           escaped(token) + "\">" + std::string(content) + "<button class=\"" + std::string(kind) + "\">" +
           std::string(button) + "</button></form>";
}

}  // namespace countersign::admin::html
