#include "distribution_point.hpp"

#include <algorithm>
#include <iterator>

namespace countersign::crypto {

Result<std::vector<Bytes>> read_distribution_point_name(ByteView content) {
    TRY(DerReader full_name, enter_single(content, tag::context_constructed(0), "name of a distribution point"));
    std::vector<Bytes> names;
    while (!full_name.at_end()) {
        TRY(const Tlv name, full_name.next("name of a distribution point"));
        names.push_back(to_bytes(name.whole));
    }
    if (names.empty()) return fail::malformed("distribution point: no name");
    return names;
}

Result<std::vector<Bytes>> read_distribution_points(ByteView value) {
    std::vector<Bytes> names;
    TRY(DerReader points, enter_single(value, tag::sequence, "distribution points"));
    while (!points.at_end()) {
        TRY(DerReader point, points.enter(tag::sequence, "distribution point"));
        TRY(const auto name, point.take_if(tag::context_constructed(0), "distribution point"));
        // Reasons or another issuer follow: then it is none of the lists this program reads.
        if (!name || !point.at_end()) continue;
        TRY(auto here, read_distribution_point_name(name->content));
        std::ranges::move(here, std::back_inserter(names));
    }
    return names;
}

}  // namespace countersign::crypto
