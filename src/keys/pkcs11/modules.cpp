#include "modules.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/ossl.hpp"

#include "return_value.hpp"

namespace countersign::keys::pkcs11 {

namespace {

std::string last_message() {
    const char* reason = p11_kit_message();
    return printable(reason == nullptr ? "no reason given" : reason, 200);
}

}  // namespace

Result<std::shared_ptr<Modules>> Modules::load(const std::filesystem::path& path) {
    // A module that uses this process's OpenSSL leaves errors on our queue.
    const crypto::ErrorMark mark;
    std::shared_ptr<Modules> modules(new Modules(path));
    CHECK(modules->find());
    CHECK(modules->start());
    return modules;
}

Modules::~Modules() {
    close();
}

Result<void> Modules::find() {
    if (path_.empty()) {
        registered_ = p11_kit_modules_load(nullptr, 0);
        if (registered_ != nullptr) return boost::system::in_place_value;
        return fail::unavailable("the modules p11-kit is configured with cannot be loaded: " + last_message());
    }
    module_ = p11_kit_module_load(path_.c_str(), P11_KIT_MODULE_CRITICAL);
    if (module_ != nullptr) return boost::system::in_place_value;
    return fail::unavailable("the PKCS#11 module " + path_.string() + " cannot be loaded (" + last_message() +
                             "); name the vendor's library with pkcs11.module or module-path");
}

Result<void> Modules::start() {
    const CK_RV value =
        registered_ != nullptr ? p11_kit_modules_initialize(registered_, nullptr) : p11_kit_module_initialize(module_);
    if (value != CKR_OK) return fail::unavailable(describe() + " does not start: " + name_of(value));
    if (module_ != nullptr) modules_.push_back(module_);
    // Those that do not start and are not critical have been taken out of the list.
    for (CK_FUNCTION_LIST** one = registered_; one != nullptr && *one != nullptr; ++one) modules_.push_back(*one);
    return boost::system::in_place_value;
}

void Modules::stop() {
    ++generation_;
    if (modules_.empty()) return;
    if (registered_ != nullptr) {
        p11_kit_modules_finalize(registered_);
    } else {
        p11_kit_module_finalize(module_);
    }
    modules_.clear();
}

// The libraries stay loaded meanwhile: not every one survives being unloaded.
Result<void> Modules::restart(std::uint64_t generation) {
    const std::unique_lock lock(mutex_);
    if (registered_ == nullptr && module_ == nullptr) return fail::unavailable("the modules have been closed");
    if (generation_ != generation && !modules_.empty()) return boost::system::in_place_value;
    const crypto::ErrorMark mark;
    stop();
    return start();
}

void Modules::close() {
    const std::unique_lock lock(mutex_);
    const crypto::ErrorMark mark;
    stop();
    if (registered_ != nullptr) p11_kit_modules_release(registered_);
    if (module_ != nullptr) p11_kit_module_release(module_);
    registered_ = nullptr;
    module_ = nullptr;
}

}  // namespace countersign::keys::pkcs11
