// A server that is a function: what it is asked is remembered, what it answers is the test's to say. Safe on many
// threads as far as the function is.
#pragma once

#include "countersign/net/http_client.hpp"

#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace countersign::test {

class ScriptedHttp final : public net::HttpClient {
public:
    using Answer = std::function<Result<net::ClientResponse>(const net::ClientRequest&)>;
    explicit ScriptedHttp(Answer answer) : answer_(std::move(answer)) {}

    Result<net::ClientResponse> send(const net::ClientRequest& request) override {
        {
            const std::lock_guard lock(mutex_);
            requests_.push_back(request);
        }
        return answer_(request);
    }
    std::vector<net::ClientRequest> requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }

private:
    Answer answer_;
    mutable std::mutex mutex_;
    std::vector<net::ClientRequest> requests_;
};

inline net::ClientResponse response(int status, std::string_view body = "") {
    net::ClientResponse made;
    made.status = status;
    made.body = to_bytes(as_bytes(body));
    return made;
}

inline std::string header_of(const net::ClientRequest& request, std::string_view name) {
    for (const auto& [key, value] : request.headers) {
        if (key == name) return value;
    }
    return "";
}

}  // namespace countersign::test
