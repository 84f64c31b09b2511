// A certificate plan as the store keeps it: JSON, so that what was approved is what is issued, also after a restart.
// Pure functions; any thread.
#pragma once

#include "countersign/crypto/certificate_builder.hpp"

#include <string>
#include <string_view>

namespace countersign::ra {

std::string write_plan(const crypto::CertificateContent& plan);
// malformed: not what write_plan wrote.
Result<crypto::CertificateContent> read_plan(std::string_view json);

}  // namespace countersign::ra
