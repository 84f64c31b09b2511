// A .reg file of an NDES server.
#include "app/migration/registry_export.hpp"
#include "fuzz.hpp"

using namespace countersign;

FUZZ_TARGET(input) {
    const auto keys = app::parse_registry_export(input);
    if (!keys.has_value()) return;
    for (const auto& key : *keys) {
        fuzz::expect(!key.path.empty() && key.line > 0, "a key has a path and a line");
        for (const auto& value : key.values) {
            for (const char c : app::shown(value))
                fuzz::expect(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "what is shown is printable");
        }
    }
}
