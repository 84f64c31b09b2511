// What CAs that speak HTTP have in common, whatever they speak over it. Pure functions; any thread.
#pragma once

#include "countersign/ca/backend.hpp"
#include "countersign/net/http_client.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace countersign::ca {

// The server did not let the request in, so nothing happened: 401, 403, 404, 405, 407, 429, 501, 503. `who`: "the EST
// server".
std::optional<Error> turned_away(int status, std::string_view who);

// Sends what may change something at the CA. An answer over the size limit is an answer: outcome_unknown.
Result<net::ClientResponse> send_once(net::HttpClient& http, const net::ClientRequest& request);

// Retry-After (RFC 9110 10.2.3) in seconds; a date or nothing is `otherwise`. At most a day.
std::chrono::seconds retry_after(const net::ClientResponse& response, std::chrono::seconds otherwise);

// The media type alone, in lower case.
std::string media_type(const net::ClientResponse& response);

// A handle "certificate:BASE64", by which people who looked at the CA say what they found there (`countersign request
// resolve`). nullopt: another handle.
std::optional<Result<Outcome>> found_by_people(const std::string& handle);

// The error of a CA that cannot be asked by key. `where`: what to look for there.
Error left_to_people(std::string_view who, std::string_view where);

}  // namespace countersign::ca
