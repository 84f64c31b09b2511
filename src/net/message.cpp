#include "countersign/net/message.hpp"

namespace countersign::net {

std::optional<std::string_view> Request::header(std::string_view lower_case_name) const {
    for (const auto& [name, value] : headers) {
        if (name == lower_case_name) return value;
    }
    return std::nullopt;
}

Response Response::text(int status, std::string_view body) {
    std::string line(body);
    if (!line.ends_with('\n')) line += '\n';
    return bytes(status, "text/plain", to_bytes(as_bytes(line)));
}

Response Response::bytes(int status, std::string content_type, Bytes body) {
    Response response;
    response.status = status;
    response.content_type = std::move(content_type);
    response.body = std::make_shared<const Bytes>(std::move(body));
    return response;
}

}  // namespace countersign::net
