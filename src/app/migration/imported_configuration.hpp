// The configuration file of a migrated NDES server. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace countersign::app {

struct ImportedTemplate {
    std::string name;       // as a name in our configuration
    std::string directory;  // as Active Directory calls it; printed in a comment alone
};

struct ImportedConfiguration {
    std::string mode = "one-time";  // "single-password", "none"
    std::uint32_t bytes = 8;
    std::uint32_t valid_minutes = 60;
    std::uint32_t max_outstanding = 10000;
    std::string admin_path = "/certsrv/mscep_admin";
    std::string authority;  // CAInfo\Configuration
    std::vector<ImportedTemplate> templates;
    std::string signature, encryption, general_purpose;  // names among `templates`
    std::vector<std::string> ciphers, digests;
    bool same_subject_on_renewal = true;
};

std::string configuration_text(const ImportedConfiguration& settings);

}  // namespace countersign::app
