// A PKCS#11 module that forwards to SoftHSM and takes the time of a token with processors of its own: an operation
// holds one of `engines` places for `milliseconds` (or for as long as SoftHSM needs, if that is longer), and sleeps
// what is left of it. So what a distant token costs is waiting, not the processor of this machine. Set by
// COUNTERSIGN_PACED_ENGINES and COUNTERSIGN_PACED_MS.
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <chrono>
#include <cstdlib>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using Steady = std::chrono::steady_clock;

unsigned long setting(const char* name) {
    const char* text = std::getenv(name);
    if (text == nullptr) throw std::runtime_error(std::string(name) + " is not set");
    return std::stoul(text);
}

struct Token {
    CK_FUNCTION_LIST* real = nullptr;
    std::counting_semaphore<> engines{static_cast<std::ptrdiff_t>(setting("COUNTERSIGN_PACED_ENGINES"))};
    std::chrono::milliseconds each{setting("COUNTERSIGN_PACED_MS")};
};

Token& token() {
    static Token one;
    return one;
}

template <auto Member>
struct Paced;

template <class... Arguments, CK_RV (*CK_FUNCTION_LIST::*Member)(Arguments...)>
struct Paced<Member> {
    static CK_RV call(Arguments... arguments) {
        token().engines.acquire();
        const auto until = Steady::now() + token().each;
        const CK_RV value = (token().real->*Member)(arguments...);
        std::this_thread::sleep_until(until);
        token().engines.release();
        return value;
    }
};

CK_FUNCTION_LIST make_list() {
    void* library = ::dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(::dlerror());
    const auto get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
    if (get == nullptr || get(&token().real) != CKR_OK) throw std::runtime_error("no SoftHSM behind the paced token");
    CK_FUNCTION_LIST list = *token().real;
    list.C_Sign = &Paced<&CK_FUNCTION_LIST::C_Sign>::call;
    list.C_Decrypt = &Paced<&CK_FUNCTION_LIST::C_Decrypt>::call;
    return list;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
    static CK_FUNCTION_LIST one = make_list();
    *list = &one;
    return CKR_OK;
}
