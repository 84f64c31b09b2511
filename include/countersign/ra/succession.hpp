// How the RA's own certificates follow one another: what a rollover has made, what still overlaps, what is on its way.
//
// One file per RA, NAME.json in [ra.NAME] directory, holds all of it with the certificates inside, and is replaced as a
// whole: whatever happens, the pairs of key and certificate in it match. Values and pure rules; SuccessionFile blocks.
#pragma once

#include "countersign/core/clock.hpp"
#include "countersign/core/result.hpp"
#include "countersign/crypto/certificate.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::ra {

enum class Role { agent, encryption };
std::string_view name(Role role);  // "agent", "encryption"

struct Identity {
    std::string key;  // URI, without a PIN; "file:" ones may be relative to the configuration's directory
    crypto::Certificate certificate;
    bool operator==(const Identity&) const = default;
};
using Identities = std::map<Role, Identity>;

// What stands in for the configured pair of a role.
struct Heir {
    Identity identity;
    std::string origin;  // SHA-256 of the configured certificate it followed: another one there takes over again
};

// The pairs that were advertised together until a rollover.
struct Retired {
    Identities identities;
    Time at{};
};

// One certificate on its way. Its content is decided before the CA is asked, and asked again under the same id.
struct Renewal {
    Role role = Role::agent;
    std::string key;     // URI of the key it is for, made or still to be made
    std::string id{};    // 32 hex digits: idempotency key for the CA
    Bytes request{};     // PKCS#10; empty: not made yet
    std::string plan{};  // as ra::write_plan
    bool submitted = false;
    Time submitted_at{};                          // of the last time
    std::string handle{};                         // while the CA holds it
    std::optional<crypto::Certificate> issued{};  // checked; waits for its partner
};

struct Rollover {
    std::vector<Renewal> renewals;
    std::string asked_by;  // "daemon" or an operator's name
    Time started{};
    unsigned tries = 0;  // since the last progress
    Time next_try{};
    std::string trouble{};  // of the last try
};

struct LastOutcome {
    bool success = false;
    Time at{};
    std::string detail{};
};

struct Succession {
    std::uint64_t revision = 0;  // grows when the identities in force change
    std::map<Role, Heir> heirs;
    std::vector<Retired> retired;  // newest first, at most most_retired
    std::optional<Rollover> rollover;
    std::optional<LastOutcome> last;
};

inline constexpr std::size_t most_retired = 4;

struct RenewalRules {
    bool automatic = true;
    unsigned renew_at_percent = 66;
    bool new_key = true;
    std::chrono::hours life{24 * 730};
    std::chrono::hours overlap{24 * 30};
    std::map<Role, std::string> templates;
};

// When so much of its life has passed.
Time due_at(const crypto::Certificate& certificate, unsigned percent);
// What is in force: the heir of the configured identity, or that itself.
const Identity& in_force(const Succession& succession, Role role, const Identity& configured);
// The retired still in their overlap, newest first.
std::vector<Retired> overlapping(const Succession& succession, std::chrono::hours overlap, Time now);
// How long to wait after this many tries without progress: a minute, doubling to an hour, less where little of the
// certificate's life is left; a quarter more or less by `dice` (0..255), so that many do not ask at once.
std::chrono::milliseconds pause_after(unsigned tries, std::chrono::milliseconds life_left, std::uint8_t dice);

class SuccessionFile {
public:
    // `directory` of [ra.NAME].
    SuccessionFile(const std::filesystem::path& directory, const std::string& ra_name);

    // A file that is not there is the beginning. malformed: not what write() made; unavailable.
    Result<Succession> read() const;
    // Atomic and durable: the old content or the new, after a crash too. Mode 0600.
    Result<void> write(const Succession& succession) const;

    // Held by whoever carries a rollover on, one process at a time; ends with its holder, however that ends.
    class Lock {
    public:
        explicit Lock(int descriptor) : descriptor_(descriptor) {}
        ~Lock();
        Lock(const Lock&) = delete;
        Lock& operator=(const Lock&) = delete;

    private:
        int descriptor_;
    };
    // conflict: another process has it, which is a matter of seconds. unavailable: no lock can be made here.
    Result<std::unique_ptr<Lock>> lock() const;

    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

std::string write_succession(const Succession& succession);
Result<Succession> read_succession(std::string_view json);

}  // namespace countersign::ra
