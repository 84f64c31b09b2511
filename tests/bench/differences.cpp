#include "differences.hpp"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <tuple>

namespace countersign::bench {
namespace {

double quantile(std::vector<double> values, double part) {
    const auto place = static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + place, values.end());
    return values[static_cast<std::size_t>(place)];
}

Pair compare(const Samples& samples, std::size_t first, std::size_t second) {
    std::vector<double> differences;
    for (const auto& round : samples.rounds) differences.push_back(round[second] - round[first]);
    std::ranges::sort(differences);
    const auto count = static_cast<double>(differences.size());
    const double reach = 1.96 * std::sqrt(count) / 2;
    const auto at = [&](double place) {
        return differences[static_cast<std::size_t>(std::clamp(place, 0.0, count - 1))];
    };
    return {first, second, at(count / 2), at(count / 2 - reach), at(count / 2 + reach)};
}

double surely(const Pair& pair) {
    return pair.low <= 0 && pair.high >= 0 ? 0 : std::min(std::abs(pair.low), std::abs(pair.high));
}

std::vector<double> of_class(const Samples& samples, std::size_t which) {
    std::vector<double> result;
    for (const auto& round : samples.rounds) result.push_back(round[which]);
    return result;
}

}  // namespace

void take_rounds(Samples& samples, std::size_t rounds,
                 const std::function<double(std::size_t which, std::size_t round)>& take) {
    std::mt19937_64 shuffler{std::random_device{}()};
    std::vector<std::size_t> order(samples.names.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto forgotten = rounds / 10;
    for (std::size_t round = 0; round < rounds + forgotten; ++round) {
        std::ranges::shuffle(order, shuffler);
        std::vector<double> times(order.size());
        for (const auto which : order) times[which] = take(which, round);
        if (round >= forgotten) samples.rounds.push_back(std::move(times));
    }
}

Pair worst_pair(const Samples& samples) {
    Pair worst;
    for (std::size_t i = 0; i < samples.names.size(); ++i) {
        for (std::size_t j = i + 1; j < samples.names.size(); ++j) {
            const auto pair = compare(samples, i, j);
            if (std::tuple(surely(pair), std::abs(pair.difference)) >
                std::tuple(surely(worst), std::abs(worst.difference)))
                worst = pair;
        }
    }
    return worst;
}

double friedman_p(const Samples& samples) {
    const auto classes = samples.names.size();
    std::vector<double> sums(classes);
    for (const auto& round : samples.rounds) {
        for (std::size_t i = 0; i < classes; ++i) {
            // Mid-ranks where times are equal.
            for (std::size_t j = 0; j < classes; ++j)
                sums[i] += round[j] < round[i] ? 1.0 : round[j] == round[i] ? 0.5 : 0.0;
            sums[i] += 0.5;
        }
    }
    const auto k = static_cast<double>(classes);
    const auto n = static_cast<double>(samples.rounds.size());
    double squares = 0;
    for (const double sum : sums) squares += sum * sum;
    const double statistic = 12 / (n * k * (k + 1)) * squares - 3 * n * (k + 1);
    const boost::math::chi_squared distribution(k - 1);
    return boost::math::cdf(boost::math::complement(distribution, std::max(0.0, statistic)));
}

nlohmann::json report(const std::string& title, const Samples& samples) {
    nlohmann::json result;
    std::printf("\n%s: %zu rounds\n%-24s %12s %12s %12s\n", title.c_str(), samples.rounds.size(), "", "10 % us",
                "median us", "90 % us");
    for (std::size_t i = 0; i < samples.names.size(); ++i) {
        const auto times = of_class(samples, i);
        const double low = quantile(times, 0.1);
        const double median = quantile(times, 0.5);
        const double high = quantile(times, 0.9);
        std::printf("%-24s %12.2f %12.2f %12.2f\n", samples.names[i].c_str(), low, median, high);
        result["classes"].push_back(
            {{"name", samples.names[i]}, {"p10_us", low}, {"median_us", median}, {"p90_us", high}});
    }
    const auto worst = worst_pair(samples);
    result["friedman_p"] = friedman_p(samples);
    result["worst_pair"] = {{"first", samples.names[worst.first]},
                            {"second", samples.names[worst.second]},
                            {"difference_us", worst.difference},
                            {"low_us", worst.low},
                            {"high_us", worst.high}};
    std::printf("Friedman p = %.3g; worst pair: %s / %s, %.3f us (95 %%: %.3f to %.3f)\n",
                result["friedman_p"].get<double>(), samples.names[worst.first].c_str(),
                samples.names[worst.second].c_str(), worst.difference, worst.low, worst.high);
    std::fflush(stdout);
    return result;
}

}  // namespace countersign::bench
