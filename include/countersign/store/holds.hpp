// Who works on which attempt right now: one at a time, among all threads and all nodes on one database.
//
// A hold lives in memory (SQLite, one daemon) or in the database server's (PostgreSQL); a node that dies loses its
// holds with its connection, and others go on at once. A node cut off from the server loses them too without noticing,
// so what is done under a hold must still be safe when done twice: records refuse the second outcome, and what a CA may
// have got already is asked for before it is submitted again. Safe on many threads.
#pragma once

#include "countersign/core/result.hpp"

#include <memory>
#include <string>

namespace countersign::store {

class Holds {
public:
    // Let go when it dies.
    class Hold {
    public:
        virtual ~Hold() = default;
    };

    virtual ~Holds() = default;
    // Null: somebody else works on it. unavailable: the database cannot say. Does not wait.
    virtual Result<std::unique_ptr<Hold>> take(const std::string& attempt_id) = 0;
};

}  // namespace countersign::store
