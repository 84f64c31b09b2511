#include "countersign/keys/unwrap.hpp"
#include "openssl_command.hpp"
#include "token_fixture.hpp"

namespace countersign::keys {
namespace {

using crypto::DigestAlgorithm;
using crypto::Padding;
using ::testing::HasSubstr;
using ::testing::Not;

class Pkcs11Key : public TokenTest {};

std::string pem_of(const crypto::PublicKey& key, const test::OpensslCommand& openssl) {
    openssl.write("key.der", key.spki());
    const auto made = openssl.run("pkey -pubin -inform DER -in key.der -out key.pem");
    EXPECT_EQ(made.status, 0) << made.text;
    return "key.pem";
}

struct Scheme {
    GeneratedKey kind;
    crypto::SignatureScheme scheme;
};

class EverySignature : public TokenTest, public ::testing::WithParamInterface<Scheme> {};

TEST_P(EverySignature, verifies_with_the_openssl_command) {
    const auto key = make("signer", KeyUse::sign, GetParam().kind);
    ASSERT_TRUE(key);
    const auto signature = key->sign(GetParam().scheme, as_bytes("message"));
    ASSERT_TRUE(signature) << describe(signature.error());
    const test::OpensslCommand openssl;
    const std::string pem = pem_of(key->public_key(), openssl);
    openssl.write("message", std::string_view("message"));
    openssl.write("other", std::string_view("messagf"));
    openssl.write("signature", ByteView(*signature));
    std::string digest(crypto::name(GetParam().scheme.digest));
    std::erase(digest, '-');
    std::string options;
    if (GetParam().scheme.padding == Padding::rsa_pss)
        options = " -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest";
    const std::string line = "dgst -" + digest + " -verify " + pem + options + " -signature signature ";
    const auto good = openssl.run(line + "message");
    EXPECT_EQ(good.status, 0) << good.text;
    EXPECT_NE(openssl.run(line + "other").status, 0);
}

INSTANTIATE_TEST_SUITE_P(OfTokens, EverySignature,
                         ::testing::Values(Scheme{GeneratedKey::rsa2048, {Padding::rsa_pkcs1, DigestAlgorithm::sha1}},
                                           Scheme{GeneratedKey::rsa2048, {Padding::rsa_pkcs1, DigestAlgorithm::sha256}},
                                           Scheme{GeneratedKey::rsa2048, {Padding::rsa_pkcs1, DigestAlgorithm::sha384}},
                                           Scheme{GeneratedKey::rsa3072, {Padding::rsa_pkcs1, DigestAlgorithm::sha512}},
                                           Scheme{GeneratedKey::rsa2048, {Padding::rsa_pss, DigestAlgorithm::sha1}},
                                           Scheme{GeneratedKey::rsa2048, {Padding::rsa_pss, DigestAlgorithm::sha256}},
                                           Scheme{GeneratedKey::rsa2048, {Padding::rsa_pss, DigestAlgorithm::sha512}},
                                           Scheme{GeneratedKey::ec_p256, {Padding::ecdsa, DigestAlgorithm::sha256}},
                                           Scheme{GeneratedKey::ec_p256, {Padding::ecdsa, DigestAlgorithm::sha512}},
                                           Scheme{GeneratedKey::ec_p384, {Padding::ecdsa, DigestAlgorithm::sha256}},
                                           Scheme{GeneratedKey::ec_p384, {Padding::ecdsa, DigestAlgorithm::sha384}}));

TEST_F(Pkcs11Key, refuses_schemes_of_another_kind_of_key) {
    const auto rsa = make("rsa");
    const auto ec = make("ec", KeyUse::sign, GeneratedKey::ec_p256);
    EXPECT_EQ(rsa->sign({Padding::ecdsa, DigestAlgorithm::sha256}, {}).error().kind, ErrorKind::malformed);
    EXPECT_EQ(ec->sign({Padding::rsa_pkcs1, DigestAlgorithm::sha256}, {}).error().kind, ErrorKind::malformed);
    EXPECT_EQ(rsa->sign({Padding::rsa_pkcs1, DigestAlgorithm::md5}, {}).error().kind, ErrorKind::malformed);
    EXPECT_EQ(ec->suits(KeyUse::unwrap).error().kind, ErrorKind::denied);
    EXPECT_EQ(ec->decrypt(DecryptScheme::rsa_raw, Bytes(64, 1)).error().kind, ErrorKind::malformed);
}

// --- opening envelopes
// ------------------------------------------------------------------------------------------------

struct Transport {
    const char* name;
    const char* options;
    crypto::KeyTransport transport;
    bool without_raw;  // whether a token without CKM_RSA_X_509 can do it; SoftHSM's OAEP knows SHA-1 alone
};
const Transport transports[] = {
    {"PKCS#1", "-pkeyopt rsa_padding_mode:pkcs1", {}, true},
    {"OAEP SHA-1", "-pkeyopt rsa_padding_mode:oaep", {true, DigestAlgorithm::sha1, DigestAlgorithm::sha1}, true},
    {"OAEP SHA-256",
     "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256",
     {true, DigestAlgorithm::sha256, DigestAlgorithm::sha256},
     false},
    {"OAEP mixed",
     "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha1",
     {true, DigestAlgorithm::sha256, DigestAlgorithm::sha1},
     false},
};

class Opening : public TokenTest {
protected:
    Bytes wrapped_by_openssl(const Key& key, const std::string& options) {
        const std::string pem = pem_of(key.public_key(), openssl_);
        openssl_.write("content", ByteView(content_));
        const auto made =
            openssl_.run("pkeyutl -encrypt -pubin -inkey " + pem + " " + options + " -in content -out wrapped");
        EXPECT_EQ(made.status, 0) << made.text;
        return openssl_.read("wrapped");
    }
    Bytes opened(Key& key, const crypto::KeyTransport& transport, ByteView wrapped) {
        const auto result = unwrap_content_key(key, transport, wrapped, content_.size(), secret_);
        EXPECT_TRUE(result) << describe(result.error());
        return result ? to_bytes(result->reveal()) : Bytes();
    }

    test::OpensslCommand openssl_;
    Bytes content_{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    Secret secret_{std::string_view("substitute secret of this test!!")};
};

TEST_F(Opening, opens_what_openssl_wrapped_with_raw_rsa) {
    const auto key = make("opener", KeyUse::unwrap);
    ASSERT_TRUE(key->suits(KeyUse::unwrap));
    EXPECT_TRUE(key->offers(DecryptScheme::rsa_raw));
    EXPECT_EQ(key->suits(KeyUse::sign).error().kind, ErrorKind::denied);
    for (const Transport& one : transports) {
        ASSERT_TRUE(unwraps(*key, one.transport)) << one.name;
        EXPECT_EQ(opened(*key, one.transport, wrapped_by_openssl(*key, one.options)), content_) << one.name;
    }
}

TEST_F(Opening, opens_what_a_token_without_raw_rsa_can) {
    shim().hide_mechanism(CKM_RSA_X_509);
    const auto key = make("opener", KeyUse::unwrap);
    ASSERT_TRUE(key->suits(KeyUse::unwrap)) << describe(key->suits(KeyUse::unwrap).error());
    EXPECT_FALSE(key->offers(DecryptScheme::rsa_raw));
    for (const Transport& one : transports) {
        EXPECT_EQ(unwraps(*key, one.transport), one.without_raw) << one.name;
        if (one.without_raw) {
            EXPECT_EQ(opened(*key, one.transport, wrapped_by_openssl(*key, one.options)), content_) << one.name;
        }
    }
}

// Listed is not allowed: the attempt at opening finds out.
TEST_F(Opening, falls_back_when_raw_rsa_is_listed_and_refused) {
    make("opener", KeyUse::unwrap);
    restart();
    shim().fail("C_DecryptInit", 1, CKR_MECHANISM_INVALID);
    const auto key = open("opener");
    ASSERT_TRUE(key) << describe(key.error());
    EXPECT_FALSE((*key)->offers(DecryptScheme::rsa_raw));
    EXPECT_TRUE((*key)->offers(DecryptScheme::rsa_pkcs1));
}

TEST_F(Opening, a_token_without_any_way_says_what_is_lacking_and_the_way_out) {
    shim().hide_mechanism(CKM_RSA_X_509);
    shim().hide_mechanism(CKM_RSA_PKCS);
    const auto key = make("opener", KeyUse::unwrap);
    const auto suited = key->suits(KeyUse::unwrap);
    ASSERT_FALSE(suited);
    EXPECT_EQ(suited.error().kind, ErrorKind::denied);
    EXPECT_THAT(suited.error().detail, HasSubstr("CKM_RSA_X_509"));
    EXPECT_THAT(suited.error().detail, HasSubstr("CKM_RSA_PKCS"));
    EXPECT_THAT(suited.error().detail, HasSubstr("key generate file:"));
}

TEST_F(Opening, says_that_signing_is_lacking) {
    shim().hide_mechanism(CKM_RSA_PKCS);
    const auto key = make("signer");
    EXPECT_THAT(key->suits(KeyUse::sign).error().detail, HasSubstr("lacks CKM_RSA_PKCS"));
}

// Whatever the token says about the ciphertext leads to one and the same substitute, with and without raw RSA.
TEST_F(Opening, every_answer_about_the_input_gives_the_same_substitute) {
    for (const bool raw : {true, false}) {
        shim().reset();
        if (!raw) shim().hide_mechanism(CKM_RSA_X_509);
        const std::string name = raw ? "raw" : "padded";
        const auto key = make(name, KeyUse::unwrap);
        const Bytes wrapped = wrapped_by_openssl(*key, transports[0].options);
        std::optional<Bytes> substitute;
        for (const CK_RV value : {CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_DATA_INVALID,
                                  CKR_DATA_LEN_RANGE, CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_ARGUMENTS_BAD,
                                  CKR_BUFFER_TOO_SMALL, CKR_VENDOR_DEFINED | 7}) {
            shim().fail("C_Decrypt", 1, value);
            const Bytes got = opened(*key, {}, wrapped);
            if (!substitute) substitute = got;
            EXPECT_EQ(got, *substitute) << name << " " << value;
            EXPECT_NE(got, content_);
        }
        EXPECT_EQ(shim().calls("C_Login"), 1u) << "no answer about the input may cost a new login";
        EXPECT_EQ(opened(*key, {}, wrapped), content_);
        source_.reset();
    }
}

TEST_F(Opening, bad_padding_gives_a_steady_substitute_where_the_token_unpads) {
    shim().hide_mechanism(CKM_RSA_X_509);
    const auto key = make("opener", KeyUse::unwrap);
    Bytes bad(256, 0x5a);
    bad[0] = 0;
    const Bytes first = opened(*key, {}, bad);
    EXPECT_EQ(opened(*key, {}, bad), first);
    EXPECT_EQ(opened(*key, {true, DigestAlgorithm::sha1, DigestAlgorithm::sha1}, bad), first);
    EXPECT_EQ(shim().calls("C_Login"), 1u);
}

TEST_F(Opening, bad_padding_costs_what_good_padding_does_where_the_token_unpads) {
    shim().hide_mechanism(CKM_RSA_X_509);
    const auto key = make("opener", KeyUse::unwrap);
    const Bytes good = wrapped_by_openssl(*key, transports[0].options);
    Bytes bad(256, 0x5a);
    bad[0] = 0;
    const auto cost_of = [&](const Bytes& wrapped) {
        const unsigned before = shim().calls("C_OpenSession") + shim().calls("C_CloseSession");
        opened(*key, {}, wrapped);
        opened(*key, {}, good);  // the next who needs a session pays for one that was given up
        return shim().calls("C_OpenSession") + shim().calls("C_CloseSession") - before;
    };
    cost_of(good);
    EXPECT_EQ(cost_of(good), 0u);
    EXPECT_EQ(cost_of(bad), 0u);
}

TEST_F(Opening, an_absent_token_gives_no_substitute) {
    const auto key = make("opener", KeyUse::unwrap);
    const Bytes wrapped = wrapped_by_openssl(*key, transports[0].options);
    for (const CK_RV value : {CKR_DEVICE_REMOVED, CKR_TOKEN_NOT_PRESENT, CKR_DEVICE_ERROR, CKR_SESSION_HANDLE_INVALID,
                              CKR_USER_NOT_LOGGED_IN, CKR_KEY_HANDLE_INVALID}) {
        shim().fail("C_Decrypt", 1, value, test::Pkcs11Shim::for_ever);
        const auto result = unwrap_content_key(*key, {}, wrapped, content_.size(), secret_);
        ASSERT_FALSE(result) << value;
        EXPECT_EQ(result.error().kind, ErrorKind::unavailable);
        shim().reset();
        wait();
        EXPECT_EQ(opened(*key, {}, wrapped), content_);
    }
}

// --- URIs and objects
// -------------------------------------------------------------------------------------------------

TEST_F(Pkcs11Key, refuses_uris_that_say_too_much_or_too_little) {
    make("agent");
    const std::string pin = "file:pin";
    const std::pair<std::string, std::string> cases[] = {
        {"pkcs11:token=ra;object=agent?pin-value=1234", "pin-source"},
        {"pkcs11:token=ra;object=agent?pin-source=|/usr/bin/pin", "pin-source=file:PATH"},
        {"pkcs11:object=agent?pin-source=file:pin", "names no token"},
        {"pkcs11:token=ra;objekt=agent?pin-source=file:pin", "misspelt"},
        {"pkcs11:token=ra;object=agent;type=cert?pin-source=file:pin", "type=private"},
        {"pkcs11:token=%zz", "%-encoding"},
        {"pkcs11:token", "NAME=VALUE"},
        {"file:agent.key", "pkcs11:"},
    };
    for (const auto& [uri, part] : cases) {
        const auto key = source().open(uri);
        ASSERT_FALSE(key) << uri;
        EXPECT_EQ(key.error().kind, ErrorKind::malformed) << uri;
        EXPECT_THAT(key.error().detail, HasSubstr(part)) << uri;
        EXPECT_THAT(key.error().detail, Not(HasSubstr("1234"))) << uri;
    }
    EXPECT_TRUE(source().open("pkcs11:token=ra;object=agent;type=private?pin-source=file:pin"));
}

TEST_F(Pkcs11Key, says_which_tokens_there_are_and_which_key_is_missing) {
    const auto nowhere = source().open(hsm_.uri("agent", "nowhere"));
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().kind, ErrorKind::not_found);
    EXPECT_THAT(nowhere.error().detail, HasSubstr("it shows ra"));
    const auto missing = open("missing");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
    EXPECT_TRUE(make("agent")) << "a key that is not there must not put the token in doubt";
}

TEST_F(Pkcs11Key, a_module_that_is_none_is_named) {
    hsm_.write("no-module.so", "text");
    const auto key = source().open("pkcs11:token=ra;object=x?pin-source=file:pin&module-path=" +
                                   (hsm_.directory() / "no-module.so").string());
    ASSERT_FALSE(key);
    EXPECT_THAT(key.error().detail, HasSubstr("no-module.so"));
    EXPECT_THAT(key.error().detail, HasSubstr("pkcs11.module"));
}

TEST_F(Pkcs11Key, refuses_two_keys_of_one_name_until_an_id_tells_them_apart) {
    hsm_.pkcs11_tool("--keypairgen --key-type rsa:2048 --label twin --id 01");
    hsm_.pkcs11_tool("--keypairgen --key-type rsa:2048 --label twin --id 02");
    const auto both = open("twin");
    ASSERT_FALSE(both);
    EXPECT_EQ(both.error().kind, ErrorKind::malformed);
    const auto first = source().open("pkcs11:token=ra;object=twin;id=%01?pin-source=file:pin");
    const auto second = source().open("pkcs11:token=ra;object=twin;id=%02?pin-source=file:pin");
    ASSERT_TRUE(first && second);
    EXPECT_FALSE((*first)->public_key() == (*second)->public_key());
}

TEST_F(Pkcs11Key, refuses_keys_below_what_is_strong_and_curves_it_does_not_know) {
    hsm_.pkcs11_tool("--keypairgen --key-type rsa:1024 --label small --id 01");
    hsm_.pkcs11_tool("--keypairgen --key-type EC:secp521r1 --label large --id 02");
    for (const char* name : {"small", "large"}) {
        const auto key = open(name);
        ASSERT_FALSE(key) << name;
        EXPECT_EQ(key.error().kind, ErrorKind::malformed) << describe(key.error());
    }
}

TEST_F(Pkcs11Key, finds_the_public_half_without_a_public_key_object) {
    hsm_.pkcs11_tool("--keypairgen --key-type rsa:2048 --label agent --id 01");
    hsm_.pkcs11_tool("--delete-object --type pubkey --id 01");
    const auto rsa = open("agent");
    ASSERT_TRUE(rsa) << describe(rsa.error());
    EXPECT_TRUE(signs(**rsa));
}

TEST_F(Pkcs11Key, takes_the_public_half_of_an_ec_key_from_its_certificate) {
    hsm_.pkcs11_tool("--keypairgen --key-type EC:prime256v1 --label agent --id 01");
    const auto with_object = open("agent");
    ASSERT_TRUE(with_object) << describe(with_object.error());
    const test::OpensslCommand openssl;
    openssl.run("ecparam -genkey -name prime256v1 -noout -out other.pem");
    openssl.write("key.der", (*with_object)->public_key().spki());
    openssl.run("pkey -pubin -inform DER -in key.der -out key.pem");
    openssl.run("req -new -x509 -key other.pem -subj /CN=x -out ca.pem");
    openssl.run("req -new -key other.pem -subj /CN=agent -out request.pem");
    const auto made = openssl.run(
        "x509 -req -in request.pem -CA ca.pem -CAkey other.pem -CAcreateserial -force_pubkey key.pem -outform DER -out "
        "certificate.der");
    ASSERT_EQ(made.status, 0) << made.text;
    hsm_.write("certificate.der", std::string(as_text(openssl.read("certificate.der"))));
    hsm_.pkcs11_tool("--write-object " + (hsm_.directory() / "certificate.der").string() + " --type cert --id 01");
    hsm_.pkcs11_tool("--delete-object --type pubkey --id 01");
    restart();
    const auto with_certificate = open("agent");
    ASSERT_TRUE(with_certificate) << describe(with_certificate.error());
    EXPECT_TRUE(signs(**with_certificate));

    hsm_.pkcs11_tool("--delete-object --type cert --id 01");
    restart();
    const auto with_nothing = open("agent");
    ASSERT_FALSE(with_nothing);
    EXPECT_THAT(with_nothing.error().detail, HasSubstr("public half"));
}

TEST_F(Pkcs11Key, a_key_that_wants_the_pin_each_time_gets_it) {
    hsm_.pkcs11_tool("--keypairgen --key-type rsa:2048 --label careful --id 01 --always-auth");
    const auto key = open("careful");
    ASSERT_TRUE(key) << describe(key.error());
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(signs(**key));
    EXPECT_GE(shim().calls("C_Login"), 4u);
    hsm_.write_pin("wrong");
    EXPECT_FALSE(signs(**key));
    const unsigned tried = shim().calls("C_Login");
    for (int i = 0; i < 3; ++i) {
        wait();
        EXPECT_FALSE(signs(**key));
    }
    EXPECT_EQ(shim().calls("C_Login"), tried) << "a wrong PIN is tried once";
}

TEST_F(Pkcs11Key, generating_overwrites_nothing) {
    const auto first = make("agent");
    const auto second = source().generate(hsm_.uri("agent"), GeneratedKey::rsa2048, KeyUse::sign, random_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::conflict);
    EXPECT_TRUE(signs(*first));
    EXPECT_EQ(source()
                  .generate("pkcs11:token=ra?pin-source=file:pin", GeneratedKey::rsa2048, KeyUse::sign, random_)
                  .error()
                  .kind,
              ErrorKind::malformed);
    EXPECT_EQ(source().generate(hsm_.uri("ec"), GeneratedKey::ec_p256, KeyUse::unwrap, random_).error().kind,
              ErrorKind::denied);
}

TEST_F(Pkcs11Key, what_it_generates_never_leaves_the_token) {
    make("agent");
    hsm_.command(
        "(pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label ra --login --pin 1234 "
        "--list-objects --type privkey > " +
        (hsm_.directory() / "list").string() + ")");
    std::ifstream list(hsm_.directory() / "list");
    const std::string text{std::istreambuf_iterator<char>(list), {}};
    EXPECT_THAT(text, HasSubstr("never extractable"));
    EXPECT_THAT(text, HasSubstr("sensitive"));
    EXPECT_THAT(text, Not(HasSubstr("decrypt")));
}

TEST_F(Pkcs11Key, a_wrong_signature_of_the_token_does_not_get_out) {
    const auto key = make("agent");
    shim().corrupt_signatures(true);
    const auto signature = sign(*key);
    ASSERT_FALSE(signature);
    EXPECT_EQ(signature.error().kind, ErrorKind::unavailable);
    shim().corrupt_signatures(false);
    EXPECT_TRUE(signs(*key));
}

TEST_F(Pkcs11Key, the_same_uri_is_the_same_key_and_costs_no_second_login) {
    const auto first = make("agent");
    const auto second = open("agent");
    ASSERT_TRUE(second);
    EXPECT_EQ(first, *second);
    make("other");
    EXPECT_EQ(shim().calls("C_Login"), 1u);
}

TEST_F(Pkcs11Key, a_closed_source_answers_unavailable_and_leaves_no_session) {
    const auto key = make("agent");
    EXPECT_GT(shim().open_sessions(), 0u);
    source().close();
    EXPECT_EQ(shim().open_sessions(), 0u);
    EXPECT_EQ(sign(*key).error().kind, ErrorKind::unavailable);
    EXPECT_EQ(open("agent").error().kind, ErrorKind::unavailable);
}

}  // namespace
}  // namespace countersign::keys
