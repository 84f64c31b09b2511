// The PKCS#11 modules of one path, or all that p11-kit is configured with; loaded, initialised and finalised together.
// Private to the keys room; any thread.
#pragma once

#include "countersign/core/result.hpp"

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

namespace countersign::keys::pkcs11 {

class Modules {
public:
    // p11-kit's managed modules: several users in one process do not disturb each other, and locking is asked for.
    static Result<std::shared_ptr<Modules>> load(const std::filesystem::path& path);
    ~Modules();
    Modules(const Modules&) = delete;
    Modules& operator=(const Modules&) = delete;

    // Held while any function of a module runs; finalising waits for it. Everything got from a module (slots, sessions,
    // handles) is void once generation() has changed.
    std::shared_lock<std::shared_mutex> use() { return std::shared_lock(mutex_); }
    std::uint64_t generation() const { return generation_; }                 // under use()
    const std::vector<CK_FUNCTION_LIST*>& list() const { return modules_; }  // under use(); empty after close()

    // C_Finalize and C_Initialize: some modules see tokens come and go in no other way. Does nothing when somebody else
    // did it since `generation`. unavailable: a module does not come up; the next call tries again.
    Result<void> restart(std::uint64_t generation);
    void close();

    std::string describe() const { return path_.empty() ? "the modules p11-kit is configured with" : path_.string(); }

private:
    explicit Modules(std::filesystem::path path) : path_(std::move(path)) {}
    Result<void> find();
    Result<void> start();
    void stop();

    const std::filesystem::path path_;
    std::shared_mutex mutex_;
    CK_FUNCTION_LIST** registered_ = nullptr;  // p11-kit's own list, when path_ is empty
    CK_FUNCTION_LIST* module_ = nullptr;       // otherwise
    std::vector<CK_FUNCTION_LIST*> modules_;   // those that run
    std::uint64_t generation_ = 0;
};

}  // namespace countersign::keys::pkcs11
