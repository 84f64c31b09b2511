// Runs the command line in-process against instances in directories of their own.
#pragma once

#include "app/commands/command_line.hpp"
#include "countersign/app/wire.hpp"
#include "scratch_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace countersign::app {

struct Done {
    int code = 0;
    std::string out;
    std::string err;
    nlohmann::json json() const { return nlohmann::json::parse(out); }
};

inline Done run_command(const std::vector<std::string>& arguments, const Clock& clock, const std::string& input = "") {
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    SystemRandom random;
    Console console{in, out, err, clock, random};
    Done done;
    done.code = run_command_line(arguments, "1.2.3", console);
    done.out = out.str();
    done.err = err.str();
    return done;
}

inline std::string read_all(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

// One instance made by `init` for the whole suite, a copy of it for each test: making keys is slow.
class InstanceTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        model_ = std::make_unique<test::ScratchDirectory>();
        const Done made =
            run_command({"init", (model_->path() / "instance").string(), "--json", "--ca-key", "p256"}, SystemClock());
        ASSERT_EQ(made.code, 0) << made.err;
        made_ = made.json();
    }
    static void TearDownTestSuite() { model_.reset(); }

    void SetUp() override {
        std::filesystem::copy(model_->path() / "instance", home(), std::filesystem::copy_options::recursive);
        for (const char* secret :
             {"secrets/pepper", "secrets/serial", "ca/ca.key", "ra/agent.key", "ra/encryption.key"}) {
            std::filesystem::permissions(home() / secret,
                                         std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
        }
    }
    std::filesystem::path home() const { return directory_.path() / "instance"; }
    std::string config() const { return (home() / "countersign.toml").string(); }
    // `words --config FILE`
    Done command(std::vector<std::string> words) {
        words.insert(words.end(), {"--config", config()});
        return run_command(words, clock_);
    }
    Done json_command(std::vector<std::string> words) {
        words.emplace_back("--json");
        return command(std::move(words));
    }
    std::unique_ptr<store::Database> open_database() {
        const auto settings = load_or_throw(config(), {});
        return or_throw(open_store(settings));
    }
    std::string audit_log() const { return read_all(home() / "audit.log"); }

    static inline std::unique_ptr<test::ScratchDirectory> model_;
    static inline nlohmann::json made_;
    test::ScratchDirectory directory_;
    SystemClock clock_;
};

}  // namespace countersign::app
