// Signed challenges: the outer header and parts, the signed statement, and its claims.
#include "countersign/challenge/signed_format.hpp"
#include "countersign/core/clock.hpp"
#include "countersign/core/text.hpp"
#include "fuzz.hpp"

using namespace countersign;

FUZZ_TARGET(input) {
    const auto text = as_text(input);
    if (const auto sealed = challenge::read_sealed(text); sealed.has_value()) {
        fuzz::expect(challenge::looks_signed(text), "what is sealed looks it");
        fuzz::expect(text.size() <= challenge::longest_signed_challenge, "a challenge is bounded");
        fuzz::expect(trim(text).starts_with(sealed->protected_header), "the associated data are the text's");
    }
    if (const auto jws = challenge::read_signed(text); jws.has_value()) {
        fuzz::expect(text.starts_with(jws->signing_input), "what is signed is the text's");
        fuzz::expect(!jws->signature.empty(), "a signature is there");
    }
    if (const auto statement = challenge::read_statement(text); statement.has_value()) {
        fuzz::expect(!statement->issuer.empty() && !statement->id.empty(), "a statement has an issuer and an id");
        // Their order is for whoever judges them.
        const Time year_10000 = from_milliseconds(253402300800000);
        for (const Time time : {statement->issued_at, statement->not_before, statement->expires})
            fuzz::expect(time >= Time{} && time < year_10000, "times can be reckoned with");
    }
}
