// The daemon's care for the revocation lists of CAs somewhere else: has them fetched in time, and tells when that goes
// wrong and when it is well again. One thread. Borrows the audit.
#pragma once

#include "countersign/audit/event.hpp"
#include "countersign/ca/revocation_lists.hpp"

#include <map>
#include <string>

namespace countersign::app {

class RevocationWatch {
public:
    explicit RevocationWatch(audit::Sink& audit) : audit_(audit) {}

    // One round over the lists of one CA, if it is time. Blocks while they are fetched.
    void look(ca::RevocationLists& lists);

private:
    enum class State { well, troubled, missing };
    void tell(const ca::RevocationLists& lists, const ca::RevocationStanding& standing, State state);

    audit::Sink& audit_;
    std::map<std::string, State> said_;  // by CA
};

}  // namespace countersign::app
