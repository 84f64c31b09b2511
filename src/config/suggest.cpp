#include "suggest.hpp"

#include "countersign/core/text.hpp"

#include <algorithm>
#include <numeric>

namespace countersign::config {
namespace {

// Levenshtein distance: insertions, deletions and replacements.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
        }
    }
    return row.back();
}

}  // namespace

std::string nearest(std::string_view typed, const std::vector<std::string>& known) {
    if (typed.size() > 64) return {};
    std::string best;
    std::size_t best_distance = std::max(typed.size() / 3, std::min<std::size_t>(2, typed.size() / 2)) + 1;
    for (const std::string& candidate : known) {
        const std::size_t d = distance(to_lower(typed), to_lower(candidate));
        if (d < best_distance) {
            best_distance = d;
            best = candidate;
        }
    }
    return best;
}

}  // namespace countersign::config
