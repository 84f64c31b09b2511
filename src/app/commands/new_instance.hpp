// The text of a new instance's countersign.toml. Pure; any thread.
#pragma once

#include "countersign/core/result.hpp"

#include <string>

namespace countersign::app {

// Where a new instance listens, and what follows from it.
struct InstanceAddresses {
    std::string scep_listener;   // as asked for
    std::string admin_listener;  // the same when it is loopback, else one of its own on loopback
    std::string scep_base;       // "http://host:port"
    std::string admin_base;

    // `listen` is HOST:PORT, numeric, port at least 1. For a wildcard the URLs carry `host_name`. malformed otherwise.
    static Result<InstanceAddresses> from(const std::string& listen, const std::string& host_name);
};

// Where a new instance's private keys are.
struct InstanceKeys {
    std::string encryption = "file:ra/encryption.key";
    std::string agent = "file:ra/agent.key";
    std::string ca = "file:ca/ca.key";
    std::string audit = "file:audit.key";

    // All of them in the token that the URI names: objects "countersign-agent" and so on; an object in the URI replaces
    // "countersign". malformed: no such URI, or a PIN file whose path would mean something else elsewhere.
    static Result<InstanceKeys> in_token(const std::string& uri);
};

inline constexpr const char* default_scep_path = "/certsrv/mscep/mscep.dll";
inline constexpr const char* default_admin_path = "/certsrv/mscep_admin";
inline constexpr const char* default_crl_path = "/crl/default.crl";

inline constexpr const char* default_store_url = "sqlite:countersign.db";

// `store_url` as it shall stand in the file: it holds no quotation mark, backslash or control character.
std::string configuration_text(const InstanceAddresses& addresses, const InstanceKeys& keys,
                               const std::string& store_url, const std::string& admin_user,
                               const std::string& password_hash);

}  // namespace countersign::app
