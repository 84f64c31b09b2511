#include "countersign/ca/revocation_lists.hpp"

#include "countersign/core/file.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"

#include <algorithm>
#include <utility>

namespace countersign::ca {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::minutes slack{5};  // the CA's clock may be ahead of ours
constexpr std::chrono::seconds shortest_interval{5};
constexpr std::chrono::seconds first_pause{2};
constexpr std::chrono::milliseconds longest_pause{10min};
constexpr unsigned most_doublings = 10;

bool is_url(const std::string& location) {
    return location.starts_with("http://") || location.starts_with("https://");
}

std::string short_key(const crypto::Certificate& issuer) {
    return issuer.public_key().fingerprint().substr(0, 16);
}

bool lower_number(const Bytes& a, const Bytes& b) {
    return a.size() != b.size() ? a.size() < b.size() : std::ranges::lexicographical_compare(a, b);
}

// What a successor may not do: the CA's word of yesterday must not undo a revocation of today.
Result<void> check_successor(const crypto::RevocationList& before, const crypto::RevocationList& after) {
    if (before.number() && after.number() && lower_number(*after.number(), *before.number())) {
        return fail::conflict("the number of the revocation list went back, from " + lower_hex(*before.number()) +
                              " to " + lower_hex(*after.number()) + " (hexadecimal)");
    }
    if (after.this_update() < before.this_update()) {
        return fail::conflict("the revocation list of " + to_rfc3339(after.this_update()) +
                              " is older than the one held, of " + to_rfc3339(before.this_update()));
    }
    return {};
}

}  // namespace

RevocationLists::RevocationLists(RevocationListOptions options, std::shared_ptr<net::HttpClient> http,
                                 const Clock& clock, Random& random)
    : options_(std::move(options)), http_(std::move(http)), clock_(clock), random_(random) {}

std::shared_ptr<const RevocationLists::Lists> RevocationLists::lists() const {
    const std::lock_guard lock(mutex_);
    return lists_;
}

Result<std::optional<crypto::Revocation>> RevocationLists::find(const crypto::Certificate& certificate,
                                                                Time now) const {
    const auto held = lists();
    bool said = false;
    bool dropped = false;
    std::string stale;
    for (const auto& [issuer, list] : *held) {
        const bool from_here = certificate.issuer().matches(issuer.subject()) && list.covers(certificate) &&
                               certificate.verify_signed_by(issuer.public_key());
        if (!from_here) continue;
        const bool counts = list.current_at(now, slack);
        if (!counts)
            stale = "the one held is of " + to_rfc3339(list.this_update()) + " and counted until " +
                    to_rfc3339(list.next_update());
        // Where the ledger alone will do, what a stale list has revoked stays revoked.
        if (!counts && !options_.ledger_alone_when_missing) continue;
        if (auto revoked = list.find(certificate.serial())) return revoked;
        // What has expired is left out of lists that are made afterwards (RFC 5280 3.3).
        const bool would_be_named = list.this_update() <= certificate.not_after();
        said = said || (counts && would_be_named);
        dropped = dropped || !would_be_named;
    }
    if (said || options_.ledger_alone_when_missing) return std::optional<crypto::Revocation>();
    if (dropped) {
        return fail::expired("certificate " + certificate.serial_hex() + " expired on " +
                             to_rfc3339(certificate.not_after()) + ", before the revocation list of ca." +
                             options_.name + " was made, and such lists leave out what has expired");
    }
    std::string why = stale.empty() ? "none is held that covers it" : stale;
    const std::lock_guard lock(mutex_);
    if (!problem_.empty()) why += "; " + problem_;
    return fail::unavailable("no revocation list of ca." + options_.name + " says now whether certificate " +
                             certificate.serial_hex() + " is revoked: " + why);
}

Result<crypto::RevocationList> RevocationLists::fetch(const std::string& location) const {
    Bytes octets;
    if (is_url(location)) {
        net::ClientRequest request;
        request.url = location;
        TRY(auto answer, http_->send(request));
        if (answer.status != 200) return fail::unavailable("HTTP status " + std::to_string(answer.status));
        octets = std::move(answer.body);
    } else {
        TRY(octets, read_whole_file(location, largest_answer));
    }
    return crypto::RevocationList::from_octets(octets);
}

Result<crypto::Certificate> RevocationLists::author_of(const crypto::RevocationList& list) const {
    Result<crypto::Certificate> author =
        fail::unauthenticated("the revocation list is of " + printable(list.issuer().text()) + ", not of " +
                              printable(options_.issuers.front().subject().text()));
    for (const auto& issuer : options_.issuers) {
        if (!issuer.subject().matches(list.issuer())) continue;
        const auto usage = issuer.key_usage();
        if (usage && (*usage & crypto::usage::crl_sign) == 0) {
            author = fail::unauthenticated("the CA's certificate does not let its key sign revocation lists (cRLSign)");
            continue;
        }
        const auto holds = list.verify_signed_by(issuer.public_key());
        if (holds) return issuer;
        author = holds.error();
    }
    return author;
}

Result<RevocationLists::Held> RevocationLists::judge(crypto::RevocationList list, const Lists& held, Time now) const {
    TRY(auto author, author_of(list));
    if (list.this_update() > now + slack) {
        return fail::denied("the revocation list is of the future, " + to_rfc3339(list.this_update()) +
                            ": look at both clocks");
    }
    if (list.next_update() <= now)
        return fail::expired("the revocation list counted until " + to_rfc3339(list.next_update()));
    for (const auto& one : held) {
        const bool before = one.issuer.public_key() == author.public_key() &&
                            one.list.distribution_points() == list.distribution_points();
        if (before) CHECK(check_successor(one.list, list));
    }
    return Held{std::move(author), std::move(list)};
}

Result<void> RevocationLists::take(const std::string& location, Time now) {
    TRY(auto list, fetch(location));
    const auto held = lists();
    const bool known = std::ranges::any_of(*held, [&](const Held& one) { return equal(one.list.der(), list.der()); });
    TRY(auto judged, judge(std::move(list), *held, now));
    if (known) return {};
    hold(judged);
    auto kept = keep(judged);
    if (!kept) return within("it counts, but a restart will not find it", kept.error());
    return {};
}

void RevocationLists::hold(Held one) {
    const std::lock_guard lock(mutex_);
    auto next = std::make_shared<Lists>(*lists_);
    const auto before = std::ranges::find_if(*next, [&](const Held& other) {
        return other.issuer.public_key() == one.issuer.public_key() &&
               other.list.distribution_points() == one.list.distribution_points();
    });
    if (before == next->end()) {
        next->push_back(std::move(one));
    } else {
        *before = std::move(one);
    }
    lists_ = std::move(next);
}

std::string RevocationLists::file_name(const Held& one) const {
    std::string scope = one.issuer.public_key().fingerprint();
    for (const auto& name : one.list.distribution_points()) scope += " " + lower_hex(name);
    return options_.name + "-" + crypto::sha256_hex(as_bytes(scope)).substr(0, 16) + ".crl";
}

Result<void> RevocationLists::keep(const Held& one) const {
    std::error_code error;
    if (std::filesystem::create_directory(options_.directory, error)) {
        std::filesystem::permissions(options_.directory, std::filesystem::perms::owner_all, error);
        CHECK(sync_directory(options_.directory.parent_path()));
    }
    if (error) return fail::unavailable(options_.directory.string() + ": " + error.message());
    return replace_file(options_.directory / file_name(one), one.list.der());
}

Result<void> RevocationLists::recall() {
    Result<void> all;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(options_.directory, error), end; !error && entry != end;
         entry.increment(error)) {
        const auto file = entry->path().filename().string();
        const std::string prefix = options_.name + "-";
        if (!file.starts_with(prefix) || !file.ends_with(".crl") || file.size() != prefix.size() + 20) continue;
        const auto recalled = [&]() -> Result<void> {
            TRY(const auto octets, read_whole_file(entry->path(), crypto::RevocationList::largest));
            TRY(auto list, crypto::RevocationList::from_der(octets));
            TRY(auto author, author_of(list));
            Held one{std::move(author), std::move(list)};
            if (file_name(one) != file) return fail::malformed("another list than its name says");
            hold(std::move(one));
            return {};
        }();
        if (!recalled) all = within(entry->path().string(), recalled.error());
    }
    return all;
}

bool RevocationLists::refresh() {
    const std::lock_guard round(round_mutex_);
    const Time now = clock_.now();
    // A clock that was set back must not put the next round off.
    if (now < next_ && next_ - now <= std::max<std::chrono::milliseconds>(options_.refresh, longest_pause))
        return false;
    std::string problem;
    for (const auto& location : options_.locations) {
        const auto taken = take(location, now);
        if (!taken) problem += (problem.empty() ? "" : "; ") + printable(location) + ": " + taken.error().detail;
    }
    const auto held = lists();
    if (problem.empty() && !all_current(*held, now))
        problem = "there is no list of every key of the CA: name the locations of all in ca." + options_.name + ".crl";
    tries_ = problem.empty() ? 0 : std::min(tries_ + 1, most_doublings);
    {
        const std::lock_guard lock(mutex_);
        problem_ = problem;
        if (!problem.empty()) ++failures_;
    }
    plan_next(now);
    return true;
}

Result<void> RevocationLists::probe() {
    const auto held = lists();
    const Time now = clock_.now();
    Result<void> all;
    for (const auto& location : options_.locations) {
        auto list = fetch(location);
        if (!list) {
            all = within(printable(location), list.error());
            continue;
        }
        if (const auto judged = judge(*std::move(list), *held, now); !judged)
            all = within(printable(location), judged.error());
    }
    return all;
}

bool RevocationLists::all_current(const Lists& held, Time now) const {
    return std::ranges::all_of(options_.issuers, [&](const crypto::Certificate& issuer) {
        if (now > issuer.not_after()) return true;
        return std::ranges::any_of(held, [&](const Held& one) {
            return one.issuer.public_key() == issuer.public_key() && one.list.current_at(now, slack);
        });
    });
}

// Sooner when a nextUpdate is near, later and later when nobody answers; never at the same moment as everybody else.
void RevocationLists::plan_next(Time now) {
    std::chrono::milliseconds interval = options_.refresh;
    if (tries_ > 0) {
        interval =
            std::min(interval, std::min<std::chrono::milliseconds>(first_pause * (1U << (tries_ - 1)), longest_pause));
    } else {
        for (const auto& one : *lists()) {
            if (one.list.next_update() > now) interval = std::min(interval, (one.list.next_update() - now) / 2);
        }
        interval = std::max<std::chrono::milliseconds>(interval, shortest_interval);
    }
    next_ = now + std::chrono::duration_cast<std::chrono::milliseconds>(interval * jitter());
}

// From 0.75 to 1.
double RevocationLists::jitter() const {
    const auto octet = random_.bytes(1).front();
    return 0.75 + static_cast<double>(octet) / 1020.0;
}

RevocationStanding RevocationLists::standing() const {
    const Time now = clock_.now();
    RevocationStanding standing;
    standing.ledger_alone_when_missing = options_.ledger_alone_when_missing;
    const auto held = lists();
    for (const auto& [issuer, list] : *held) {
        standing.lists.push_back(
            {short_key(issuer), list.this_update(), list.next_update(), list.size(), list.current_at(now, slack)});
    }
    standing.current = all_current(*held, now);
    const std::lock_guard lock(mutex_);
    standing.problem = problem_;
    standing.failures = failures_;
    return standing;
}

}  // namespace countersign::ca
