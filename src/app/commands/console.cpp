#include "console.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace countersign::app {

void print_table(Console& console, const std::vector<std::string>& head,
                 const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths(head.size());
    const auto widen = [&](const std::vector<std::string>& row) {
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    };
    widen(head);
    std::ranges::for_each(rows, widen);
    const auto print = [&](const std::vector<std::string>& row) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            console.out << row[i];
            if (i + 1 < row.size()) console.out << std::string(widths[i] - row[i].size() + 2, ' ');
        }
        console.out << "\n";
    };
    print(head);
    std::ranges::for_each(rows, print);
}

std::string operator_name() {
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    const uid_t user = ::geteuid();
    if (::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return entry.pw_name;
    return "uid " + std::to_string(user);
}

}  // namespace countersign::app
