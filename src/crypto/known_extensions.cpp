#include "known_extensions.hpp"

#include "countersign/crypto/oid.hpp"
#include "der.hpp"

namespace countersign::crypto {

const Extension* find_extension(const std::vector<Extension>& extensions, std::string_view oid) {
    for (const Extension& extension : extensions) {
        if (extension.oid == oid) return &extension;
    }
    return nullptr;
}

Result<KnownExtensions> read_known_extensions(const std::vector<Extension>& extensions) {
    KnownExtensions known;
    for (const Extension& extension : extensions) {
        if (extension.oid == oid::key_usage) {
            TRY(known.key_usage, parse_key_usage(extension.value));
        } else if (extension.oid == oid::extended_key_usage) {
            TRY(known.extended_key_usage, parse_extended_key_usage(extension.value));
        } else if (extension.oid == oid::basic_constraints) {
            TRY(known.basic_constraints, parse_basic_constraints(extension.value));
        } else if (extension.oid == oid::subject_alt_name) {
            TRY(known.subject_alt_names, parse_general_names(extension.value));
        } else if (extension.oid == oid::subject_key_identifier) {
            TRY(const Tlv identifier, read_single(extension.value, "subject key identifier"));
            if (identifier.tag != tag::octet_string) return fail::malformed("subject key identifier: unexpected type");
            known.subject_key_identifier = to_bytes(identifier.content);
        }
    }
    return known;
}

}  // namespace countersign::crypto
