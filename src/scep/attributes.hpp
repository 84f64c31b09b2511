// SCEP's signed attributes (RFC 8894 3.2.1), read and written. Each has exactly one value of exactly one type.
// Private to the scep room; pure functions.
#pragma once

#include "countersign/crypto/cms.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace countersign::scep {

// nullopt: absent. malformed: several values, or another type than the one asked for.
Result<std::optional<std::string>> printable_attribute(const crypto::SignedData& data, std::string_view oid,
                                                       std::string_view what);
Result<std::optional<Bytes>> octets_attribute(const crypto::SignedData& data, std::string_view oid,
                                              std::string_view what);

crypto::Attribute make_printable(std::string_view oid, std::string_view text);
crypto::Attribute make_octets(std::string_view oid, ByteView octets);

}  // namespace countersign::scep
