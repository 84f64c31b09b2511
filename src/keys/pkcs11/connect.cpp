// How a token is found and logged in to.
#include "countersign/core/text.hpp"
#include "countersign/crypto/ossl.hpp"

#include "return_value.hpp"
#include "token.hpp"

namespace countersign::keys::pkcs11 {

namespace {

// PKCS#11 pads its texts with blanks.
template <std::size_t size>
std::string text_of(const CK_UTF8CHAR (&field)[size]) {
    return printable(trim(std::string_view(reinterpret_cast<const char*>(field), size)), size);
}

struct Place {
    CK_FUNCTION_LIST* functions = nullptr;
    CK_SLOT_ID slot = 0;
    CK_TOKEN_INFO info{};
};

// At most two: enough to know whether it is one. `seen` gets the labels of what is there.
std::vector<Place> places_of(const Uri& uri, const std::vector<CK_FUNCTION_LIST*>& modules, std::string& seen) {
    std::vector<Place> found;
    for (CK_FUNCTION_LIST* functions : modules) {
        CK_INFO module{};
        if (functions->C_GetInfo(&module) != CKR_OK || !uri.names_module(module)) continue;
        CK_ULONG count = 0;
        if (functions->C_GetSlotList(CK_TRUE, nullptr, &count) != CKR_OK || count == 0 || count > 4096) continue;
        std::vector<CK_SLOT_ID> slots(count);
        if (functions->C_GetSlotList(CK_TRUE, slots.data(), &count) != CKR_OK) continue;
        slots.resize(std::min<std::size_t>(count, slots.size()));
        for (const CK_SLOT_ID slot : slots) {
            CK_SLOT_INFO place{};
            CK_TOKEN_INFO info{};
            if (functions->C_GetSlotInfo(slot, &place) != CKR_OK) continue;
            if (functions->C_GetTokenInfo(slot, &info) != CKR_OK) continue;
            if ((info.flags & CKF_TOKEN_INITIALIZED) == 0) continue;
            seen += (seen.empty() ? "" : ", ") + text_of(info.label);
            if (!uri.names_slot(slot, place) || !uri.names_token(info)) continue;
            found.push_back({functions, slot, info});
            if (found.size() == 2) return found;
        }
    }
    return found;
}

std::string identity_of(const CK_TOKEN_INFO& info) {
    return text_of(info.label) + " (" + text_of(info.manufacturerID) + " " + text_of(info.model) + ", " +
           text_of(info.serialNumber) + ")";
}

}  // namespace

Result<std::shared_ptr<const Token::Connection>> Token::connect(std::uint64_t epoch, bool restart_first) {
    const auto generation = [this] {
        const auto use = modules_->use();
        return modules_->generation();
    };
    if (restart_first) CHECK(modules_->restart(generation()));
    auto made = find_and_log_in(epoch);
    if (made || restart_first || made.error().kind != ErrorKind::not_found) return made;
    CHECK(modules_->restart(generation()));
    return find_and_log_in(epoch);
}

Result<std::shared_ptr<const Token::Connection>> Token::find_and_log_in(std::uint64_t epoch) {
    const auto use = modules_->use();
    const crypto::ErrorMark mark;
    std::string seen;
    const auto places = places_of(uri_, modules_->list(), seen);
    if (places.empty()) {
        return fail::not_found(describe() + ": there is no such token in " + modules_->describe() +
                               (seen.empty() ? "; it shows none at all" : "; it shows " + printable(seen, 200)));
    }
    if (places.size() > 1)
        return fail::malformed(describe() + ": several tokens fit; add serial=NUMBER or slot-id=NUMBER");

    auto connection = std::make_shared<Connection>();
    connection->epoch = epoch;
    connection->generation = modules_->generation();
    connection->functions = places.front().functions;
    connection->slot = places.front().slot;
    connection->identity = identity_of(places.front().info);
    const CK_RV opened = open_session(*connection, connection->login).value();
    if (opened != CKR_OK) return fail::unavailable(describe() + ": no session can be opened: " + name_of(opened));
    if (auto done = log_in(*connection, places.front().info); !done) {
        connection->functions->C_CloseSession(connection->login);
        return std::move(done).error();
    }
    return std::shared_ptr<const Connection>(std::move(connection));
}

Result<void> Token::log_in(const Connection& connection, const CK_TOKEN_INFO& info) {
    if ((info.flags & CKF_LOGIN_REQUIRED) == 0) return boost::system::in_place_value;
    CK_SESSION_INFO state{};
    if (connection.functions->C_GetSessionInfo(connection.login, &state) == CKR_OK &&
        (state.state == CKS_RO_USER_FUNCTIONS || state.state == CKS_RW_USER_FUNCTIONS)) {
        return boost::system::in_place_value;
    }
    if (!uri_.pin_source().empty()) return log_in_with_pin(connection, info);
    if ((info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) == 0) {
        return fail::malformed(describe() + ": the token wants a PIN; add pin-source=file:PATH to the URI");
    }
    const CK_RV value = connection.functions->C_Login(connection.login, CKU_USER, nullptr, 0);
    if (value == CKR_OK || value == CKR_USER_ALREADY_LOGGED_IN) return boost::system::in_place_value;
    return fail::unavailable(describe() + ": the login at the token's own PIN pad failed: " + name_of(value));
}

Result<void> Token::log_in_with_pin(const Connection& connection, const CK_TOKEN_INFO& info) {
    TRY(Secret pin, read_pin(uri_.pin_source(), options_.directory));
    const auto held = latch_->take();
    if (const auto reason = latch_->refusal(connection.identity, pin); !reason.empty()) {
        return fail::unavailable(describe() + ": the token refused this PIN (" + reason +
                                 "); it is not tried again before " + uri_.pin_source() + " holds another");
    }
    if ((info.flags & CKF_USER_PIN_LOCKED) != 0) {
        return fail::unavailable(describe() + ": the token's user PIN is locked; have its security officer unlock it");
    }
    if ((info.flags & CKF_USER_PIN_FINAL_TRY) != 0) {
        return fail::unavailable(describe() +
                                 ": one wrong PIN more would lock the token, so none is tried; log in by hand with the "
                                 "right PIN (pkcs11-tool --login --test), then correct " +
                                 uri_.pin_source());
    }
    const CK_RV value = connection.functions->C_Login(connection.login, CKU_USER, pin.writable().data(), pin.size());
    if (value == CKR_OK || value == CKR_USER_ALREADY_LOGGED_IN) {
        latch_->forget(connection.identity);
        return boost::system::in_place_value;
    }
    if (!refuses_the_pin(value)) return fail::unavailable(describe() + ": the login failed: " + name_of(value));
    latch_->remember(connection.identity, pin, name_of(value));
    return fail::unavailable(describe() + ": the token refuses the PIN (" + name_of(value) +
                             "); it was tried once and is not tried again before " + uri_.pin_source() +
                             " holds another");
}

CK_RV Token::authenticate_again(Session& session, const Connection& connection) {
    if (uri_.pin_source().empty())
        return session.functions()->C_Login(session.handle(), CKU_CONTEXT_SPECIFIC, nullptr, 0);
    auto pin = read_pin(uri_.pin_source(), options_.directory);
    if (!pin) return CKR_USER_NOT_LOGGED_IN;
    const auto held = latch_->take();
    if (!latch_->refusal(connection.identity, *pin).empty()) return CKR_PIN_INCORRECT;
    const CK_RV value =
        session.functions()->C_Login(session.handle(), CKU_CONTEXT_SPECIFIC, pin->writable().data(), pin->size());
    if (refuses_the_pin(value)) latch_->remember(connection.identity, *pin, name_of(value));
    return value;
}

}  // namespace countersign::keys::pkcs11
