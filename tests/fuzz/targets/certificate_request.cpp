// PKCS#10, with everything policy reads out of it.
#include "countersign/crypto/certificate_request.hpp"
#include "countersign/crypto/general_name.hpp"
#include "fuzz.hpp"

using namespace countersign;

namespace {

bool all_convertible(const crypto::Name& name) {
    for (const auto& attribute : name.attributes()) {
        if (!attribute.convertible) return false;
    }
    return true;
}

}  // namespace

FUZZ_TARGET(input) {
    if (as_text(input).starts_with("-----")) {
        static_cast<void>(crypto::CertificateRequest::from_pem(as_text(input)));
        return;
    }
    const auto request = crypto::CertificateRequest::from_der(input);
    if (!request.has_value()) return;
    fuzz::expect(equal(request->der(), input), "a request is the octets it came as");
    const auto subject = crypto::Name::from_der(request->subject().der());
    fuzz::expect(subject.has_value() && *subject == request->subject(), "a subject reads as itself");
    if (all_convertible(*subject)) {
        const auto written = crypto::Name::from_text(subject->text());
        fuzz::expect(!written.has_value() || written->text() == subject->text(), "a name's text reads as itself");
    }
    if (const auto names = request->subject_alt_names(); names.has_value() && !names->empty()) {
        const auto again = crypto::parse_general_names(crypto::encode_general_names(*names));
        fuzz::expect(again.has_value() && *again == *names, "names written are the names read");
        for (const auto& name : *names) static_cast<void>(crypto::to_text(name));
    }
    static_cast<void>(request->extended_key_usage());
    static_cast<void>(request->key_usage());
    static_cast<void>(request->challenge_password());
    static_cast<void>(request->verify_self_signature());
}
