#include "token.hpp"

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <sys/stat.h>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <vector>

namespace countersign::bench {
namespace {

constexpr const char* softhsm_module = "/usr/lib/softhsm/libsofthsm2.so";
constexpr const char* pin = "4711";

void check(CK_RV value, const std::string& what) {
    if (value != CKR_OK) throw std::runtime_error(what + ": CKR " + std::to_string(value));
}

// The module, loaded and logged in; one at a time in a process.
class Module {
public:
    explicit Module(const std::string& file) : library_(::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        if (library_ == nullptr) throw std::runtime_error(::dlerror());
        const auto list = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library_, "C_GetFunctionList"));
        check(list(&functions_), "C_GetFunctionList");
        CK_C_INITIALIZE_ARGS arguments{};
        arguments.flags = CKF_OS_LOCKING_OK;
        check(functions_->C_Initialize(&arguments), "C_Initialize");
        CK_ULONG count = 1;
        // The initialised token comes first; the slot behind it waits for another.
        std::array<CK_SLOT_ID, 8> slots{};
        count = slots.size();
        check(functions_->C_GetSlotList(CK_TRUE, slots.data(), &count), "C_GetSlotList");
        slot_ = slots.front();
        login_ = session();
        check(functions_->C_Login(login_, CKU_USER, reinterpret_cast<CK_UTF8CHAR*>(const_cast<char*>(pin)), 4),
              "C_Login");
    }
    ~Module() {
        functions_->C_Finalize(nullptr);
        ::dlclose(library_);
    }
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;

    CK_FUNCTION_LIST& functions() const { return *functions_; }
    CK_SESSION_HANDLE session() const {
        CK_SESSION_HANDLE session = 0;
        check(functions_->C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &session), "C_OpenSession");
        return session;
    }
    CK_OBJECT_HANDLE key(const std::string& label) const {
        CK_OBJECT_CLASS kind = CKO_PRIVATE_KEY;
        std::array<CK_ATTRIBUTE, 2> wanted{
            {{CKA_CLASS, &kind, sizeof kind}, {CKA_LABEL, const_cast<char*>(label.data()), label.size()}}};
        CK_OBJECT_HANDLE found = 0;
        CK_ULONG count = 0;
        check(functions_->C_FindObjectsInit(login_, wanted.data(), wanted.size()), "C_FindObjectsInit");
        check(functions_->C_FindObjects(login_, &found, 1, &count), "C_FindObjects");
        check(functions_->C_FindObjectsFinal(login_), "C_FindObjectsFinal");
        if (count != 1) throw std::runtime_error("no key " + label);
        return found;
    }

private:
    void* library_;
    CK_FUNCTION_LIST* functions_ = nullptr;
    CK_SLOT_ID slot_ = 0;
    CK_SESSION_HANDLE login_ = 0;
};

struct Keys {
    CK_OBJECT_HANDLE encryption;
    CK_OBJECT_HANDLE agent;
    CK_OBJECT_HANDLE ca;
};

// One enrollment's worth.
void perform(CK_FUNCTION_LIST& functions, CK_SESSION_HANDLE session, const Keys& keys) {
    std::array<CK_BYTE, 256> octets{};
    octets.fill(0x5a);
    octets[0] = 0;
    std::array<CK_BYTE, 256> result{};
    CK_ULONG size = result.size();
    CK_MECHANISM raw{CKM_RSA_X_509, nullptr, 0};
    check(functions.C_DecryptInit(session, &raw, keys.encryption), "C_DecryptInit");
    check(functions.C_Decrypt(session, octets.data(), octets.size(), result.data(), &size), "C_Decrypt");
    CK_MECHANISM pkcs{CKM_RSA_PKCS, nullptr, 0};
    constexpr CK_ULONG digest_info_octets = 51;
    for (const auto key : {keys.agent, keys.ca, keys.agent}) {
        size = result.size();
        check(functions.C_SignInit(session, &pkcs, key), "C_SignInit");
        check(functions.C_Sign(session, octets.data(), digest_info_octets, result.data(), &size), "C_Sign");
    }
}

void run(const std::string& line) {
    if (std::system((line + " >/dev/null 2>&1").c_str()) != 0) throw std::runtime_error(line + " failed");
}

}  // namespace

bool SoftHsmToken::installed() {
    return std::filesystem::exists(softhsm_module);
}

SoftHsmToken::SoftHsmToken(const std::filesystem::path& directory, const std::string& module)
    : module_(module.empty() ? softhsm_module : module) {
    std::filesystem::create_directories(directory / "tokens");
    const auto configuration = directory / "softhsm2.conf";
    std::ofstream(configuration) << "directories.tokendir = " << (directory / "tokens").string()
                                 << "\nobjectstore.backend = file\nlog.level = ERROR\n";
    ::setenv("SOFTHSM2_CONF", configuration.c_str(), 1);
    run("softhsm2-util --init-token --free --label bench --so-pin 47114711 --pin " + std::string(pin));
    const auto pin_file = directory / "pin";
    std::ofstream(pin_file) << pin << '\n';
    ::chmod(pin_file.c_str(), 0600);
    uri_ = "pkcs11:token=bench?pin-source=file:" + std::filesystem::absolute(pin_file).string() +
           "&module-path=" + module_;
}

double SoftHsmToken::raw_per_second(std::size_t threads, double seconds) const {
    const Module module(module_);
    const Keys keys{module.key("countersign-encryption"), module.key("countersign-agent"),
                    module.key("countersign-ca")};
    perform(module.functions(), module.session(), keys);  // warm, and an error here is not in a thread
    std::atomic<std::size_t> done{0};
    std::atomic<bool> failed{false};
    const auto start = std::chrono::steady_clock::now();
    const auto end = start + std::chrono::duration<double>(seconds);
    {
        std::vector<std::jthread> running;
        for (std::size_t i = 0; i < threads; ++i) {
            running.emplace_back([&] {
                try {
                    const auto session = module.session();
                    while (std::chrono::steady_clock::now() < end) {
                        perform(module.functions(), session, keys);
                        ++done;
                    }
                } catch (const std::exception&) {
                    failed = true;
                }
            });
        }
    }
    if (failed) throw std::runtime_error("the token failed under the raw load");
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    return static_cast<double>(done) / took.count();
}

}  // namespace countersign::bench
