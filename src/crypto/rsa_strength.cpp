#include "countersign/crypto/rsa_strength.hpp"

#include "countersign/crypto/ossl.hpp"

#include <array>
#include <cstdint>
#include <new>
#include <stdexcept>

namespace countersign::crypto {
namespace {

constexpr std::size_t longest_modulus = 1024;  // octets

void check_size(ByteView modulus) {
    if (modulus.size() > longest_modulus) throw std::invalid_argument("an RSA modulus of more than 8192 bits");
}

// The remainders that squares leave.
template <unsigned modulus>
constexpr auto square_remainders = [] {
    std::array<bool, modulus> found{};
    for (unsigned i = 0; i < modulus; ++i) found[i * i % modulus] = true;
    return found;
}();

Ossl<BIGNUM> new_number() {
    Ossl<BIGNUM> number(BN_new());
    if (!number) throw std::bad_alloc();
    return number;
}

// OpenSSL's arithmetic on numbers of this size fails for want of memory alone.
void must(int done) {
    if (done != 1) throw std::bad_alloc();
}

struct ContextFree {
    void operator()(BN_CTX* context) const { BN_CTX_free(context); }
};

// Integer arithmetic with one scratch space.
class Arithmetic {
public:
    Arithmetic() : context_(BN_CTX_new()) {
        if (!context_) throw std::bad_alloc();
    }

    Ossl<BIGNUM> square(const BIGNUM* a) {
        auto result = new_number();
        must(BN_sqr(result.get(), a, context_.get()));
        return result;
    }

    // The largest integer whose square is not above `n`, by Newton's method from above: falls until it stands.
    Ossl<BIGNUM> square_root(const BIGNUM* n) {
        auto root = new_number();
        if (BN_is_zero(n)) return root;
        must(BN_set_bit(root.get(), (BN_num_bits(n) + 1) / 2));
        auto next = new_number();
        while (true) {
            must(BN_div(next.get(), nullptr, n, root.get(), context_.get()));
            must(BN_add(next.get(), next.get(), root.get()));
            must(BN_rshift1(next.get(), next.get()));
            if (BN_cmp(next.get(), root.get()) >= 0) return root;
            std::swap(next, root);
        }
    }

    bool is_square(const BIGNUM* n) {
        if (!may_be_square(n)) return false;
        const auto root = square_root(n);
        return BN_cmp(square(root.get()).get(), n) == 0;
    }

private:
    // Squares leave few remainders: all but about one number in a hundred stop here, four of five at their last bits.
    static bool may_be_square(const BIGNUM* n) {
        unsigned low = 0;
        for (int bit = 5; bit >= 0; --bit) low = low << 1U | static_cast<unsigned>(BN_is_bit_set(n, bit));
        if (!square_remainders<64>[low]) return false;
        const BN_ULONG rest = BN_mod_word(n, 63UL * 65 * 11);
        return square_remainders<63>[rest % 63] && square_remainders<65>[rest % 65] && square_remainders<11>[rest % 11];
    }

    std::unique_ptr<BN_CTX, ContextFree> context_;
};

constexpr bool is_prime(unsigned candidate) {
    for (unsigned divisor = 2; divisor * divisor <= candidate; ++divisor) {
        if (candidate % divisor == 0) return false;
    }
    return candidate >= 2;
}

constexpr unsigned largest_small_factor = 751;

constexpr std::size_t count_small_primes() {
    std::size_t count = 0;
    for (unsigned candidate = 2; candidate <= largest_small_factor; ++candidate) count += is_prime(candidate) ? 1 : 0;
    return count;
}

// Every judged request is tried against these; they are found when this file is compiled.
constexpr auto small_primes = [] {
    std::array<unsigned, count_small_primes()> primes{};
    std::size_t next = 0;
    for (unsigned candidate = 2; candidate <= largest_small_factor; ++candidate) {
        if (is_prime(candidate)) primes[next++] = candidate;
    }
    return primes;
}();

// As many of them as multiply to 32 bits share one division of the modulus.
struct PrimeGroup {
    std::size_t first = 0;
    std::size_t count = 0;
    std::uint32_t product = 1;
};

constexpr std::size_t group_small_primes(PrimeGroup* groups) {
    PrimeGroup group;
    std::size_t count = 0;
    for (std::size_t i = 0; i < small_primes.size(); ++i) {
        const std::uint64_t wider = std::uint64_t{group.product} * small_primes[i];
        if (wider > UINT32_MAX) {
            if (groups != nullptr) groups[count] = group;
            ++count;
            group = {i, 0, 1};
        }
        group.product *= small_primes[i];
        ++group.count;
    }
    if (groups != nullptr) groups[count] = group;
    return count + 1;
}

constexpr auto prime_groups = [] {
    std::array<PrimeGroup, group_small_primes(nullptr)> groups{};
    group_small_primes(groups.data());
    return groups;
}();

constexpr std::size_t most_limbs = longest_modulus / 4;
using Limbs = std::array<std::uint32_t, most_limbs>;

// What each limb of a number weighs modulo a divisor: 2^(32 i) mod divisor.
constexpr Limbs weights_modulo(std::uint32_t divisor) {
    Limbs weights{};
    std::uint64_t weight = 1 % divisor;
    for (auto& one : weights) {
        one = static_cast<std::uint32_t>(weight);
        weight = (weight << 32U) % divisor;
    }
    return weights;
}

constexpr auto group_weights = [] {
    std::array<Limbs, prime_groups.size()> weights{};
    for (std::size_t i = 0; i < prime_groups.size(); ++i) weights[i] = weights_modulo(prime_groups[i].product);
    return weights;
}();

// Least significant first; what the modulus does not reach is zero.
Limbs limbs_of(ByteView modulus) {
    Limbs limbs{};
    std::size_t position = 0;
    for (auto octet = modulus.rbegin(); octet != modulus.rend(); ++octet, ++position)
        limbs[position / 4] |= std::uint32_t{*octet} << (8 * (position % 4));
    return limbs;
}

// The remainder as a weighted sum of limbs: two divisions in all instead of one for each limb.
std::uint32_t remainder(const Limbs& limbs, std::size_t count, const Limbs& weights, std::uint32_t divisor) {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t product = std::uint64_t{limbs[i]} * weights[i];
        low += product & UINT32_MAX;
        high += product >> 32U;
    }
    const std::uint64_t rest = ((high % divisor) << 32U) % divisor + low % divisor;
    return static_cast<std::uint32_t>(rest % divisor);
}

// Those primes below 168 modulo which 65537 generates so small a group that membership says something.
constexpr std::array roca_primes{11U, 13U, 17U,  19U,  37U,  53U,  61U,  71U, 73U,
                                 79U, 97U, 103U, 107U, 109U, 127U, 151U, 157U};

constexpr auto roca_weights = [] {
    std::array<Limbs, roca_primes.size()> weights{};
    for (std::size_t i = 0; i < roca_primes.size(); ++i) weights[i] = weights_modulo(roca_primes[i]);
    return weights;
}();

constexpr bool is_power_of_65537(unsigned residue, unsigned prime) {
    const unsigned generator = 65537U % prime;
    unsigned power = 1;
    do {
        if (power == residue) return true;
        power = power * generator % prime;
    } while (power != 1);
    return false;
}

}  // namespace

unsigned small_factor(ByteView modulus) {
    check_size(modulus);
    const Limbs limbs = limbs_of(modulus);
    const std::size_t count = (modulus.size() + 3) / 4;
    for (std::size_t at = 0; at < prime_groups.size(); ++at) {
        const PrimeGroup& group = prime_groups[at];
        const std::uint32_t rest = remainder(limbs, count, group_weights[at], group.product);
        for (std::size_t i = group.first; i < group.first + group.count; ++i) {
            if (rest % small_primes[i] == 0) return small_primes[i];
        }
    }
    return 0;
}

bool has_roca_fingerprint(ByteView modulus) {
    check_size(modulus);
    const Limbs limbs = limbs_of(modulus);
    const std::size_t count = (modulus.size() + 3) / 4;
    for (std::size_t at = 0; at < roca_primes.size(); ++at) {
        const unsigned prime = roca_primes[at];
        if (!is_power_of_65537(remainder(limbs, count, roca_weights[at], prime), prime)) return false;
    }
    return true;
}

// n = a^2 - b^2 = (a - b)(a + b): tries a = ceil(sqrt n), ceil(sqrt n) + 1, ... until a^2 - n is a square.
bool has_close_primes(ByteView modulus, int rounds) {
    check_size(modulus);
    auto n = new_number();
    if (BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), n.get()) == nullptr) throw std::bad_alloc();
    if (BN_is_zero(n.get())) return true;

    Arithmetic arithmetic;
    auto a = arithmetic.square_root(n.get());
    if (BN_cmp(arithmetic.square(a.get()).get(), n.get()) != 0) must(BN_add_word(a.get(), 1));
    auto difference = arithmetic.square(a.get());
    must(BN_sub(difference.get(), difference.get(), n.get()));
    for (int round = 0; round < rounds; ++round) {
        if (arithmetic.is_square(difference.get())) return true;
        // (a + 1)^2 - n = (a^2 - n) + 2a + 1
        must(BN_add(difference.get(), difference.get(), a.get()));
        must(BN_add(difference.get(), difference.get(), a.get()));
        must(BN_add_word(difference.get(), 1));
        must(BN_add_word(a.get(), 1));
    }
    return false;
}

}  // namespace countersign::crypto
