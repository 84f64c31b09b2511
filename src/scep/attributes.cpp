#include "attributes.hpp"

#include <algorithm>

namespace countersign::scep {

namespace {

// Null: the attribute is absent. SignedData has refused an attribute type that occurs twice.
Result<const Bytes*> single_value(const crypto::SignedData& data, std::string_view oid, std::string_view what) {
    const auto found = std::ranges::find(data.signed_attributes, oid, &crypto::Attribute::oid);
    if (found == data.signed_attributes.end()) return static_cast<const Bytes*>(nullptr);
    if (found->values.size() != 1) return fail::malformed(std::string(what) + " has not exactly one value");
    return &found->values.front();
}

}  // namespace

Result<std::optional<std::string>> printable_attribute(const crypto::SignedData& data, std::string_view oid,
                                                       std::string_view what) {
    TRY(const Bytes* const value, single_value(data, oid, what));
    if (value == nullptr) return std::optional<std::string>();
    auto text = crypto::read_printable_string(*value);
    if (!text) return within(what, std::move(text).error());
    return std::optional<std::string>(*std::move(text));
}

Result<std::optional<Bytes>> octets_attribute(const crypto::SignedData& data, std::string_view oid,
                                              std::string_view what) {
    TRY(const Bytes* const value, single_value(data, oid, what));
    if (value == nullptr) return std::optional<Bytes>();
    auto octets = crypto::read_octet_string(*value);
    if (!octets) return within(what, std::move(octets).error());
    return std::optional<Bytes>(*std::move(octets));
}

crypto::Attribute make_printable(std::string_view oid, std::string_view text) {
    return {std::string(oid), {crypto::der_printable_string(text)}};
}

crypto::Attribute make_octets(std::string_view oid, ByteView octets) {
    return {std::string(oid), {crypto::der_octet_string(octets)}};
}

}  // namespace countersign::scep
