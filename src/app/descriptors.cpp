#include "descriptors.hpp"

#include <sys/resource.h>

namespace countersign::app {
namespace {

// Store, audit, log, CA and database connections, tokens.
constexpr rlim_t of_our_own = 256;

}  // namespace

std::string raise_descriptor_limit(std::size_t connections) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
    const rlimit all{limit.rlim_max, limit.rlim_max};
    if (limit.rlim_cur < limit.rlim_max && ::setrlimit(RLIMIT_NOFILE, &all) == 0) limit = all;
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= connections + of_our_own) return {};
    return "server.max_connections = " + std::to_string(connections) + " is more than the " +
           std::to_string(limit.rlim_cur) + " open files the system allows: raise LimitNOFILE in the unit to " +
           std::to_string(connections + of_our_own) + ", or lower max_connections";
}

}  // namespace countersign::app
