// Every table and column of the schema but its version, for what works on whole tables. A test holds it against the
// schema itself. Private to the store; values only.
#pragma once

#include <span>
#include <string_view>

namespace countersign::store {

struct Column {
    std::string_view name;
    char type;  // 't' text, 'i' integer
};

struct Table {
    std::string_view name;
    std::span<const Column> columns;  // the first one orders the rows
};

// What others refer to comes first.
std::span<const Table> tables_in_order();

}  // namespace countersign::store
