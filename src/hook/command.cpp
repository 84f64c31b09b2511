#include "countersign/hook/command.hpp"

#include "countersign/core/text.hpp"
#include "countersign/process/child.hpp"

namespace countersign::hook {

Result<std::string> Command::carry(const Letter& letter) {
    std::vector<std::string> environment{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"};
    environment.insert(environment.end(), options_.environment.begin(), options_.environment.end());
    TRY(auto end, process::run_child(options_.program, options_.arguments, environment, options_.directory, letter.body,
                                     {options_.time_limit, longest_answer}));
    if (end.exit_code == 0) return std::move(end.output);
    const auto errors = trim(end.errors);
    const std::string words = printable(errors.substr(errors.rfind('\n') + 1), 300);  // npos + 1 is the beginning
    return fail::unavailable("it ended with code " + std::to_string(end.exit_code) +
                             (words.empty() ? "" : ": " + words));
}

}  // namespace countersign::hook
