// One token: finding it, the login, the pool of sessions, and getting all of it back after the token was away.
// Private to the keys room; any thread.
//
// What was got from the token since it was last found makes up a connection, numbered by its epoch. An operation that
// fails in a way that puts the connection in doubt asks for a new one (reconnect); of several threads that do, one
// works and the others wait. A token that could not be reached is left alone for a pause that doubles.
#pragma once

#include "countersign/keys/pkcs11_key.hpp"

#include "modules.hpp"
#include "pin.hpp"
#include "session.hpp"
#include "uri.hpp"

#include <condition_variable>
#include <mutex>

namespace countersign::keys::pkcs11 {

class Token {
public:
    Token(Uri uri, std::shared_ptr<Modules> modules, std::shared_ptr<PinLatch> latch, const Pkcs11Options& options);
    ~Token();
    Token(const Token&) = delete;
    Token& operator=(const Token&) = delete;

    struct Connection {
        std::uint64_t epoch = 0;
        std::uint64_t generation = 0;  // of the modules
        CK_FUNCTION_LIST* functions = nullptr;
        CK_SLOT_ID slot = 0;
        CK_SESSION_HANDLE login = 0;  // open as long as the connection is: closing the last session logs out
        std::string identity;         // who the token says it is
    };

    // A session for one operation, and the promise that its module is not finalised meanwhile. Unless it is said to
    // have succeeded, the session is closed afterwards: what failed on it may have left an operation behind.
    class Lease {
    public:
        Lease(Token& token, std::shared_ptr<const Connection> connection, CK_SESSION_HANDLE session,
              std::shared_lock<std::shared_mutex> use)
            : token_(&token),
              connection_(std::move(connection)),
              session_(connection_->functions, session),
              use_(std::move(use)) {}
        ~Lease();
        Lease(Lease&& other) noexcept
            : token_(std::exchange(other.token_, nullptr)),
              connection_(std::move(other.connection_)),
              session_(other.session_),
              use_(std::move(other.use_)),
              good_(other.good_) {}
        Lease& operator=(Lease&&) = delete;

        Session& session() { return session_; }
        const Connection& connection() const { return *connection_; }
        void succeeded() { good_ = true; }

    private:
        Token* token_;
        std::shared_ptr<const Connection> connection_;
        Session session_;
        std::shared_lock<std::shared_mutex> use_;
        bool good_ = false;
    };

    // unavailable: the token is away, its PIN was refused, or no session came free in time; with the reason.
    Result<Lease> lease();

    // The connection of that epoch is in doubt: the next lease makes another, `thorough`: after restarting the module.
    // No Lease may be held by the caller.
    void reconnect(std::uint64_t epoch, bool thorough);
    bool is_current(std::uint64_t epoch);
    // Retrying did not help: nobody asks the token again before the pause is over.
    Error give_up(std::uint64_t epoch, std::string reason);

    // For keys that want the PIN before each operation (CKA_ALWAYS_AUTHENTICATE).
    CK_RV authenticate_again(Session& session, const Connection& connection);

    // Runs `work` on a read-write session of its own.
    Result<void> change(const std::function<Result<void>(Session&)>& work);

    static bool has_mechanism(Lease& lease, CK_MECHANISM_TYPE mechanism, CK_FLAGS use);
    void close();
    std::string describe() const { return uri_.text(); }
    const Pkcs11Options& options() const { return options_; }

private:
    using Lock = std::unique_lock<std::mutex>;
    using Steady = std::chrono::steady_clock::time_point;

    Result<Lease> lease_before(Steady deadline);
    // Under the lock, which is let go meanwhile. An error is the reason for which there is no connection.
    Result<void> make_connection(Lock& lock);
    std::optional<CK_SESSION_HANDLE> idle_session(Lock& lock, const Connection& connection);
    // Nothing when the module was restarted since; under use().
    std::optional<CK_RV> open_session(const Connection& connection, CK_SESSION_HANDLE& session);
    void give_back(const Connection& connection, CK_SESSION_HANDLE session, bool good);
    void drop_connection(Lock& lock);
    void pause(Error reason);
    // Not under the lock. What the module has forgotten meanwhile is left alone.
    void close_sessions(const Connection& connection, const std::vector<CK_SESSION_HANDLE>& sessions);

    // connect.cpp
    Result<std::shared_ptr<const Connection>> connect(std::uint64_t epoch, bool restart_first);
    Result<std::shared_ptr<const Connection>> find_and_log_in(std::uint64_t epoch);
    Result<void> log_in(const Connection& connection, const CK_TOKEN_INFO& info);
    Result<void> log_in_with_pin(const Connection& connection, const CK_TOKEN_INFO& info);

    const Uri uri_;
    const std::shared_ptr<Modules> modules_;
    const std::shared_ptr<PinLatch> latch_;
    const Pkcs11Options options_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::shared_ptr<const Connection> connection_;
    std::vector<CK_SESSION_HANDLE> idle_;     // of connection_
    std::vector<CK_SESSION_HANDLE> retired_;  // of connection_: closed by the next who needs one, outside any answer's
                                              // time
    unsigned open_ = 0;                       // sessions of connection_ in use, idle or retired; the login's is beside
    unsigned limit_;                          // what the options say, or less once the token said CKR_SESSION_COUNT
    std::uint64_t epoch_ = 0;
    bool connecting_ = false;
    bool restart_first_ = false;
    bool closed_ = false;
    std::optional<Error> trouble_;  // why there is no connection
    Steady not_before_{};
    std::chrono::milliseconds pause_{0};
};

}  // namespace countersign::keys::pkcs11
