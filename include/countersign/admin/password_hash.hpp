// Passwords of admin accounts, by the system's own crypt(3) (libxcrypt; yescrypt for new ones). Slow on purpose: tens
// of milliseconds and megabytes for each call, so worker pool only. Safe on many threads.
#pragma once

#include "countersign/core/random.hpp"
#include "countersign/core/secret.hpp"

#include <string>

namespace countersign::admin {

// A new "$y$..." hash. malformed: the password is empty, longer than 511 octets or holds NUL, which crypt(3) would cut
// at.
Result<std::string> hash_password(const Secret& password, Random& random);

// False as well for a hash that crypt(3) does not know and for passwords that hash_password refuses. Constant time in
// the hash.
bool password_matches(const Secret& password, const std::string& hash);

// Whether `hash` is one this program accepts in its configuration: yescrypt, gost-yescrypt, scrypt, bcrypt ($2b$,
// $2y$), SHA-512 or SHA-256 crypt, in full. malformed names what to do.
Result<void> check_password_hash(const std::string& hash);

// The hash of a password nobody has, made once: verifying against it costs what a real account costs, so that time does
// not tell which names exist.
const std::string& hash_of_nobody();

}  // namespace countersign::admin
