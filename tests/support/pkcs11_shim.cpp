// A PKCS#11 module that forwards to SoftHSM and misbehaves on demand. The test that loads it steers it through
// pkcs11_shim() (see pkcs11_shim.hpp); what it counts is what a real token would see.
#include "pkcs11_shim.hpp"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <vector>

namespace {

using countersign::test::Pkcs11Shim;

class Shim final : public Pkcs11Shim {
public:
    void reset() override {
        const std::lock_guard lock(mutex_);
        faults_.clear();
        calls_.clear();
        hidden_.clear();
        token_flags_ = 0;
        session_limit_ = 0;
        corrupt_ = false;
        shared_use_ = 0;
        most_open_ = 0;
        returned_ = 0;
    }
    void fail(const std::string& function, unsigned nth, unsigned long value, unsigned times) override {
        const std::lock_guard lock(mutex_);
        faults_.push_back({function, nth, times, value});
    }
    void hide_mechanism(unsigned long mechanism) override {
        const std::lock_guard lock(mutex_);
        hidden_.insert(mechanism);
    }
    void add_token_flags(unsigned long flags) override { token_flags_ = flags; }
    void limit_sessions(unsigned limit) override { session_limit_ = limit; }
    void corrupt_signatures(bool corrupt) override { corrupt_ = corrupt; }
    unsigned calls(const std::string& function) override {
        const std::lock_guard lock(mutex_);
        return calls_[function];
    }
    unsigned returned_faults() override { return returned_; }
    unsigned open_sessions() override {
        const std::lock_guard lock(mutex_);
        return static_cast<unsigned>(sessions_.size());
    }
    unsigned most_open_sessions() override { return most_open_; }
    unsigned sessions_shared_by_threads() override { return shared_use_; }

    // The value to return instead of forwarding, or CKR_OK.
    CK_RV fault(const char* function) {
        const std::lock_guard lock(mutex_);
        ++calls_[function];
        for (Fault& fault : faults_) {
            if (fault.function != function || fault.times == 0) continue;
            if (fault.nth > 1) {
                --fault.nth;
                continue;
            }
            if (fault.times != for_ever) --fault.times;
            ++returned_;
            return fault.value;
        }
        return CKR_OK;
    }
    bool hides(CK_MECHANISM_TYPE mechanism) {
        const std::lock_guard lock(mutex_);
        return hidden_.contains(mechanism);
    }
    // A place is taken before the token is asked, so that threads which ask at once cannot pass the limit together.
    bool take_place() {
        const std::lock_guard lock(mutex_);
        if (session_limit_ != 0 && sessions_.size() + opening_ >= session_limit_) return false;
        ++opening_;
        return true;
    }
    void opened(CK_RV value, CK_SESSION_HANDLE session) {
        const std::lock_guard lock(mutex_);
        --opening_;
        if (value != CKR_OK) return;
        sessions_.insert(session);
        if (sessions_.size() > most_open_) most_open_ = static_cast<unsigned>(sessions_.size());
    }
    void closed(CK_SESSION_HANDLE session) {
        const std::lock_guard lock(mutex_);
        sessions_.erase(session);
    }
    void all_closed() {
        const std::lock_guard lock(mutex_);
        sessions_.clear();
    }
    void enter(CK_SESSION_HANDLE session) {
        const std::lock_guard lock(mutex_);
        if (!busy_.insert(session).second) ++shared_use_;
    }
    void leave(CK_SESSION_HANDLE session) {
        const std::lock_guard lock(mutex_);
        busy_.erase(session);
    }
    CK_FLAGS token_flags() const { return token_flags_; }
    bool corrupts() const { return corrupt_; }

private:
    struct Fault {
        std::string function;
        unsigned nth;
        unsigned times;
        CK_RV value;
    };
    std::mutex mutex_;
    std::vector<Fault> faults_;
    std::map<std::string, unsigned> calls_;
    std::set<unsigned long> hidden_;
    std::set<CK_SESSION_HANDLE> sessions_;
    std::size_t opening_ = 0;
    std::set<CK_SESSION_HANDLE> busy_;
    std::atomic<CK_FLAGS> token_flags_{0};
    std::atomic<unsigned> session_limit_{0};
    std::atomic<unsigned> shared_use_{0};
    std::atomic<unsigned> most_open_{0};
    std::atomic<unsigned> returned_{0};
    std::atomic<bool> corrupt_{false};
};

Shim& shim() {
    static Shim one;
    return one;
}

CK_FUNCTION_LIST* real = nullptr;

template <auto Member>
struct Forward;

template <class... Arguments, CK_RV (*CK_FUNCTION_LIST::*Member)(Arguments...)>
struct Forward<Member> {
    static inline const char* name = "";
    static CK_RV call(Arguments... arguments) {
        if (const CK_RV value = shim().fault(name); value != CKR_OK) return value;
        return (real->*Member)(arguments...);
    }
};

// The calls made on a session of their own count whether two threads are in one session at a time.
template <auto Member>
struct OnSession;

template <class... Arguments, CK_RV (*CK_FUNCTION_LIST::*Member)(CK_SESSION_HANDLE, Arguments...)>
struct OnSession<Member> {
    static inline const char* name = "";
    static CK_RV call(CK_SESSION_HANDLE session, Arguments... arguments) {
        shim().enter(session);
        CK_RV value = shim().fault(name);
        if (value == CKR_OK) value = (real->*Member)(session, arguments...);
        shim().leave(session);
        return value;
    }
};

CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify, CK_SESSION_HANDLE* session) {
    if (const CK_RV value = shim().fault("C_OpenSession"); value != CKR_OK) return value;
    if (!shim().take_place()) return CKR_SESSION_COUNT;
    const CK_RV value = real->C_OpenSession(slot, flags, application, notify, session);
    shim().opened(value, *session);
    return value;
}

// A fault here is one after the fact: the session is closed all the same.
CK_RV close_session(CK_SESSION_HANDLE session) {
    const CK_RV fault = shim().fault("C_CloseSession");
    const CK_RV value = real->C_CloseSession(session);
    shim().closed(session);
    return fault != CKR_OK ? fault : value;
}

CK_RV finalize(void* reserved) {
    const CK_RV fault = shim().fault("C_Finalize");
    const CK_RV value = real->C_Finalize(reserved);
    shim().all_closed();
    return fault != CKR_OK ? fault : value;
}

CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
    if (const CK_RV value = shim().fault("C_GetTokenInfo"); value != CKR_OK) return value;
    const CK_RV value = real->C_GetTokenInfo(slot, info);
    if (value == CKR_OK) info->flags |= shim().token_flags();
    return value;
}

CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE mechanism, CK_MECHANISM_INFO* info) {
    if (const CK_RV value = shim().fault("C_GetMechanismInfo"); value != CKR_OK) return value;
    if (shim().hides(mechanism)) return CKR_MECHANISM_INVALID;
    return real->C_GetMechanismInfo(slot, mechanism, info);
}

CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE* data, CK_ULONG size, CK_BYTE* signature, CK_ULONG* length) {
    const CK_RV value = OnSession<&CK_FUNCTION_LIST::C_Sign>::call(session, data, size, signature, length);
    if (value == CKR_OK && shim().corrupts()) signature[*length / 2] ^= 1;
    return value;
}

CK_FUNCTION_LIST make_list() {
    const char* path = ::getenv("PKCS11_SHIM_MODULE");
    void* library = ::dlopen(path != nullptr ? path : "/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(::dlerror());
    const auto get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
    if (get == nullptr || get(&real) != CKR_OK) throw std::runtime_error("no PKCS#11 module behind the shim");
    CK_FUNCTION_LIST list = *real;
#define FORWARD(function)                                    \
    Forward<& CK_FUNCTION_LIST::function>::name = #function; \
    list.function = &Forward<&CK_FUNCTION_LIST::function>::call;
    FORWARD(C_Initialize)
    FORWARD(C_GetInfo)
    FORWARD(C_GetSlotList)
    FORWARD(C_GetSlotInfo)
#undef FORWARD
#define ON_SESSION(function)                                   \
    OnSession<& CK_FUNCTION_LIST::function>::name = #function; \
    list.function = &OnSession<&CK_FUNCTION_LIST::function>::call;
    ON_SESSION(C_GetSessionInfo)
    ON_SESSION(C_Login)
    ON_SESSION(C_FindObjectsInit)
    ON_SESSION(C_FindObjects)
    ON_SESSION(C_FindObjectsFinal)
    ON_SESSION(C_GetAttributeValue)
    ON_SESSION(C_SignInit)
    ON_SESSION(C_Sign)
    ON_SESSION(C_DecryptInit)
    ON_SESSION(C_Decrypt)
    ON_SESSION(C_GenerateKeyPair)
#undef ON_SESSION
    list.C_Sign = sign;
    list.C_OpenSession = open_session;
    list.C_CloseSession = close_session;
    list.C_Finalize = finalize;
    list.C_GetTokenInfo = get_token_info;
    list.C_GetMechanismInfo = get_mechanism_info;
    return list;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
    static CK_FUNCTION_LIST one = make_list();
    *list = &one;
    return CKR_OK;
}

extern "C" __attribute__((visibility("default"))) Pkcs11Shim* pkcs11_shim() {
    return &shim();
}
