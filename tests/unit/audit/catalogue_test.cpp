#include "countersign/audit/catalogue.hpp"

#include <gtest/gtest.h>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace countersign::audit {
namespace {

TEST(Catalogue, EveryEntryHasAnIdAndAMeaningOfItsOwn) {
    std::set<std::string_view> ids;
    std::set<std::string_view> meanings;
    for (const CatalogueEntry& entry : catalogue()) {
        EXPECT_TRUE(ids.insert(entry.id).second) << entry.id;
        EXPECT_TRUE(meanings.insert(entry.meaning).second) << entry.id;
        EXPECT_TRUE(std::regex_match(std::string(entry.id), std::regex("[a-z_]+\\.[a-z_]+"))) << entry.id;
        EXPECT_GT(entry.meaning.size(), 20u) << entry.id;
        EXPECT_EQ(entry.meaning.back(), '.') << entry.id;
    }
}

// The header's constants are the names the program uses: each stands in the catalogue, and nothing else does.
TEST(Catalogue, HoldsExactlyTheDeclaredEvents) {
    std::ifstream header(COUNTERSIGN_SOURCE_DIR "/include/countersign/audit/catalogue.hpp");
    std::stringstream text;
    text << header.rdbuf();
    const std::string source = text.str();
    std::set<std::string> declared;
    const std::regex constant("string_view [a-z_]+ = \"([^\"]+)\"");
    for (std::sregex_iterator found(source.begin(), source.end(), constant), end; found != end; ++found) {
        declared.insert((*found)[1]);
    }
    std::set<std::string> catalogued;
    for (const CatalogueEntry& entry : catalogue()) catalogued.insert(std::string(entry.id));
    EXPECT_GT(declared.size(), 10u);
    EXPECT_EQ(declared, catalogued);
}

TEST(Catalogue, GivesSeverities) {
    EXPECT_EQ(severity_of(event::challenge_reused), Severity::alert);
    EXPECT_EQ(severity_of(event::enrollment_refused), Severity::warning);
    EXPECT_EQ(severity_of(event::enrollment_issued), Severity::info);
    EXPECT_EQ(severity_of("no.such"), Severity::info);
    EXPECT_TRUE(is_catalogued("enrollment.issued"));
    EXPECT_FALSE(is_catalogued("enrollment.issue"));
    EXPECT_FALSE(is_catalogued(""));
}

}  // namespace
}  // namespace countersign::audit
