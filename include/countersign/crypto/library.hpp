// Which OpenSSL does the work. The library is found at run time and patched by the system: what counts is the one that is
// loaded, not the one that was compiled against. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>

namespace countersign::crypto {

struct LibraryVersion {
    unsigned major = 0;
    unsigned minor = 0;
    unsigned patch = 0;
    std::string text{};  // "OpenSSL 3.0.22 25 Aug 2026"
};
LibraryVersion library_version();

// What is known against running this version (security reference 0, fact 10); nullopt: nothing.
std::optional<std::string> objection_to(const LibraryVersion& version);

}  // namespace countersign::crypto
