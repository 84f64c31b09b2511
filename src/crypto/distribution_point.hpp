// Names of CRL distribution points (RFC 5280 4.2.1.13 and 5.2.5), read. Private to the crypto room; pure functions.
#pragma once

#include "der.hpp"

#include <vector>

namespace countersign::crypto {

// The names of a DistributionPointName, each with its tag. malformed: relative to the issuer, which nobody writes.
Result<std::vector<Bytes>> read_distribution_point_name(ByteView content);

// The value of a cRLDistributionPoints extension: every name of the points that are the issuer's own and for all
// reasons.
Result<std::vector<Bytes>> read_distribution_points(ByteView value);

}  // namespace countersign::crypto
