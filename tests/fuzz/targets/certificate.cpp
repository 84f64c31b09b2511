// X.509 certificates: signers of messages, answers of CAs, client certificates.
#include "countersign/crypto/certificate.hpp"
#include "countersign/crypto/general_name.hpp"
#include "fuzz.hpp"

using namespace countersign;

FUZZ_TARGET(input) {
    if (as_text(input).starts_with("-----")) {
        static_cast<void>(crypto::Certificate::all_from_pem(as_text(input)));
        return;
    }
    const auto certificate = crypto::Certificate::from_der(input);
    if (!certificate.has_value()) return;
    fuzz::expect(equal(certificate->der(), input), "a certificate is the octets it came as");
    const auto again = crypto::Certificate::from_pem(certificate->pem());
    fuzz::expect(again.has_value() && *again == *certificate, "PEM brings the same certificate back");
    fuzz::expect(certificate->serial_hex().size() % 2 == 0, "a serial number is whole octets");
    for (const auto& name : certificate->subject_alt_names()) static_cast<void>(crypto::to_text(name));
    static_cast<void>(certificate->subject().text());
    static_cast<void>(certificate->key_usage());
    static_cast<void>(certificate->extended_key_usage());
    static_cast<void>(certificate->basic_constraints());
    static_cast<void>(certificate->subject_key_identifier());
    static_cast<void>(certificate->verify_signed_by(certificate->public_key()));
}
