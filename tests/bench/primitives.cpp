#include "primitives.hpp"

#include "countersign/core/random.hpp"
#include "countersign/keys/file_key.hpp"
#include "scep_load.hpp"

#include <ctime>
#include <thread>
#include <vector>

namespace countersign::bench {
namespace {

double thread_cpu_ms() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

PrimitiveCost measure_on_this_thread(keys::Key& key, std::size_t rounds) {
    constexpr crypto::SignatureScheme scheme{crypto::Padding::rsa_pkcs1, crypto::DigestAlgorithm::sha256};
    SystemRandom random;
    const Bytes message =
        random.bytes(800);  // about the size of what a certificate or signed attributes are signed over
    const Bytes wrapped = test::must(key.public_key().encrypt({}, random.bytes(32)), "encrypting");
    PrimitiveCost cost;
    for (std::size_t i = 0; i < rounds; ++i) {
        const double start = thread_cpu_ms();
        test::must(key.decrypt(keys::DecryptScheme::rsa_raw, wrapped), "decrypting");
        const double middle = thread_cpu_ms();
        for (int j = 0; j < 3; ++j) test::must(key.sign(scheme, message), "signing");
        cost.decrypt_ms += middle - start;
        cost.sign_ms += (thread_cpu_ms() - middle) / 3;
    }
    const auto count = static_cast<double>(rounds);
    return {cost.decrypt_ms / count, cost.sign_ms / count};
}

}  // namespace

PrimitiveCost measure_primitives(std::size_t rounds, std::size_t threads) {
    const auto pem = test::must(keys::generate_private_key_pem(keys::GeneratedKey::rsa2048), "a key");
    const auto key = test::must(keys::key_from_pem(pem, "benchmark"), "a key");
    measure_on_this_thread(*key, 20);  // warm
    std::vector<PrimitiveCost> costs(threads);
    {
        std::vector<std::jthread> running;
        for (auto& cost : costs) running.emplace_back([&] { cost = measure_on_this_thread(*key, rounds); });
    }
    PrimitiveCost mean;
    for (const auto& cost : costs) {
        mean.decrypt_ms += cost.decrypt_ms / static_cast<double>(threads);
        mean.sign_ms += cost.sign_ms / static_cast<double>(threads);
    }
    return mean;
}

}  // namespace countersign::bench
