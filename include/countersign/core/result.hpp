// Expected failures as values.
//
// Every seam of Countersign returns Result<T>: either the value, or an Error whose kind says what the
// caller does next. Exceptions are for bugs, exhausted memory and start-up; they do not cross a seam.
// `detail` is written for the log and the administrator, never for the wire, and never holds a secret.
// Values only: no thread or ownership rules.
#pragma once

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace countersign {

enum class ErrorKind {
    malformed,        // the input cannot be understood; asking again with the same bytes is pointless
    unauthenticated,  // whoever asks has not shown who they are
    denied,           // understood, authenticated, and refused by policy
    not_found,        // the thing named does not exist
    conflict,         // it exists already, or another attempt holds it
    expired,          // it was right once
    throttled,        // too much of it; later
    unavailable,      // a part of the outside is away; nothing happened; later
    outcome_unknown,  // a part of the outside may or may not have acted; ask it before doing it again
    internal,         // our own fault
};

// The kind's name as it appears in logs, e.g. "outcome_unknown".
std::string_view name(ErrorKind kind);

struct Error {
    ErrorKind kind = ErrorKind::internal;
    std::string detail;
};

template <class T>
using Result = boost::system::result<T, Error>;

// "kind: detail", for logs.
std::string describe(const Error& error);

// The same error with what was being done put in front: "opening ra/agent.key: <detail>".
Error within(std::string_view context, Error error);

namespace fail {
inline Error malformed(std::string detail) { return {ErrorKind::malformed, std::move(detail)}; }
inline Error unauthenticated(std::string detail) { return {ErrorKind::unauthenticated, std::move(detail)}; }
inline Error denied(std::string detail) { return {ErrorKind::denied, std::move(detail)}; }
inline Error not_found(std::string detail) { return {ErrorKind::not_found, std::move(detail)}; }
inline Error conflict(std::string detail) { return {ErrorKind::conflict, std::move(detail)}; }
inline Error expired(std::string detail) { return {ErrorKind::expired, std::move(detail)}; }
inline Error throttled(std::string detail) { return {ErrorKind::throttled, std::move(detail)}; }
inline Error unavailable(std::string detail) { return {ErrorKind::unavailable, std::move(detail)}; }
inline Error outcome_unknown(std::string detail) { return {ErrorKind::outcome_unknown, std::move(detail)}; }
inline Error internal(std::string detail) { return {ErrorKind::internal, std::move(detail)}; }
}  // namespace fail

// Thrown at start-up and by the command line only: carries an Error out to main().
class StartupError : public std::runtime_error {
public:
    explicit StartupError(const Error& error) : std::runtime_error(error.detail), error_(error) {}
    const Error& error() const { return error_; }

private:
    Error error_;
};

// Found by boost::system::result when value() is called on an error: a bug, hence an exception.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& location);

}  // namespace countersign

#define COUNTERSIGN_JOIN_(a, b) a##b
#define COUNTERSIGN_JOIN(a, b) COUNTERSIGN_JOIN_(a, b)

// TRY(auto x, f()): x is f()'s value, or this function returns f()'s error. The one macro that hides a
// return; it exists because guard, guard, guard reads better than twelve copies of the same three lines.
#define TRY(declaration, expression)                                                       \
    auto COUNTERSIGN_JOIN(try_result_, __LINE__) = (expression);                           \
    if (!COUNTERSIGN_JOIN(try_result_, __LINE__)) {                                        \
        return std::move(COUNTERSIGN_JOIN(try_result_, __LINE__)).error();                 \
    }                                                                                      \
    declaration = *std::move(COUNTERSIGN_JOIN(try_result_, __LINE__))

// CHECK(f()): go on if f() succeeded, return its error otherwise.
#define CHECK(expression)                                                                  \
    do {                                                                                   \
        if (auto check_result_ = (expression); !check_result_) {                           \
            return std::move(check_result_).error();                                       \
        }                                                                                  \
    } while (false)
