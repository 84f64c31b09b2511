// What a database engine's exception means here. Private to the store; pure; any thread.
#pragma once

#include "countersign/core/result.hpp"

#include <exception>
#include <string>

namespace countersign::store {

enum class Trouble {
    constraint,  // the database refuses the row
    busy,        // somebody else holds the database: nothing happened
    contention,  // transactions crossed, and this one was undone: doing it again may succeed
    away,        // disk, network, server
    other,       // a bug of ours, or a database that is not ours
};
Trouble trouble_of(const std::exception& exception);

// What a failure of the engine means to a caller for whom nothing was committed.
Error error_from(const std::exception& exception);
// What went wrong, without the statement and its values.
std::string words_of(const std::exception& exception);

}  // namespace countersign::store
