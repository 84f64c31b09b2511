#include "countersign/core/credential.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace countersign {
namespace {

class Credential : public ::testing::Test {
protected:
    void TearDown() override { ::unsetenv("CREDENTIALS_DIRECTORY"); }
    static void come_from(const char* directory) { ::setenv("CREDENTIALS_DIRECTORY", directory, 1); }
};

TEST_F(Credential, IsNamedBehindItsScheme) {
    EXPECT_EQ(credential_name("credential:pepper"), "pepper");
    EXPECT_EQ(credential_name("credential:"), "");
    EXPECT_EQ(credential_name("secrets/pepper"), std::nullopt);
    EXPECT_EQ(credential_name("Credential:pepper"), std::nullopt);
}

TEST_F(Credential, LiesInTheDirectoryOfTheService) {
    come_from("/run/credentials/one.service");
    EXPECT_EQ(*credential_path("pepper"), "/run/credentials/one.service/pepper");
}

TEST_F(Credential, LeavesThatDirectoryByNoName) {
    come_from("/run/credentials/one.service");
    for (const std::string_view name : {"", ".", "..", "../pepper", "a/b", "/etc/shadow"})
        EXPECT_EQ(credential_path(name).error().kind, ErrorKind::malformed) << name;
    EXPECT_EQ(credential_path(std::string_view("a\0b", 3)).error().kind, ErrorKind::malformed);
}

TEST_F(Credential, SaysWhatTheUnitNeedsWhereThereIsNone) {
    if (std::filesystem::exists("/run/credentials/countersignd.service")) GTEST_SKIP() << "the service runs here";
    for (const char* unset : {"", static_cast<const char*>(nullptr)}) {
        if (unset != nullptr) come_from(unset);
        const auto path = credential_path("pepper");
        ASSERT_FALSE(path);
        EXPECT_EQ(path.error().kind, ErrorKind::not_found);
        EXPECT_NE(path.error().detail.find("LoadCredentialEncrypted=pepper"), std::string::npos);
        ::unsetenv("CREDENTIALS_DIRECTORY");
    }
}

TEST_F(Credential, MayBeReadByAGroupAndOtherSecretsMayNot) {
    come_from("/run/credentials/one.service");
    EXPECT_EQ(forbidden_on_secret("/run/credentials/one.service/pepper"), mode_t{S_IRWXO});
    EXPECT_EQ(forbidden_on_secret("/run/credentials/one.service/deeper/pepper"), mode_t{S_IRWXG | S_IRWXO});
    EXPECT_EQ(forbidden_on_secret("/etc/countersign/pepper"), mode_t{S_IRWXG | S_IRWXO});
    ::unsetenv("CREDENTIALS_DIRECTORY");
    EXPECT_EQ(forbidden_on_secret("/run/credentials/one.service/pepper"), mode_t{S_IRWXG | S_IRWXO});
}

}  // namespace
}  // namespace countersign
