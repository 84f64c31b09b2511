// Reads the files under tests/vectors. A missing file is an exception, hence a failed test.
#pragma once

#include "countersign/core/bytes.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace countersign::test {

// "crypto/root.pem"
inline std::string vector_text(const std::string& name) {
    std::ifstream file(std::string(COUNTERSIGN_SOURCE_DIR) + "/tests/vectors/" + name, std::ios::binary);
    if (!file) throw std::runtime_error("no test vector " + name);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline Bytes vector_octets(const std::string& name) {
    return to_bytes(as_bytes(vector_text(name)));
}

}  // namespace countersign::test
