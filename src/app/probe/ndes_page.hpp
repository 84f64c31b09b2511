// Reading the password page of an NDES server (mscep_admin) as MDMs and scripts do, and judging which of them can.
// Pure; any thread.
#pragma once

#include "countersign/core/secret.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::app {

enum class PageEncoding { utf16_marked, utf16_unmarked, other };

struct NdesPage {
    PageEncoding encoding = PageEncoding::other;
    bool odd_length = false;  // of UTF-16: half a character too much at the end
    std::string thumbprint;   // hexadecimal digits in upper case, without blanks; empty: none shown
    Secret challenge;
    std::optional<std::uint32_t> valid_minutes;  // "will expire within 60 minutes"
    bool reusable = false;                       // "can be used multiple times"
    Secret text;                                 // the page as ASCII, other characters as question marks
};

// throttled: the page says that the password cache is full. denied: it says that this user may not have a password.
// not_found: it says that none is required. malformed: it is no such page.
Result<NdesPage> read_ndes_page(ByteView page);

// A program that reads the page in its own way, and why it cannot read this one.
struct PageReader {
    std::string client;
    std::string reason;
};
// Those who would fail, by the parsers of the programs themselves (ndes reference A3). Empty: all known ones can read
// it.
std::vector<PageReader> failing_readers(const NdesPage& page);

}  // namespace countersign::app
