// The nameConstraints extension (RFC 5280 4.2.1.10) as a CA must honour it before it signs. Immutable value; any
// thread.
//
// Kinds of names it can judge: dns, email, uri, ip, directory names and UPNs. A constraint on another kind makes every
// name of that kind a violation: what cannot be judged is refused.
#pragma once

#include "countersign/crypto/certificate.hpp"
#include "countersign/crypto/general_name.hpp"
#include "countersign/crypto/name.hpp"

#include <optional>
#include <string>
#include <vector>

namespace countersign::crypto {

class NameConstraints {
public:
    // The octets inside extnValue. malformed: not strict DER, neither subtree, an empty subtree, a minimum other than
    // 0, a maximum, an address constraint of a length other than 8 or 32 or with a mask that is no prefix.
    static Result<NameConstraints> parse(ByteView value);
    // Those of a CA certificate; nullopt: it has none.
    static Result<std::optional<NameConstraints>> of(const Certificate& ca);

    // Every name that is not permitted, in words; empty: all are. An emailAddress in the subject counts as an email,
    // and a common name that looks like a host name as a dns name when there is no other, as OpenSSL's verifiers do.
    std::vector<std::string> violations(const Name& subject, const std::vector<GeneralName>& alt_names) const;

private:
    struct Subtree {
        GeneralNameType type = GeneralNameType::dns;
        std::string text;            // dns, email, uri, UPN
        std::string other_name_oid;  // other_name
        Name directory;
        Bytes address;  // address and mask
    };
    friend class SubtreeReader;
    friend class ConstraintJudge;
    NameConstraints() = default;

    std::vector<Subtree> permitted_;
    std::vector<Subtree> excluded_;
};

}  // namespace countersign::crypto
