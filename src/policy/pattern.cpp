#include "pattern.hpp"

#include "countersign/core/text.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace countersign::policy {
namespace {

// One character, or a backslash with what it escapes.
using Unit = std::uint16_t;
constexpr Unit escaped = 0x100;

struct Range {
    Unit first = 0;
    Unit last = 0;
};

struct Token {
    enum class Kind { unit, any_one, any_run, any_run_across, set };
    Kind kind = Kind::unit;
    Unit unit = 0;
    bool negated = false;
    std::vector<Range> ranges;
};

Unit octet(char c) {
    return static_cast<unsigned char>(c);
}

std::vector<Unit> units_of(std::string_view text) {
    const std::string folded = to_lower(text);
    std::vector<Unit> units;
    for (std::size_t i = 0; i < folded.size(); ++i) {
        const bool escape = folded[i] == '\\' && i + 1 < folded.size();
        if (escape) ++i;
        units.push_back(static_cast<Unit>(octet(folded[i]) | (escape ? escaped : 0)));
    }
    return units;
}

// The set that starts after `[` at `at`; moves `at` to its `]`. False when there is no end: then `[` means itself.
bool read_set(const std::vector<Unit>& pattern, std::size_t& at, Token& token) {
    std::size_t i = at + 1;
    token.kind = Token::Kind::set;
    if (i < pattern.size() && (pattern[i] == octet('!') || pattern[i] == octet('^'))) {
        token.negated = true;
        ++i;
    }
    for (bool first = true; i < pattern.size(); first = false) {
        if (pattern[i] == octet(']') && !first) {
            at = i;
            return true;
        }
        Range range{pattern[i], pattern[i]};
        if (i + 2 < pattern.size() && pattern[i + 1] == octet('-') && pattern[i + 2] != octet(']')) {
            range.last = pattern[i + 2];
            i += 2;
        }
        token.ranges.push_back(range);
        ++i;
    }
    return false;
}

std::vector<Token> tokens_of(std::string_view text) {
    const auto pattern = units_of(text);
    std::vector<Token> tokens;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        Token token;
        if (pattern[i] == octet('?')) {
            token.kind = Token::Kind::any_one;
        } else if (pattern[i] == octet('*')) {
            const bool across = i + 1 < pattern.size() && pattern[i + 1] == octet('*');
            token.kind = across ? Token::Kind::any_run_across : Token::Kind::any_run;
            if (across) ++i;
        } else if (pattern[i] != octet('[') || !read_set(pattern, i, token)) {
            token = Token{};
            token.unit = pattern[i];
        }
        tokens.push_back(std::move(token));
    }
    return tokens;
}

bool in_set(const Token& token, Unit unit) {
    for (const auto& range : token.ranges) {
        if (range.first <= unit && unit <= range.last) return !token.negated;
    }
    return token.negated;
}

bool accepts(const Token& token, Unit unit, bool separator) {
    switch (token.kind) {
        case Token::Kind::unit: return unit == token.unit;
        case Token::Kind::any_one:
        case Token::Kind::any_run: return !separator;
        case Token::Kind::any_run_across: return true;
        case Token::Kind::set: return !separator && in_set(token, unit);
    }
    return false;
}

bool is_run(const Token& token) {
    return token.kind == Token::Kind::any_run || token.kind == Token::Kind::any_run_across;
}

}  // namespace

// All positions in the pattern that the text so far can have led to, at once: the cost is length times length, whatever
// the pattern.
bool matches_pattern(std::string_view text, std::string_view pattern, PatternText kind) {
    const auto tokens = tokens_of(pattern);
    const auto skip_runs = [&](std::vector<bool>& reached) {
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            if (reached[i] && is_run(tokens[i])) reached[i + 1] = true;
        }
    };
    std::vector<bool> reached(tokens.size() + 1);
    reached[0] = true;
    skip_runs(reached);
    for (const Unit unit : units_of(text)) {
        const bool separator = kind == PatternText::distinguished_name && (unit == octet(',') || unit == octet('+'));
        std::vector<bool> next(tokens.size() + 1);
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            if (!reached[i] || !accepts(tokens[i], unit, separator)) continue;
            next[is_run(tokens[i]) ? i : i + 1] = true;
        }
        skip_runs(next);
        reached = std::move(next);
    }
    return reached[tokens.size()];
}

}  // namespace countersign::policy
