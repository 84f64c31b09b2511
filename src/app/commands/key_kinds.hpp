// The words for kinds of keys on the command line.
#pragma once

#include "countersign/keys/key.hpp"

#include <map>
#include <string>

namespace countersign::app {

inline const std::map<std::string, keys::GeneratedKey>& key_kinds() {
    static const std::map<std::string, keys::GeneratedKey> kinds{{"rsa2048", keys::GeneratedKey::rsa2048},
                                                                 {"rsa3072", keys::GeneratedKey::rsa3072},
                                                                 {"rsa4096", keys::GeneratedKey::rsa4096},
                                                                 {"p256", keys::GeneratedKey::ec_p256},
                                                                 {"p384", keys::GeneratedKey::ec_p384}};
    return kinds;
}

}  // namespace countersign::app
