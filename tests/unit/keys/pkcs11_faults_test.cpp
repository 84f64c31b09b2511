// Every function of the module, failing in every way that matters, on each call in turn: the answer is right or it is
// unavailable, nothing leaks, nothing hangs, and when the trouble is over the next operation works.
#include "countersign/keys/unwrap.hpp"
#include "token_fixture.hpp"

#include <thread>

namespace countersign::keys {
namespace {

using ::testing::HasSubstr;

constexpr CK_RV troubles[] = {CKR_HOST_MEMORY,
                              CKR_SLOT_ID_INVALID,
                              CKR_GENERAL_ERROR,
                              CKR_FUNCTION_FAILED,
                              CKR_ARGUMENTS_BAD,
                              CKR_DATA_INVALID,
                              CKR_DATA_LEN_RANGE,
                              CKR_DEVICE_ERROR,
                              CKR_DEVICE_MEMORY,
                              CKR_DEVICE_REMOVED,
                              CKR_ENCRYPTED_DATA_INVALID,
                              CKR_FUNCTION_CANCELED,
                              CKR_KEY_HANDLE_INVALID,
                              CKR_KEY_CHANGED,
                              CKR_KEY_FUNCTION_NOT_PERMITTED,
                              CKR_MECHANISM_INVALID,
                              CKR_OBJECT_HANDLE_INVALID,
                              CKR_OPERATION_ACTIVE,
                              CKR_OPERATION_NOT_INITIALIZED,
                              CKR_SESSION_CLOSED,
                              CKR_SESSION_COUNT,
                              CKR_SESSION_HANDLE_INVALID,
                              CKR_TOKEN_NOT_PRESENT,
                              CKR_TOKEN_NOT_RECOGNIZED,
                              CKR_USER_NOT_LOGGED_IN,
                              CKR_CRYPTOKI_NOT_INITIALIZED,
                              CKR_BUFFER_TOO_SMALL,
                              CKR_VENDOR_DEFINED | 1};

class Faults : public TokenTest, public ::testing::WithParamInterface<const char*> {
protected:
    void SetUp() override {
        agent_ = make("agent");
        opener_ = make("opener", KeyUse::unwrap);
        wrapped_ = *opener_->public_key().encrypt({}, content_);
        shim().fail("C_Decrypt", 1, CKR_ENCRYPTED_DATA_INVALID);
        substitute_ = to_bytes(unwrap()->reveal());
        shim().reset();
    }
    Result<Secret> unwrap() { return unwrap_content_key(*opener_, {}, wrapped_, content_.size(), secret_); }

    static bool of_the_module() {
        const std::string name(GetParam());
        return name == "C_Initialize" || name == "C_Finalize" || name == "C_GetInfo" || name == "C_GetSlotList";
    }

    void expect_right_or_unavailable(const std::string& when) {
        const auto signature = sign(*agent_);
        if (signature) {
            EXPECT_TRUE(agent_->public_key().verify(sha256_scheme(*agent_), as_bytes("message"), *signature)) << when;
        } else {
            EXPECT_EQ(signature.error().kind, ErrorKind::unavailable) << when << describe(signature.error());
        }
        const auto opened = unwrap();
        if (opened) {
            EXPECT_TRUE(opened->equals(content_) || opened->equals(substitute_)) << when;
        } else {
            EXPECT_EQ(opened.error().kind, ErrorKind::unavailable) << when << describe(opened.error());
        }
    }
    void expect_all_well(const std::string& when) {
        shim().reset();
        wait();
        EXPECT_TRUE(signs(*agent_)) << when;
        const auto opened = unwrap();
        ASSERT_TRUE(opened) << when << describe(opened.error());
        EXPECT_TRUE(opened->equals(content_)) << when;
        EXPECT_LE(shim().open_sessions(), 3u) << when;
    }

    std::shared_ptr<Key> agent_;
    std::shared_ptr<Key> opener_;
    Bytes content_ = Bytes(16, 7);
    Bytes wrapped_;
    Bytes substitute_;
    Secret secret_{std::string_view("substitute secret of this test!!")};
};

// While all is well; while connecting anew, to which one failing signature leads; and while restarting the module, to
// which a second one leads.
TEST_P(Faults, on_each_call_in_turn) {
    unsigned happened = 0;
    for (const CK_RV value : troubles) {
        for (unsigned before = 0; before <= (of_the_module() ? 2U : 1U); ++before) {
            for (unsigned nth = 1; nth <= 3; ++nth) {
                const std::string when = std::string(GetParam()) + " call " + std::to_string(nth) + " value " +
                                         std::to_string(value) + " after " + std::to_string(before) + ": ";
                shim().fail("C_SignInit", 1, CKR_DEVICE_ERROR, before);
                shim().fail(GetParam(), nth, value);
                expect_right_or_unavailable(when);
                happened += shim().returned_faults() > before ? 1 : 0;
                expect_all_well(when);
            }
        }
    }
    EXPECT_GE(happened, std::size(troubles));
    agent_.reset();
    opener_.reset();
    source().close();
    EXPECT_EQ(shim().open_sessions(), 0u);
}

TEST_P(Faults, for_ever_and_then_over) {
    for (const CK_RV value : {CKR_DEVICE_REMOVED, CKR_GENERAL_ERROR, CKR_SESSION_HANDLE_INVALID, CKR_SESSION_COUNT}) {
        const std::string when = std::string(GetParam()) + " value " + std::to_string(value) + ": ";
        shim().fail(GetParam(), 1, value, test::Pkcs11Shim::for_ever);
        for (int i = 0; i < 3; ++i) expect_right_or_unavailable(when);
        expect_all_well(when);
    }
}

INSTANTIATE_TEST_SUITE_P(Of, Faults,
                         ::testing::Values("C_Initialize", "C_Finalize", "C_GetInfo", "C_GetSlotList", "C_GetSlotInfo",
                                           "C_GetTokenInfo", "C_OpenSession", "C_CloseSession", "C_GetSessionInfo",
                                           "C_Login", "C_FindObjectsInit", "C_FindObjects", "C_FindObjectsFinal",
                                           "C_GetAttributeValue", "C_SignInit", "C_Sign", "C_DecryptInit", "C_Decrypt"),
                         [](const auto& one) { return std::string(one.param); });

class Recovery : public TokenTest {};

TEST_F(Recovery, one_bad_moment_goes_unnoticed) {
    const auto key = make("agent");
    for (const CK_RV value : {CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_ERROR, CKR_USER_NOT_LOGGED_IN,
                              CKR_KEY_HANDLE_INVALID, CKR_DEVICE_REMOVED, CKR_OPERATION_ACTIVE}) {
        shim().fail("C_SignInit", 1, value);
        EXPECT_TRUE(signs(*key)) << value;
        shim().fail("C_Sign", 1, value);
        EXPECT_TRUE(signs(*key)) << value;
    }
}

TEST_F(Recovery, a_session_on_which_something_failed_is_never_used_again) {
    restart(1);
    const auto key = make("agent");
    const unsigned before = shim().calls("C_OpenSession");
    shim().fail("C_Sign", 1, CKR_SESSION_CLOSED);
    ASSERT_TRUE(signs(*key));
    EXPECT_EQ(shim().calls("C_OpenSession"), before + 1);
    ASSERT_TRUE(signs(*key));
    EXPECT_EQ(shim().calls("C_OpenSession"), before + 1);
    EXPECT_EQ(shim().open_sessions(), 2u);
}

TEST_F(Recovery, a_dead_token_is_not_hammered) {
    const auto key = make("agent");
    shim().fail("C_OpenSession", 1, CKR_DEVICE_REMOVED, test::Pkcs11Shim::for_ever);
    shim().fail("C_SignInit", 1, CKR_DEVICE_REMOVED, test::Pkcs11Shim::for_ever);
    EXPECT_FALSE(sign(*key));
    const unsigned asked = shim().calls("C_OpenSession");
    for (int i = 0; i < 100; ++i) EXPECT_EQ(sign(*key).error().kind, ErrorKind::unavailable);
    EXPECT_EQ(shim().calls("C_OpenSession"), asked);
    EXPECT_EQ(source().probe().error().kind, ErrorKind::unavailable);
    shim().reset();
    wait();
    EXPECT_TRUE(source().probe());
    EXPECT_TRUE(signs(*key));
}

TEST_F(Recovery, a_token_taken_away_comes_back_without_a_restart) {
    const auto key = make("agent");
    const auto opener = make("opener", KeyUse::unwrap);
    ASSERT_TRUE(source().probe());
    hsm_.remove();
    EXPECT_EQ(sign(*key).error().kind, ErrorKind::unavailable);
    wait();
    EXPECT_EQ(source().probe().error().kind, ErrorKind::unavailable);
    const auto opened = opener->decrypt(DecryptScheme::rsa_raw, Bytes(256, 1));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::unavailable);
    // A reload meanwhile keeps the key.
    EXPECT_EQ(*open("agent"), key);
    hsm_.restore();
    wait();
    EXPECT_TRUE(signs(*key));
    EXPECT_TRUE(opener->decrypt(DecryptScheme::rsa_raw, Bytes(256, 1)));
    EXPECT_TRUE(source().probe());
}

TEST_F(Recovery, another_key_of_the_same_name_does_not_sign_for_us) {
    const auto key = make("agent");
    hsm_.pkcs11_tool("--delete-object --type privkey --label agent");
    hsm_.pkcs11_tool("--delete-object --type pubkey --label agent");
    hsm_.pkcs11_tool("--keypairgen --key-type rsa:2048 --label agent --id 77");
    const auto signature = sign(*key);
    ASSERT_FALSE(signature);
    EXPECT_EQ(signature.error().kind, ErrorKind::unavailable);
    EXPECT_THAT(signature.error().detail, HasSubstr("another key"));
    wait();
    const auto reopened = open("agent");
    ASSERT_TRUE(reopened) << describe(reopened.error());
    EXPECT_FALSE((*reopened)->public_key() == key->public_key());
    EXPECT_TRUE(signs(**reopened));
}

TEST_F(Recovery, a_key_taken_from_its_token_does_not_stop_the_others) {
    const auto key = make("agent");
    const auto other = make("other");
    hsm_.pkcs11_tool("--delete-object --type privkey --label agent");
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(sign(*key).error().kind, ErrorKind::unavailable);
        EXPECT_TRUE(signs(*other));
    }
}

TEST_F(Recovery, sessions_stay_within_what_the_token_allows) {
    shim().limit_sessions(3);  // one of them holds the login
    restart(16);
    const auto key = make("agent");
    std::vector<std::thread> threads;
    std::atomic<int> good{0};
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            for (int count = 0; count < 10; ++count) good += signs(*key) ? 1 : 0;
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(good, 80);
    EXPECT_LE(shim().most_open_sessions(), 3u);
}

// --- threads
// ----------------------------------------------------------------------------------------------------------

// COUNTERSIGN_THREAD_SECONDS makes it longer than the moment it takes in CI.
TEST_F(Recovery, eight_threads_under_faults_get_right_answers_or_none) {
    const char* wish = std::getenv("COUNTERSIGN_THREAD_SECONDS");
    const auto length = std::chrono::seconds(wish != nullptr ? std::atoi(wish) : 2);
    restart(4);
    const auto agent = make("agent");
    const auto ec = make("ec", KeyUse::sign, GeneratedKey::ec_p256);
    const auto opener = make("opener", KeyUse::unwrap);
    const Bytes content(16, 9);
    const Bytes wrapped = *opener->public_key().encrypt({}, content);
    const Secret secret(std::string_view("substitute secret of this test!!"));

    std::atomic<bool> stop{false};
    std::atomic<unsigned> good{0};
    std::atomic<unsigned> away{0};
    std::atomic<unsigned> wrong{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
            while (!stop) {
                if (i % 2 == 0) {
                    Key& key = i % 4 == 0 ? *agent : *ec;
                    const auto signature = sign(key);
                    if (!signature) {
                        ++(signature.error().kind == ErrorKind::unavailable ? away : wrong);
                    } else {
                        ++(key.public_key().verify(sha256_scheme(key), as_bytes("message"), *signature) ? good : wrong);
                    }
                } else {
                    const auto opened = unwrap_content_key(*opener, {}, wrapped, content.size(), secret);
                    if (!opened) {
                        ++(opened.error().kind == ErrorKind::unavailable ? away : wrong);
                    } else {
                        ++(opened->equals(content) ? good : wrong);
                    }
                }
            }
        });
    }
    constexpr CK_RV values[] = {CKR_DEVICE_ERROR,       CKR_SESSION_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN,
                                CKR_KEY_HANDLE_INVALID, CKR_DEVICE_REMOVED,         CKR_CRYPTOKI_NOT_INITIALIZED};
    constexpr const char* functions[] = {"C_SignInit",    "C_Sign",        "C_DecryptInit", "C_Decrypt",
                                         "C_OpenSession", "C_FindObjects", "C_CloseSession"};
    const auto end = std::chrono::steady_clock::now() + length;
    for (unsigned round = 0; std::chrono::steady_clock::now() < end; ++round) {
        shim().fail(functions[round % std::size(functions)], 1 + round % 5, values[round % std::size(values)],
                    1 + round % 3);
        elapsed_ += 6;
        if (round % 7 == 0) {
            EXPECT_TRUE(open("agent"));
        }
        if (round % 11 == 0) static_cast<void>(source().probe());
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
    }
    stop = true;
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0u);
    EXPECT_GT(good, 0u);
    EXPECT_EQ(shim().sessions_shared_by_threads(), 0u);
    std::cout << "right " << good << ", unavailable " << away << ", most sessions " << shim().most_open_sessions()
              << "\n";
    shim().reset();
    wait();
    EXPECT_TRUE(signs(*agent));
    source().close();
    EXPECT_EQ(shim().open_sessions(), 0u);
}

}  // namespace
}  // namespace countersign::keys
