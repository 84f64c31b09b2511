// The least configuration that loads, and what the loader says of it with a challenge and tables of a test's own.
#pragma once

#include "countersign/config/load.hpp"
#include "scratch_directory.hpp"

#include <gtest/gtest.h>
#include <fstream>
#include <string>
#include <vector>

namespace countersign::config {

inline std::string configuration(const std::string& challenge, const std::string& rest) {
    return R"([[listener]]
address = "127.0.0.1:8080"
serves = ["scep"]
[secrets]
pepper = "pepper"
[ra.default]
encryption = { key = "file:e.key", certificate = "e.pem" }
agent = { key = "file:a.key", certificate = "a.pem" }
[ca.default]
type = "local"
key = "file:ca.key"
certificate = "ca.pem"
serial_secret = "serial"
[profile.default]
paths = ["/scep"]
templates = { signature = "device", encryption = "device", general_purpose = "device" }
challenge = )" +
           challenge + "\n[template.device]\nextended_key_usage = [\"clientAuth\"]\n" + rest;
}

class ConfigurationTest : public testing::Test {
protected:
    Loaded load_text(const std::string& text) {
        const auto file = directory_ / "countersign.toml";
        std::ofstream(file) << text;
        return load(file);
    }
    std::vector<std::string> findings(const std::string& challenge, const std::string& rest, FindingLevel level) {
        std::vector<std::string> lines;
        for (const Finding& finding : load_text(configuration(challenge, rest)).findings) {
            if (finding.level == level) lines.push_back(describe(finding));
        }
        return lines;
    }
    std::vector<std::string> refusals(const std::string& challenge, const std::string& rest) {
        return findings(challenge, rest, FindingLevel::error);
    }

    test::ScratchDirectory directory_;
};

}  // namespace countersign::config
