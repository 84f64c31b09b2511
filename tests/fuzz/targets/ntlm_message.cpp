// NTLM messages of people who sign in from Windows, before anything about them is proved.
#include "admin/ntlm_message.hpp"
#include "fuzz.hpp"

using namespace countersign;

FUZZ_TARGET(input) {
    const auto type = admin::ntlm::type_of(input);
    const auto user = admin::ntlm::claimed_user(input);
    fuzz::expect(user.empty() || type == admin::ntlm::Type::authenticate, "only the last message names somebody");
    for (const char c : user) fuzz::expect(static_cast<unsigned char>(c) >= 0x20, "who is named is printable");
    const auto with_version = admin::ntlm::with_version(to_bytes(input));
    fuzz::expect(admin::ntlm::type_of(with_version) == type, "a version field does not change the type");
    fuzz::expect(admin::ntlm::claimed_user(with_version) == user, "a version field does not change who is named");
    fuzz::expect(admin::ntlm::with_version(with_version) == with_version, "a version field is put in once");
}
