#include "token_fixture.hpp"

namespace countersign::keys {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Login : public TokenTest {
protected:
    void SetUp() override {
        make("agent");
        source_.reset();
        shim().reset();
    }
};

TEST_F(Login, a_wrong_pin_is_tried_once_until_its_file_changes) {
    hsm_.write_pin("9999");
    const auto refused = open("agent");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
    EXPECT_THAT(refused.error().detail, HasSubstr("CKR_PIN_INCORRECT"));
    EXPECT_THAT(refused.error().detail, HasSubstr("file:pin"));
    EXPECT_THAT(refused.error().detail, Not(HasSubstr("9999")));
    for (int i = 0; i < 5; ++i) {
        wait();
        const auto again = open("agent");
        ASSERT_FALSE(again);
        EXPECT_THAT(again.error().detail, HasSubstr("not tried again"));
    }
    EXPECT_EQ(shim().calls("C_Login"), 1u);

    hsm_.write_pin("8888");
    wait();
    EXPECT_FALSE(open("agent"));
    EXPECT_EQ(shim().calls("C_Login"), 2u);

    hsm_.write_pin("1234");
    wait();
    const auto key = open("agent");
    ASSERT_TRUE(key) << describe(key.error());
    EXPECT_TRUE(signs(**key));
    EXPECT_EQ(shim().calls("C_Login"), 3u);
}

// Two ways of writing the token's name, and two sources of the PIN, are one token still.
TEST_F(Login, another_uri_of_the_same_token_does_not_try_the_wrong_pin_again) {
    hsm_.write_pin("9999");
    hsm_.write("other-pin", "9999\n");
    EXPECT_FALSE(open("agent"));
    EXPECT_FALSE(
        source().open("pkcs11:token=ra;manufacturer=SoftHSM%20project;object=agent?pin-source=file:other-pin"));
    EXPECT_EQ(shim().calls("C_Login"), 1u);
}

TEST_F(Login, every_answer_that_counts_against_the_pin_is_the_last_word) {
    for (const CK_RV value : {CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE, CKR_PIN_EXPIRED, CKR_PIN_LOCKED}) {
        restart();
        shim().reset();
        shim().fail("C_Login", 1, value, test::Pkcs11Shim::for_ever);
        for (int i = 0; i < 3; ++i) {
            EXPECT_FALSE(open("agent")) << value;
            wait();
        }
        EXPECT_EQ(shim().calls("C_Login"), 1u) << value;
    }
}

TEST_F(Login, other_trouble_at_the_login_passes) {
    shim().fail("C_Login", 1, CKR_DEVICE_ERROR);
    EXPECT_FALSE(open("agent"));
    wait();
    EXPECT_TRUE(open("agent"));
}

TEST_F(Login, somebody_elses_login_of_this_process_is_good) {
    shim().fail("C_Login", 1, CKR_USER_ALREADY_LOGGED_IN);
    // The shim only says so: no login took place, and the key is not to be seen.
    EXPECT_EQ(open("agent").error().kind, ErrorKind::not_found);
    Pkcs11KeySource other(options());
    const auto first = other.open(hsm_.uri("agent"));
    ASSERT_TRUE(first);
    restart();
    EXPECT_TRUE(open("agent"));
}

TEST_F(Login, a_locked_token_and_the_last_try_are_left_alone) {
    shim().add_token_flags(CKF_USER_PIN_LOCKED);
    EXPECT_THAT(open("agent").error().detail, HasSubstr("locked"));
    wait();
    shim().add_token_flags(CKF_USER_PIN_FINAL_TRY);
    EXPECT_THAT(open("agent").error().detail, HasSubstr("lock the token"));
    EXPECT_EQ(shim().calls("C_Login"), 0u);
    wait();
    shim().add_token_flags(CKF_USER_PIN_COUNT_LOW);
    EXPECT_TRUE(open("agent"));
}

TEST_F(Login, a_pin_file_that_others_may_use_is_refused) {
    for (const mode_t mode : {0640, 0604, 0660, 0644}) {
        hsm_.write_pin("1234", mode);
        const auto key = open("agent");
        ASSERT_FALSE(key) << std::oct << mode;
        EXPECT_THAT(key.error().detail, HasSubstr("chmod 600"));
        wait();
    }
    EXPECT_EQ(shim().calls("C_Login"), 0u);
    hsm_.write_pin("1234", 0400);
    EXPECT_TRUE(open("agent"));
}

TEST_F(Login, says_what_is_wrong_with_the_pin_source) {
    EXPECT_THAT(source().open("pkcs11:token=ra;object=agent").error().detail, HasSubstr("pin-source=file:PATH"));
    EXPECT_THAT(source().open("pkcs11:token=ra;object=agent?pin-source=file:nowhere").error().detail,
                HasSubstr((hsm_.directory() / "nowhere").string()));
    hsm_.write("empty", "\n");
    EXPECT_THAT(source().open("pkcs11:token=ra;object=agent?pin-source=file:empty").error().detail,
                HasSubstr("no PIN"));
    hsm_.write("long", std::string(5000, '1'));
    EXPECT_FALSE(source().open("pkcs11:token=ra;object=agent?pin-source=file:long"));
    EXPECT_EQ(shim().calls("C_Login"), 0u);
}

TEST_F(Login, takes_the_pin_from_a_credential_of_systemd) {
    const std::string uri = "pkcs11:token=ra;object=agent?pin-source=credential:hsm-pin";
    ::unsetenv("CREDENTIALS_DIRECTORY");
    EXPECT_THAT(source().open(uri).error().detail, HasSubstr("LoadCredential"));
    wait();
    ::setenv("CREDENTIALS_DIRECTORY", hsm_.directory().c_str(), 1);
    hsm_.write("hsm-pin", "1234", 0440);
    EXPECT_TRUE(source().open(uri));
    restart();  // ends the login, which would be good for this URI too
    EXPECT_FALSE(source().open("pkcs11:token=ra;object=agent?pin-source=credential:../pin"));
    ::unsetenv("CREDENTIALS_DIRECTORY");
}

}  // namespace
}  // namespace countersign::keys
