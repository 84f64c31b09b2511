#include "operations_log.hpp"

#include "countersign/core/text.hpp"
#include "countersign/scep/transport.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace countersign::app {

void start_operations_log() {
    auto logger = std::make_shared<spdlog::logger>("countersignd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
}

void set_log_level(const std::string& level) {
    spdlog::set_level(spdlog::level::from_str(level));
}

void log_audit_line(audit::Severity severity, const std::string& line) {
    switch (severity) {
        case audit::Severity::info: spdlog::info("audit {}", line); return;
        case audit::Severity::warning: spdlog::warn("audit {}", line); return;
        case audit::Severity::alert: spdlog::error("audit ALERT {}", line); return;
    }
}

// Never the query itself: a GET carries the whole message there.
void log_request(const http::Request& request, int status, std::size_t response_octets,
                 std::chrono::microseconds took) {
    const auto query = scep::parse_query(request.query);
    spdlog::info("{} {} {} {} -> {} {} octets {:.1f} ms", printable(request.client, 60), printable(request.method, 16),
                 printable(request.path, 100), query.operation_text.empty() ? "-" : printable(query.operation_text, 40),
                 status, response_octets, static_cast<double>(took.count()) / 1000.0);
}

}  // namespace countersign::app
