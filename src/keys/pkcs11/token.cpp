#include "token.hpp"

#include "countersign/crypto/ossl.hpp"
#include "return_value.hpp"

#include <algorithm>

namespace countersign::keys::pkcs11 {

namespace {

Error away(const std::string& token, const std::string& reason) {
    return fail::unavailable(token + ": " + reason);
}

}  // namespace

Token::Token(Uri uri, std::shared_ptr<Modules> modules, std::shared_ptr<PinLatch> latch, const Pkcs11Options& options)
    : uri_(std::move(uri)),
      modules_(std::move(modules)),
      latch_(std::move(latch)),
      options_(options),
      limit_(std::max(1U, options.sessions)) {}

Token::~Token() {
    close();
}

Token::Lease::~Lease() {
    if (token_ != nullptr) token_->give_back(*connection_, session_.handle(), good_);
}

Result<Token::Lease> Token::lease() {
    return lease_before(options_.now() + options_.patience);
}

Result<Token::Lease> Token::lease_before(Steady deadline) {
    constexpr int tries = 3;
    int failures = 0;
    Lock lock(mutex_);
    for (;;) {
        if (closed_) return away(describe(), "closed");
        CHECK(make_connection(lock));
        if (!connection_) continue;
        const auto connection = connection_;
        if (const auto session = idle_session(lock, *connection)) {
            lock.unlock();
            auto use = modules_->use();
            if (modules_->generation() == connection->generation)
                return Lease(*this, connection, *session, std::move(use));
            use.unlock();
            reconnect(connection->epoch, false);
            lock.lock();
            continue;
        }
        if (connection_ != connection) continue;  // replaced while the lock was let go
        if (open_ < limit_) {
            ++open_;
            lock.unlock();
            CK_SESSION_HANDLE session = 0;
            auto use = modules_->use();
            const auto opened = open_session(*connection, session);
            if (opened == CKR_OK) return Lease(*this, connection, session, std::move(use));
            use.unlock();
            lock.lock();
            if (!connection_ || connection_->epoch != connection->epoch) continue;
            --open_;
            if (opened == CKR_SESSION_COUNT && open_ > 0) {
                limit_ = open_;
                continue;
            }
            drop_connection(lock);
            if (!opened) continue;
            restart_first_ = failures > 0;
            if (++failures < tries) continue;
            pause(away(describe(), "no session can be opened: " + name_of(*opened)));
            return *trouble_;
        }
        const auto left = deadline - options_.now();
        if (left <= left.zero()) return away(describe(), "all sessions have been busy for too long");
        changed_.wait_for(lock, std::min<std::chrono::nanoseconds>(left, std::chrono::milliseconds{200}));
    }
}

Result<void> Token::make_connection(Lock& lock) {
    while (!connection_ && connecting_) changed_.wait(lock);
    if (connection_ || closed_) return boost::system::in_place_value;
    if (trouble_ && options_.now() < not_before_) return *trouble_;
    connecting_ = true;
    const std::uint64_t epoch = ++epoch_;
    const bool restart_first = std::exchange(restart_first_, false);
    lock.unlock();
    auto made = connect(epoch, restart_first);
    lock.lock();
    connecting_ = false;
    changed_.notify_all();
    if (!made) {
        pause(std::move(made).error());
        return *trouble_;
    }
    connection_ = *std::move(made);
    idle_.clear();
    retired_.clear();
    open_ = 0;
    limit_ = std::max(1U, options_.sessions);
    return boost::system::in_place_value;
}

std::optional<CK_SESSION_HANDLE> Token::idle_session(Lock& lock, const Connection& connection) {
    if (!retired_.empty()) {
        const auto sessions = std::exchange(retired_, {});
        lock.unlock();
        close_sessions(connection, sessions);
        lock.lock();
        if (!connection_ || connection_->epoch != connection.epoch) return std::nullopt;
        open_ -= std::min(open_, static_cast<unsigned>(sessions.size()));
        changed_.notify_all();
    }
    if (idle_.empty()) return std::nullopt;
    const CK_SESSION_HANDLE session = idle_.back();
    idle_.pop_back();
    return session;
}

std::optional<CK_RV> Token::open_session(const Connection& connection, CK_SESSION_HANDLE& session) {
    if (modules_->generation() != connection.generation) return std::nullopt;
    const crypto::ErrorMark mark;
    return connection.functions->C_OpenSession(connection.slot, CKF_SERIAL_SESSION, nullptr, nullptr, &session);
}

void Token::give_back(const Connection& connection, CK_SESSION_HANDLE session, bool good) {
    Lock lock(mutex_);
    if (!connection_ || connection_->epoch != connection.epoch) {
        lock.unlock();
        if (modules_->generation() != connection.generation) return;  // the lease still holds use()
        const crypto::ErrorMark mark;
        connection.functions->C_CloseSession(session);
        return;
    }
    (good ? idle_ : retired_).push_back(session);
    if (good) {
        pause_ = {};
        trouble_.reset();
    }
    changed_.notify_one();
}

void Token::drop_connection(Lock& lock) {
    const auto connection = std::exchange(connection_, nullptr);
    if (!connection) return;
    auto sessions = std::exchange(idle_, {});
    sessions.insert(sessions.end(), retired_.begin(), retired_.end());
    retired_.clear();
    sessions.push_back(connection->login);
    open_ = 0;
    lock.unlock();
    close_sessions(*connection, sessions);
    lock.lock();
}

void Token::close_sessions(const Connection& connection, const std::vector<CK_SESSION_HANDLE>& sessions) {
    const auto use = modules_->use();
    if (modules_->generation() != connection.generation) return;
    const crypto::ErrorMark mark;
    for (const CK_SESSION_HANDLE session : sessions) connection.functions->C_CloseSession(session);
}

void Token::reconnect(std::uint64_t epoch, bool thorough) {
    Lock lock(mutex_);
    if (!connection_ || connection_->epoch != epoch) return;
    restart_first_ = restart_first_ || thorough;
    drop_connection(lock);
}

bool Token::is_current(std::uint64_t epoch) {
    const Lock lock(mutex_);
    return connection_ && connection_->epoch == epoch;
}

Error Token::give_up(std::uint64_t epoch, std::string reason) {
    Lock lock(mutex_);
    Error error = away(describe(), reason);
    if (connection_ && connection_->epoch != epoch) return error;  // somebody else has more luck already
    drop_connection(lock);
    restart_first_ = true;
    pause(error);
    return error;
}

void Token::pause(Error reason) {
    pause_ = std::clamp(2 * pause_, options_.first_pause, options_.longest_pause);
    not_before_ = options_.now() + pause_;
    trouble_ = std::move(reason);
}

Result<void> Token::change(const std::function<Result<void>(Session&)>& work) {
    TRY(Lease lease, lease());
    lease.succeeded();
    const Connection& connection = lease.connection();
    const crypto::ErrorMark mark;
    CK_SESSION_HANDLE handle = 0;
    const CK_RV opened = connection.functions->C_OpenSession(connection.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
                                                             nullptr, nullptr, &handle);
    if (opened != CKR_OK) return away(describe(), "no session for writing can be opened: " + name_of(opened));
    Session session(connection.functions, handle);
    auto done = work(session);
    connection.functions->C_CloseSession(handle);
    return done;
}

bool Token::has_mechanism(Lease& lease, CK_MECHANISM_TYPE mechanism, CK_FLAGS use) {
    const crypto::ErrorMark mark;
    CK_MECHANISM_INFO info{};
    const Connection& connection = lease.connection();
    return connection.functions->C_GetMechanismInfo(connection.slot, mechanism, &info) == CKR_OK &&
           (info.flags & use) == use;
}

void Token::close() {
    Lock lock(mutex_);
    closed_ = true;
    drop_connection(lock);
    changed_.notify_all();
}

}  // namespace countersign::keys::pkcs11
