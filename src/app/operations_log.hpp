// The operations log: spdlog on standard error, one line per event, for journald or a terminal. Safe on any thread.
#pragma once

#include "countersign/audit/event.hpp"
#include "countersign/http/server.hpp"

#include <string>

namespace countersign::app {

void start_operations_log();
void set_log_level(const std::string& level);  // "debug", "info", "warning", "error"

void log_audit_line(audit::Severity severity, const std::string& line);
void log_request(const http::Request& request, int status, std::size_t response_octets, std::chrono::microseconds took);

}  // namespace countersign::app
