// HTML from values: whatever is not markup of ours is escaped here. Pure; any thread.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace countersign::admin::html {

// Text for an element or a quoted attribute.
std::string escaped(std::string_view text);
// Foreign text, made visible where it would deceive (core's printable), and escaped.
std::string foreign(std::string_view text, std::size_t limit = 400);

// Cells are HTML already.
class Table {
public:
    Table(std::string caption, std::vector<std::string> headings)
        : caption_(std::move(caption)), headings_(std::move(headings)) {}
    void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
    // On a narrow screen each row is a card, its cells labelled by the headings. Without rows: `nothing`.
    std::string text(std::string_view nothing) const;

private:
    std::string caption_;
    std::vector<std::string> headings_;
    std::vector<std::vector<std::string>> rows_;
};

// A definition list; values are HTML already, empty ones are left out.
std::string facts(const std::vector<std::pair<std::string, std::string>>& rows);

std::string link(std::string_view target, std::string_view text);
// A labelled input. `attributes` is markup of ours: "required maxlength=60".
std::string field(std::string_view label, std::string_view name, std::string_view value, std::string_view attributes);
std::string choice(std::string_view label, std::string_view name, const std::vector<std::string>& values,
                   std::string_view chosen, std::string_view words_for_none);
// A form that posts to `target`; `token` proves where it came from. `content` and the button's text are HTML.
std::string form(std::string_view target, std::string_view token, std::string_view content, std::string_view button,
                 std::string_view kind = "primary");

}  // namespace countersign::admin::html
