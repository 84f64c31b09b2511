// A configuration file: findings or settings, never both without a reason, and each finding names its place.
#include "countersign/config/load.hpp"
#include "fuzz.hpp"

#include <sys/mman.h>
#include <unistd.h>

using namespace countersign;

FUZZ_TARGET(input) {
    const int file = ::memfd_create("configuration", MFD_CLOEXEC);
    fuzz::expect(file >= 0, "a file in memory");
    fuzz::expect(::write(file, input.data(), input.size()) == static_cast<ssize_t>(input.size()), "the file is written");
    const auto loaded = config::load("/proc/self/fd/" + std::to_string(file));
    ::close(file);
    bool refused = false;
    for (const auto& finding : loaded.findings) {
        fuzz::expect(!config::describe(finding).empty() && !finding.problem.empty(), "a finding says what is wrong");
        refused = refused || finding.level == config::FindingLevel::error;
    }
    fuzz::expect(loaded.settings.has_value() != refused, "settings exactly when nothing is wrong");
}
