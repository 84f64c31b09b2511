// What a command works with: streams, time, randomness. Tests hand in their own. One thread.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/core/random.hpp"
#include "countersign/core/result.hpp"

#include <nlohmann/json.hpp>

#include <istream>
#include <ostream>
#include <string>
#include <vector>

namespace countersign::app {

struct Console {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
    const Clock& clock;
    Random& random;
};

// Exit codes scripts rely on (design section 11).
inline constexpr int exit_done = 0;
inline constexpr int exit_refused = 1;
inline constexpr int exit_usage = 2;

// The value, or a StartupError that the command line turns into one line on stderr and exit code 1.
template <class T>
T or_throw(Result<T> result) {
    if (!result) throw StartupError(std::move(result).error());
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// One JSON value and a newline; invalid UTF-8 (foreign text) is replaced, not thrown over.
inline void print_json(Console& console, const nlohmann::ordered_json& value) {
    console.out << value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
}

// Columns as wide as their widest cell; the last one unpadded. Cells must be printable() already.
void print_table(Console& console, const std::vector<std::string>& head,
                 const std::vector<std::vector<std::string>>& rows);

// Who runs this: the login name of the effective user, for audit records.
std::string operator_name();

}  // namespace countersign::app
