// Shell-style patterns over names, as administrators write them: * ? [a-z] [!a-z]. Pure; any thread.
#pragma once

#include <string_view>

namespace countersign::policy {

enum class PatternText {
    distinguished_name,  // RFC 4514: * and ? stop at an unescaped comma or plus, as a shell's do at a slash, so that a
                         // client cannot put further attributes where the pattern has a star; ** passes over them
    plain,               // * passes over everything
};

// Letter case does not matter, as it does not in names. A backslash and the character after it are one unit on both
// sides.
bool matches_pattern(std::string_view text, std::string_view pattern, PatternText kind);

}  // namespace countersign::policy
