// OpenSSL's want of memory, told apart from everything else that can fail in it. OpenSSL answers a failed allocation
// like a signature that does not hold or an input it cannot read, and its error queue does not name every one; so
// its allocations go through functions of ours, which remember. The functions belong to the process, what is remembered
// to the thread that asked; callable from any thread.
#pragma once

#include <cstdint>

namespace countersign::crypto {

// To be called before anything in the process uses OpenSSL. False: it was too late, and want of memory looks like bad
// input as before.
bool watch_openssl_memory();

// Throws std::bad_alloc, once, when OpenSSL asked for memory in vain on this thread since the last time this threw.
// To be called where OpenSSL has refused something, before that is taken for an answer.
void throw_if_memory_was_short();

// How often OpenSSL has asked in vain so far, on all threads.
std::uint64_t openssl_wants_of_memory();

}  // namespace countersign::crypto
