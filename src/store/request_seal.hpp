// How certification requests lie in the database: sealed, because a request carries its challengePassword, and that of
// a profile in mode single-password opens the profile for as long as it is configured. Whoever has the database, or a
// backup of it, and not the pepper reads no password in it. Immutable; any thread. Private to the store.
#pragma once

#include "countersign/core/bytes.hpp"
#include "countersign/core/result.hpp"
#include "countersign/core/secret.hpp"

#include <memory>
#include <string>

namespace countersign::store {

class RequestSeal {
public:
    // Without a key (null) requests are stored as they are, and sealed ones cannot be read.
    explicit RequestSeal(std::shared_ptr<const Secret> key) : key_(std::move(key)) {}

    // The column's text for the request of the attempt `id`, which is written once. internal: no memory.
    Result<std::string> seal(const std::string& id, ByteView request) const;
    // The request; empty when it was sealed with another key, so that one row does not keep the others from being
    // read. Rows of releases before this one are base64. Throws soci::soci_error when the text is neither.
    Bytes open(const std::string& id, const std::string& text) const;

private:
    Bytes key_of(const std::string& id) const;

    std::shared_ptr<const Secret> key_;
};

}  // namespace countersign::store
