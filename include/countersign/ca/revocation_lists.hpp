// The revocation lists of a CA that is somewhere else: fetched again and again, kept in memory and, for a restart while
// nobody can be reached, in a directory.
//
// A list counts when one of the CA's own keys signed it, it says all there is to say (crypto::RevocationList), it is
// not of the future, not past its nextUpdate and not older than the one before it. Of each key and distribution point
// the last such list is held; what replaces it is swapped in as a whole. find() and standing() never wait for a fetch;
// refresh(), recall() and probe() block. All are safe on many threads.
#pragma once

#include "countersign/ca/revocation_view.hpp"
#include "countersign/core/random.hpp"
#include "countersign/net/http_client.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace countersign::ca {

struct RevocationListOptions {
    std::string name;                          // of the CA
    std::vector<crypto::Certificate> issuers;  // the CA; then, of the same name, those of keys it had before
    std::vector<std::string> locations;        // "http://...", "https://..." or a path
    std::chrono::minutes refresh{60};          // between rounds, if no nextUpdate is nearer
    std::filesystem::path directory;           // made if it is not there
    bool ledger_alone_when_missing = false;    // find() says "not revoked" where it would say unavailable
};

// How it stands with the lists, for people and monitoring.
struct RevocationStanding {
    struct List {
        std::string key;  // of the CA that signed it: the first octets of its fingerprint
        Time this_update{};
        Time next_update{};
        std::size_t entries = 0;
        bool current = false;
    };
    std::vector<List> lists;
    bool current = false;        // every key of the CA whose certificate is still valid has a current list
    std::string problem;         // of the last round; empty: it brought what it should
    std::uint64_t failures = 0;  // rounds that had a problem
    bool ledger_alone_when_missing = false;
};

class RevocationLists final : public RevocationView {
public:
    // `http`: bounded by largest_answer. Borrows clock and random.
    RevocationLists(RevocationListOptions options, std::shared_ptr<net::HttpClient> http, const Clock& clock,
                    Random& random);

    // PEM takes a third more than DER.
    static constexpr std::size_t largest_answer = crypto::RevocationList::largest / 2 * 3;

    Result<std::optional<crypto::Revocation>> find(const crypto::Certificate& certificate, Time now) const override;

    // Takes up what earlier rounds left in the directory, having verified it again. Once, before anybody else has this
    // object. malformed, unauthenticated, unavailable: something there is not used; the rest is.
    Result<void> recall();
    // One round, if it is time for one. What came of it: standing(). Whether there was one.
    bool refresh();
    // Fetches and judges everything as a round does, and keeps nothing. Any error: what is wrong, with the location.
    Result<void> probe();

    RevocationStanding standing() const;
    const std::string& name() const { return options_.name; }

private:
    struct Held {
        crypto::Certificate issuer;
        crypto::RevocationList list;
    };
    using Lists = std::vector<Held>;

    std::shared_ptr<const Lists> lists() const;
    Result<crypto::RevocationList> fetch(const std::string& location) const;
    Result<crypto::Certificate> author_of(const crypto::RevocationList& list) const;
    Result<Held> judge(crypto::RevocationList list, const Lists& held, Time now) const;
    Result<void> take(const std::string& location, Time now);
    void hold(Held one);
    Result<void> keep(const Held& one) const;
    std::string file_name(const Held& one) const;
    bool all_current(const Lists& held, Time now) const;
    void plan_next(Time now);
    double jitter() const;

    const RevocationListOptions options_;
    const std::shared_ptr<net::HttpClient> http_;
    const Clock& clock_;
    Random& random_;
    std::mutex round_mutex_;  // one round at a time; next_ and tries_ are its
    Time next_{Time::min()};
    unsigned tries_ = 0;        // failed in a row
    mutable std::mutex mutex_;  // for what follows; held briefly
    std::shared_ptr<const Lists> lists_ = std::make_shared<const Lists>();
    std::string problem_;
    std::uint64_t failures_ = 0;
};

}  // namespace countersign::ca
