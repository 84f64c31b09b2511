// A SoftHSM of the benchmark's own, and how fast its module is by itself: the RSA of an enrollment, asked of the token
// directly through PKCS#11 with nothing of ours in between.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace countersign::bench {

class SoftHsmToken {
public:
    // Makes the token in `directory` and sets SOFTHSM2_CONF for this process and its children, so that one is measured
    // after the other. `module`: what stands in front of SoftHSM (paced_token.cpp); empty: nothing. Throws.
    explicit SoftHsmToken(const std::filesystem::path& directory, const std::string& module = {});

    static bool installed();
    // For `countersign init --token`.
    const std::string& uri() const { return uri_; }

    // Enrollments' worth of RSA per second: one CKM_RSA_X_509 decryption by the encryption key and three CKM_RSA_PKCS
    // signatures (agent twice, CA once), each thread with a session of its own, for `seconds`. The keys are those
    // `init` made. Throws.
    double raw_per_second(std::size_t threads, double seconds) const;

private:
    std::string module_;
    std::string uri_;
};

}  // namespace countersign::bench
