// toml++ (3.3) without its assertions. It asserts before it checks: "[!]" in a file would end a debug build, and in a
// release the compiler may take the assertion for granted and leave the check out. Private to the configuration; the
// only way to toml++.
#pragma once

#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")
