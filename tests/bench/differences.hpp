// Whether classes of samples differ in time. Each round holds a sample of every class, so what the machine does
// meanwhile is in all of them. Values only.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace countersign::bench {

struct Samples {
    std::vector<std::string> names;           // of the classes
    std::vector<std::vector<double>> rounds;  // microseconds, one of each class
};

// `take` returns the microseconds of one sample of class `which`; the order within a round is random. A tenth more
// rounds than asked for are taken first and forgotten.
void take_rounds(Samples& samples, std::size_t rounds,
                 const std::function<double(std::size_t which, std::size_t round)>& take);

struct Pair {
    std::size_t first = 0;
    std::size_t second = 0;
    double difference = 0;  // median of the differences within rounds, microseconds
    double low = 0;         // 95 % confidence interval of it, by its order statistics
    double high = 0;
};
// The pair whose difference is surest to be the largest: by the end of its interval that is nearer to zero, then by
// size.
Pair worst_pair(const Samples& samples);

// The probability of ranks as uneven as these if no class were slower than another (Friedman's test).
double friedman_p(const Samples& samples);

// Prints a table and returns the same as JSON.
nlohmann::json report(const std::string& title, const Samples& samples);

}  // namespace countersign::bench
