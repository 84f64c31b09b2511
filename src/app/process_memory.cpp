#include "process_memory.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>

namespace countersign::app {

namespace {

std::string lock_memory() {
    rlimit limit{};
    // Locking succeeds below a limit too, and then every allocation above it fails; so it is all or nothing. The
    // superuser's capability counts as all: the call itself says whether it is there.
    const bool unlimited = ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY;
    if (!unlimited) {
        const rlimit none{0, limit.rlim_max};
        if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0) return std::strerror(errno);
    }
    const bool locked = ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
    const int reason = errno;
    if (!unlimited) ::setrlimit(RLIMIT_MEMLOCK, &limit);
    return locked ? "" : std::strerror(reason);
}

}  // namespace

std::string guard_process_memory() {
    std::string undone;
    const rlimit no_core{0, 0};
    if (::setrlimit(RLIMIT_CORE, &no_core) != 0 || ::prctl(PR_SET_DUMPABLE, 0) != 0)
        undone += std::string("core dumps stay possible: ") + std::strerror(errno) + "; ";
    if (const auto reason = lock_memory(); !reason.empty()) {
        undone += "memory is not locked and may reach swap: " + reason +
                  " (LimitMEMLOCK=infinity in the unit allows it, or encrypt swap)";
    }
    return undone;
}

}  // namespace countersign::app
