// The settings of an NDES server, as its registry holds them, turned into a configuration of ours.
//
// Every value under HKLM\SOFTWARE\Microsoft\Cryptography\MSCEP gets a line that says what became of it and what is left
// to do; none is dropped in silence, and a setting that is absent gets one too, because NDES has a default for it.
// Pure; any thread.
#pragma once

#include "registry_export.hpp"

#include <string>
#include <vector>

namespace countersign::app {

enum class Fate {
    carried,     // the configuration says the same
    changed,     // it says something else, for a reason given
    not_needed,  // there is nothing to say here
    not_carried  // it mattered there and is not in the configuration: the administrator decides
};
std::string_view name(Fate fate);  // "carried over", ...

struct ImportedSetting {
    std::string setting;  // "PasswordLength"
    std::string found;    // printable; "absent" when it was not in the export
    Fate fate = Fate::carried;
    std::string became;  // "profile.default.challenge.bytes = 8"
    std::string to_do;   // empty: nothing
};

struct NdesImport {
    std::vector<ImportedSetting> settings;
    std::string configuration;  // TOML with comments; file names are those that `countersign init` makes
};

// not_found: the export holds no MSCEP key.
Result<NdesImport> import_ndes_settings(const std::vector<RegistryKey>& keys);

}  // namespace countersign::app
