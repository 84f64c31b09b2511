// How a test steers pkcs11_shim.cpp, which it loads as the PKCS#11 module. Any thread.
#pragma once

#include <string>

namespace countersign::test {

class Pkcs11Shim {
public:
    static constexpr unsigned for_ever = ~0U;

    virtual ~Pkcs11Shim() = default;
    // No faults, counters at zero; what is open stays counted.
    virtual void reset() = 0;
    // The `nth` call of a function from now on (1 is the next), and `times` in all, returns `value`; only
    // C_CloseSession and C_Finalize do their work all the same.
    virtual void fail(const std::string& function, unsigned nth, unsigned long value, unsigned times = 1) = 0;
    virtual void hide_mechanism(unsigned long mechanism) = 0;
    virtual void add_token_flags(unsigned long flags) = 0;
    virtual void limit_sessions(unsigned limit) = 0;  // beyond it CKR_SESSION_COUNT; 0: none
    virtual void corrupt_signatures(bool corrupt) = 0;

    virtual unsigned calls(const std::string& function) = 0;
    virtual unsigned returned_faults() = 0;
    virtual unsigned open_sessions() = 0;
    virtual unsigned most_open_sessions() = 0;
    virtual unsigned sessions_shared_by_threads() = 0;
};

}  // namespace countersign::test
