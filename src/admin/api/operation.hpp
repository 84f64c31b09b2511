// Everything administrators can do through the web, each act once: the JSON API and the console only differ in how they
// are asked and how they answer. Pure but for the desk's effects; blocking, safe on many threads.
#pragma once

#include "countersign/admin/desk.hpp"
#include "countersign/admin/sign_in.hpp"
#include "problem.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace countersign::admin {

struct Call;

struct Reply {
    int status = 200;
    Json json{};
    std::string location{};  // below the API's root; empty: no such header
};

struct Operation {
    std::string_view method;
    std::string_view path;                     // below the API's root; at most one {name}
    std::vector<Role> roles;                   // one of these; empty: whoever is signed in
    std::vector<std::string_view> parameters;  // of the query
    Result<Reply> (*perform)(Call&);
};

const std::vector<Operation>& operations();

struct FoundOperation {
    const Operation* operation = nullptr;  // null: not by this method
    std::string name;                      // what stood for {id} or {serial}
    std::string allowed;                   // the methods of this path; empty: no such path
};

// `below_root`: "/challenges/0123". Paths match in any letter case, with or without a slash at the end.
FoundOperation find_operation(std::string_view method, std::string_view below_root);

// denied: the account has none of the roles; the detail is for its owner.
Result<void> allows(const Operation& operation, const Account& account);

// api.refused in the audit: somebody signed in asked for more than they may, or was misled. Refused either way.
void record_refusal(Desk& desk, const Caller& caller, const net::Request& request, const std::string& reason,
                    const std::string& instance);

// What an operation is asked with.
struct Asked {
    std::string_view query;
    ByteView body;             // one JSON object, or nothing
    std::string_view through;  // for the records: "api", "console"
};
// `found.operation` is there, and the caller is allowed. Errors are the operation's own; malformed: what it was asked
// with.
Result<Reply> operate(Desk& desk, const Caller& caller, const FoundOperation& found, const Asked& asked);

}  // namespace countersign::admin
