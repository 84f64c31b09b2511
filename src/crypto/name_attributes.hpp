// The attribute types of distinguished names that have a short name here. Private to the crypto room.
#pragma once

#include "der.hpp"

#include <string_view>

namespace countersign::crypto {

struct NameAttributeType {
    std::string_view oid;
    std::string_view label;  // as text() writes it
    Tag string_type;         // what from_text() writes
};

// Null: no short name.
const NameAttributeType* attribute_type_by_oid(std::string_view oid);
const NameAttributeType* attribute_type_by_label(std::string_view label);  // any case, long names too

}  // namespace countersign::crypto
