// What a Certificate Enrollment Policy Web Service answers ([MS-XCEP]), and what is made of its template.
#include "countersign/ca/adcs_policy.hpp"
#include "fuzz.hpp"

using namespace countersign;

namespace {

// tests/vectors/cms/ec-signer.pem
constexpr std::string_view issuer_pem = R"(-----BEGIN CERTIFICATE-----
MIIBbzCCARWgAwIBAgIUaRblKeOdUYxBeNU8WZ/EchOJvTAwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCZWMwHhcNMjYxMTIxMDc0ODQ4WhcNNDYxMTE2MDc0ODQ4WjAN
MQswCQYDVQQDDAJlYzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGbDyo/7MYNH
c0ZTiNTsgmlhYareW0DyoNZx5Qiuj+jSjWId/rhXRUABlFnTWqM4wysqreKwDmP6
7gG8gZvwTQyjUzBRMB0GA1UdDgQWBBRt0BumcBFFpLHD55aV1UX9FVpLPTAfBgNV
HSMEGDAWgBRt0BumcBFFpLHD55aV1UX9FVpLPTAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0gAMEUCIQDWi9Dva9D3Ih/RBdEVlb1I7W6ERSVjKqjOx7MjGqmi
ugIgM7C5nL7/pHOwSSXTSlAYiSourrM61DzhS0bVRb+rw7c=
-----END CERTIFICATE-----
)";

}  // namespace

FUZZ_TARGET(input) {
    static const auto issuer = crypto::Certificate::from_pem(issuer_pem);
    fuzz::expect(issuer.has_value(), "the issuer's certificate is one");
    const auto found = ca::template_in(input, "device", *issuer);
    if (!found.has_value()) {
        fuzz::expect(!found.error().detail.empty(), "an error says something");
        return;
    }
    fuzz::expect(found->name == "device", "a template is the one asked for");
    fuzz::expect(!found->validity || found->validity->count() >= 0, "a validity is not negative");
    ca::ExpectedTemplate expected;
    expected.rsa_bits_min = 2048;
    expected.longest = std::chrono::days{200};
    const auto remarks = ca::judge_template(*found, expected);
    fuzz::expect(!remarks.empty(), "there is always something to say of a template");
    for (const auto& remark : remarks)
        fuzz::expect(
            remark.weight == ca::TemplateRemark::Weight::fine || (!remark.problem.empty() && !remark.remedy.empty()),
            "a problem has a remedy");
}
