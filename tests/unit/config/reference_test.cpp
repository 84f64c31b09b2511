#include "countersign/config/reference.hpp"

#include "config/convert.hpp"
#include "config/suggest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace countersign::config {
namespace {

using testing::HasSubstr;

TEST(Schema, EveryKeyStandsInAKnownSectionOnceAndSaysWhatItMeans) {
    std::set<std::string> seen;
    std::set<std::string_view> sections_known;
    for (const Section& section : sections()) sections_known.insert(section.path);
    for (const Key& key : keys()) {
        const std::string shown = shown_key(key.section, key.name);
        EXPECT_TRUE(seen.insert(shown).second) << shown;
        EXPECT_TRUE(sections_known.contains(key.section)) << shown;
        EXPECT_GT(key.meaning.size(), 10u) << shown;
        EXPECT_NE(key.assign, nullptr) << shown;
        EXPECT_FALSE(key.required && !key.fallback.empty()) << shown << " is required and has a default";
    }
}

TEST(Schema, EveryDefaultIsAcceptedByItsOwnRow) {
    for (const Key& key : keys()) {
        if (key.fallback.empty()) continue;
        EXPECT_NO_THROW(convert_default(key, "/etc/countersign")) << shown_key(key.section, key.name);
    }
}

TEST(Schema, EveryNumberHasAnUpperBound) {
    for (const Key& key : keys()) {
        if (key.kind != Kind::number) continue;
        EXPECT_LT(key.most, std::int64_t{1} << 32) << shown_key(key.section, key.name);
        EXPECT_LE(key.least, key.most) << shown_key(key.section, key.name);
    }
}

TEST(Reference, ExplainsOneKeyUnderItsShownAndItsRealName) {
    for (const char* asked : {"profile.NAME.challenge.mode", "profile.vpn.challenge.mode"}) {
        const auto found = reference_for(asked);
        ASSERT_TRUE(found) << asked;
        ASSERT_EQ(found->size(), 1u);
        EXPECT_THAT(to_text(*found), HasSubstr("one of: one-time, single-password, none"));
        EXPECT_THAT(to_text(*found), HasSubstr("required"));
    }
}

TEST(Reference, ExplainsAWholeTable) {
    const auto found = reference_for("listener");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->size(), 10u);
    EXPECT_EQ(found->front().key, "listener.address");
}

TEST(Reference, NamesTheNearestKeyOfOneThatDoesNotExist) {
    const auto found = reference_for("server.worker");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind, ErrorKind::not_found);
    EXPECT_THAT(found.error().detail, HasSubstr("did you mean server.workers?"));
}

TEST(Reference, TheCommittedManualIsTheGeneratedOne) {
    std::ifstream stream(COUNTERSIGN_SOURCE_DIR "/docs/configuration.md");
    ASSERT_TRUE(stream);
    std::ostringstream committed;
    committed << stream.rdbuf();
    EXPECT_EQ(committed.str(), reference_markdown())
        << "run: countersign config explain --markdown > docs/configuration.md";
}

TEST(Suggest, FindsTheNearWordAndNotAFarOne) {
    EXPECT_EQ(nearest("pepr", {"pepper", "store"}), "pepper");
    EXPECT_EQ(nearest("Serves", {"serves"}), "serves");
    EXPECT_EQ(nearest("zebra", {"pepper", "store"}), "");
    EXPECT_EQ(nearest(std::string(1000, 'a'), {"a"}), "");
}

}  // namespace
}  // namespace countersign::config
