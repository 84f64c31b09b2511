// NTLM messages of people who sign in from Windows, before anything about them is proved.
#include "admin/ntlm_message.hpp"
#include "countersign/core/text.hpp"
#include "fuzz.hpp"

using namespace countersign;

FUZZ_TARGET(input) {
    const auto type = admin::ntlm::type_of(input);
    const auto user = admin::ntlm::claimed_user(input);
    fuzz::expect(user.empty() || type == admin::ntlm::Type::authenticate, "only the last message names somebody");
    fuzz::expect(user.size() <= 1025, "who is named is bounded");
    fuzz::expect(user == to_lower(user), "who is named is in lower case, as accounts are looked up");
    const auto with_version = admin::ntlm::with_version(to_bytes(input));
    fuzz::expect(admin::ntlm::type_of(with_version) == type, "a version field does not change the type");
    fuzz::expect(admin::ntlm::claimed_user(with_version) == user, "a version field does not change who is named");
    fuzz::expect(admin::ntlm::with_version(with_version) == with_version, "a version field is put in once");
}
