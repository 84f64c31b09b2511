// One request to the console by somebody signed in, and the pages that answer it. Private to the console.
#pragma once

#include "api/input.hpp"
#include "api/operation.hpp"
#include "countersign/admin/console.hpp"

#include <string>
#include <string_view>

namespace countersign::admin {

struct Visit {
    const ConsoleParts& parts;
    const Caller& caller;
    std::string token;      // for the forms of its pages
    Parameters parameters;  // of the query or, when something is posted, of the form

    // The API's operation, as the caller. denied: not with these roles; else the operation's own errors.
    Result<Reply> ask(std::string_view method, const std::string& path, const std::string& query = {},
                      const Json& body = {}) const;
    bool may(std::string_view method, std::string_view path) const;
    // Health, certificates and events are for those who decide or look after others.
    bool oversees() const;
    std::string given(const std::string& name) const { return parameters.text(name); }
};

struct Page {
    std::string title;
    std::string current;  // "/requests": where this is in the navigation
    std::string body;     // HTML
    int status = 200;
};

std::string at(std::string_view path);  // below Console::root
std::string badge(std::string_view state);
// "2026-11-21 14:03 UTC", from RFC 3339; what is none stays as it is.
std::string moment(std::string_view rfc3339);
// The newest events that concern the caller, at most `limit`.
std::string events_table(const Visit& visit, std::size_t limit);
std::string requests_table(const Json& found, std::string_view caption, std::string_view nothing);

// Errors: malformed for parameters, the operations' own.
Result<Page> overview_page(const Visit& visit);
Result<Page> events_page(const Visit& visit);
Result<Page> passwords_page(const Visit& visit, const std::string& before = {});
Result<Page> mint_password(const Visit& visit);
Result<Page> requests_page(const Visit& visit);
Result<Page> request_page(const Visit& visit, const std::string& id);
Result<Page> certificates_page(const Visit& visit);
Result<Page> certificate_page(const Visit& visit, const std::string& serial);

// A member of a JSON object as text; empty: absent or null.
std::string member(const Json& object, const char* name);

}  // namespace countersign::admin
