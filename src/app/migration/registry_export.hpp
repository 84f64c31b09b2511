// A registry export (.reg) as values: what `reg export` and regedit write on Windows, in each of its three spellings.
//
// Reading touches nothing but the octets given, believes nothing in them, and bounds sizes and counts first. Everything
// in the file becomes a value or an error with a line number; nothing is passed over. Values only; any thread.
#pragma once

#include "countersign/core/bytes.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace countersign::app {

enum class RegistryType {
    text,       // REG_SZ, and REG_EXPAND_SZ with its variables unexpanded
    texts,      // REG_MULTI_SZ
    number,     // REG_DWORD, REG_QWORD
    octets,     // REG_BINARY and every type without a meaning of its own here
    unreadable  // the data do not fit the type: `text` says why
};

struct RegistryValue {
    std::string name;  // UTF-8; empty: the key's default value
    RegistryType type = RegistryType::octets;
    std::string text;
    std::vector<std::string> texts;
    std::uint64_t number = 0;
    Bytes octets;
    bool removal = false;  // "name"=-
    std::size_t line = 0;
};

struct RegistryKey {
    std::string path;  // "HKEY_LOCAL_MACHINE\SOFTWARE\..."
    bool removal = false;
    std::vector<RegistryValue> values;  // a name that comes again has replaced its earlier value, as on import
    std::size_t line = 0;
};

// At most 1 MiB, 4096 keys and 65536 values. UTF-16LE with or without byte order mark ("Windows Registry Editor Version
// 5.00"), UTF-8, or REGEDIT4, whose octets are read as Windows-1252. malformed, with the line: no such file, cut off in
// the middle, text that is not in its encoding, or a line that is none of key, value, comment and blank.
Result<std::vector<RegistryKey>> parse_registry_export(ByteView file);

// Foreign text made printable, with the backslashes of registry paths left as they are.
std::string shown_text(std::string_view foreign);
// As people write it in a table: "8", "\"CertSrv/mscep_admin\"", "SHA-512, AES", "16 octets". Foreign text is made
// printable.
std::string shown(const RegistryValue& value);

}  // namespace countersign::app
