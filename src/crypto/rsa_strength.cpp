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

unsigned remainder(ByteView modulus, unsigned divisor) {
    std::uint64_t rest = 0;
    for (const auto octet : modulus) rest = ((rest << 8U) | octet) % divisor;
    return static_cast<unsigned>(rest);
}

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
    // Squares leave few remainders: all but about one number in a hundred stop here.
    static bool may_be_square(const BIGNUM* n) {
        for (const unsigned modulus : {64U, 63U, 65U, 11U}) {
            const BN_ULONG rest = BN_mod_word(n, modulus);
            bool residue = false;
            for (unsigned i = 0; i < modulus; ++i) residue = residue || (i * i) % modulus == rest;
            if (!residue) return false;
        }
        return true;
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

// Those primes below 168 modulo which 65537 generates so small a group that membership says something.
constexpr std::array roca_primes{11U, 13U, 17U,  19U,  37U,  53U,  61U,  71U, 73U,
                                 79U, 97U, 103U, 107U, 109U, 127U, 151U, 157U};

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
    for (const unsigned prime : small_primes) {
        if (remainder(modulus, prime) == 0) return prime;
    }
    return 0;
}

bool has_roca_fingerprint(ByteView modulus) {
    check_size(modulus);
    for (const unsigned prime : roca_primes) {
        if (!is_power_of_65537(remainder(modulus, prime), prime)) return false;
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
