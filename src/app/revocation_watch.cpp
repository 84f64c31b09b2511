#include "revocation_watch.hpp"

#include "countersign/audit/catalogue.hpp"
#include "countersign/core/text.hpp"

#include <spdlog/spdlog.h>

namespace countersign::app {

void RevocationWatch::look(ca::RevocationLists& lists) {
    const bool asked = lists.refresh();
    const auto standing = lists.standing();
    // Between rounds a list may come to its end.
    const State state = !standing.current ? State::missing : !standing.problem.empty() ? State::troubled : State::well;
    const auto before = said_.find(lists.name());
    if (before == said_.end() && !asked) return;
    if (before != said_.end() && before->second == state) return;
    // In good order from the start is no news for the audit.
    if (before != said_.end() || state != State::well) tell(lists, standing, state);
    said_[lists.name()] = state;
}

void RevocationWatch::tell(const ca::RevocationLists& lists, const ca::RevocationStanding& standing, State state) {
    const std::string why = printable(standing.problem, 1000);
    auto id = audit::event::crl_recovered;
    if (state == State::missing) {
        id = audit::event::crl_missing;
        spdlog::error(
            "there is no current revocation list of ca.{}, {}: {}", lists.name(),
            standing.ledger_alone_when_missing ? "renewals go by the ledger alone" : "renewals are told to come again",
            why);
    } else if (state == State::troubled) {
        id = audit::event::crl_troubled;
        spdlog::warn("the revocation lists of ca.{} cannot all be had, those held still count: {}", lists.name(), why);
    } else {
        spdlog::info("the revocation lists of ca.{} are current again", lists.name());
    }
    audit::Event event(id, audit::severity_of(id));
    event.with("ca", lists.name());
    if (!why.empty()) event.with("reason", why);
    // The log has said it; an audit that is away is reported by itself.
    static_cast<void>(audit_.record(event));
}

}  // namespace countersign::app
