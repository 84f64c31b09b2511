// What a Certificate Enrollment Web Service answers ([MS-WSTEP]).
#include "ca/adcs/soap.hpp"
#include "fuzz.hpp"

using namespace countersign;

FUZZ_TARGET(input) {
    const auto answer = ca::soap::read_answer(input);
    if (!answer.has_value()) return;
    for (const char c : answer->request_id) fuzz::expect(c >= '0' && c <= '9', "a request id is digits");
    fuzz::expect(!answer->certificate || !answer->certificate->empty(), "a certificate is not empty");
}
