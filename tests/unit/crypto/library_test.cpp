// Which OpenSSL is loaded, and whether something is known against it.
#include "countersign/crypto/library.hpp"

#include <gtest/gtest.h>

namespace countersign::crypto {
namespace {

TEST(LibraryTest, TheVersionIsTheOneThatIsLoaded) {
    const auto version = library_version();
    EXPECT_EQ(version.major, 3U);
    EXPECT_TRUE(version.text.starts_with("OpenSSL 3.")) << version.text;
}

TEST(LibraryTest, OldOnesAreObjectedToAndNoOthers) {
    EXPECT_TRUE(objection_to({3, 0, 0, "OpenSSL 3.0.0"}));
    const auto objection = objection_to({3, 0, 21, "OpenSSL 3.0.21"});
    ASSERT_TRUE(objection);
    EXPECT_NE(objection->find("OpenSSL 3.0.21"), std::string::npos);
    EXPECT_FALSE(objection_to({3, 0, 22, "OpenSSL 3.0.22"}));
    EXPECT_FALSE(objection_to({3, 5, 0, "OpenSSL 3.5.0"}));
    EXPECT_FALSE(objection_to({4, 0, 0, "OpenSSL 4.0.0"}));
}

}  // namespace
}  // namespace countersign::crypto
