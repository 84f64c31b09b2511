#include "command_fixture.hpp"
#include "fixed_clock.hpp"

namespace countersign::app {
namespace {

using testing::HasSubstr;
using testing::Not;

class RaCommands : public InstanceTest {
protected:
    Done at(std::chrono::days later, std::vector<std::string> words) {
        words.insert(words.end(), {"--config", config()});
        return run_command(words, test::FixedClock(clock_.now() + later));
    }
    nlohmann::json status() { return json_command({"ra", "status"}).json()["certificates"]; }
    void configure(const std::string& line) {
        auto text = read_all(config());
        const std::string header = "[ra.default]\n";
        const auto place = text.find(header);
        ASSERT_NE(place, std::string::npos);
        text.insert(place + header.size(), line + "\n");
        std::ofstream(config()) << text;
    }
};

TEST_F(RaCommands, StatusOfANewInstanceIsInOrder) {
    const Done done = json_command({"ra", "status"});
    EXPECT_EQ(done.code, exit_done) << done.err;
    const auto rows = done.json()["certificates"];
    ASSERT_EQ(rows.size(), 2U);
    for (const auto& row : rows) {
        EXPECT_EQ(row["state"], "ok");
        EXPECT_GT(row["days_left"], 1800);
        EXPECT_THAT(row["key"].get<std::string>(), HasSubstr("file:"));
        EXPECT_FALSE(row["serial"].get<std::string>().empty());
    }
    EXPECT_EQ(rows[0]["role"], "agent");
    EXPECT_EQ(rows[1]["role"], "encryption");
}

TEST_F(RaCommands, StatusFollowsTheYears) {
    EXPECT_THAT(at(std::chrono::days{1300}, {"ra", "status"}).out, HasSubstr("due"));
    EXPECT_EQ(at(std::chrono::days{1300}, {"ra", "status"}).code, exit_done);
    const Done expired = at(std::chrono::days{1900}, {"ra", "status"});
    EXPECT_EQ(expired.code, exit_refused);
    EXPECT_THAT(expired.out, HasSubstr("expired"));
    configure("renew = \"manual\"");
    EXPECT_EQ(at(std::chrono::days{1300}, {"ra", "status"}).code, exit_refused) << "somebody must do it";
}

TEST_F(RaCommands, RenewedCertificatesAreInForceAndTheOldOverlap) {
    const auto before = status();
    const Done done = command({"ra", "renew"});
    ASSERT_EQ(done.code, exit_done) << done.err << done.out;
    EXPECT_THAT(done.out, HasSubstr("renewed"));
    const auto after = status();
    ASSERT_EQ(after.size(), 4U);
    EXPECT_NE(after[0]["serial"], before[0]["serial"]);
    EXPECT_EQ(after[2]["state"], "overlap");
    EXPECT_EQ(after[2]["serial"], before[0]["serial"]);
    EXPECT_THAT(audit_log(), HasSubstr("ra.renewed"));
    EXPECT_EQ(command({"check"}).code, exit_done) << command({"check"}).err;
}

TEST_F(RaCommands, RenewMustKnowWhat) {
    EXPECT_EQ(command({"ra", "renew", "--ra", "other"}).code, exit_refused);
    EXPECT_EQ(command({"ra", "renew", "--role", "king"}).code, exit_usage);
    EXPECT_EQ(command({"ra", "renew", "--new-key", "--same-key"}).code, exit_usage);
}

TEST_F(RaCommands, AStateFileThatIsDamagedStopsTheStartAndNamesItself) {
    std::ofstream(home() / "ra" / "default.json") << "{\"format\":";
    const Done checked = command({"check"});
    EXPECT_EQ(checked.code, exit_refused);
    EXPECT_THAT(checked.err, HasSubstr("default.json"));
}

}  // namespace
}  // namespace countersign::app
