#include "countersign/keys/file_key.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <thread>

#include "vectors.hpp"

namespace countersign::keys {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FileKey : public ::testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "countersign-keys-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    std::filesystem::path write(const std::string& name, std::string_view content, mode_t mode = 0600) {
        const auto path = directory_ / name;
        std::ofstream(path, std::ios::binary) << content;
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return path;
    }
    void copy(const std::string& vector) { write("key.pem", test::vector_text(vector)); }
    Result<std::shared_ptr<Key>> open(std::string_view uri) { return FileKeySource(directory_).open(uri); }

    std::filesystem::path directory_;
};

Result<std::shared_ptr<Key>> from_vector(const std::string& name) {
    return key_from_pem(Secret(test::vector_text(name)), "vector");
}

TEST_F(FileKey, opens_relative_and_absolute_paths) {
    copy("clients/encryption.key.pem");
    const std::string absolute = (directory_ / "key.pem").string();
    for (const std::string& uri : {std::string("file:key.pem"), "file:" + absolute, "file://" + absolute}) {
        const auto key = open(uri);
        ASSERT_TRUE(key) << uri << ": " << describe(key.error());
        EXPECT_EQ((*key)->describe(), uri + " (RSA 2048)");
        EXPECT_TRUE((*key)->offers(DecryptScheme::rsa_raw));
    }
}

TEST_F(FileKey, refuses_what_is_no_file_uri) {
    for (const std::string_view uri : {"pkcs11:token=x", "key.pem", "file:", "file://host/key.pem", ""}) {
        const auto key = open(uri);
        ASSERT_FALSE(key) << uri;
        EXPECT_EQ(key.error().kind, ErrorKind::malformed) << uri;
    }
}

TEST_F(FileKey, says_which_file_is_missing) {
    const auto key = open("file:nowhere.pem");
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().kind, ErrorKind::not_found);
    EXPECT_THAT(key.error().detail, HasSubstr((directory_ / "nowhere.pem").string()));
}

TEST_F(FileKey, refuses_a_file_others_may_use_and_names_the_remedy) {
    for (const mode_t mode : {0640, 0604, 0620, 0602, 0610, 0644, 0660, 0777}) {
        const auto path = write("key.pem", test::vector_text("clients/encryption.key.pem"), mode);
        const auto key = open("file:key.pem");
        ASSERT_FALSE(key) << std::oct << mode;
        EXPECT_EQ(key.error().kind, ErrorKind::malformed);
        EXPECT_THAT(key.error().detail, HasSubstr("chmod 600 " + path.string()));
    }
    write("key.pem", test::vector_text("clients/encryption.key.pem"), 0400);
    EXPECT_TRUE(open("file:key.pem"));
}

TEST_F(FileKey, refuses_directories_fifos_empty_and_huge_files) {
    ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
    write("empty.pem", "");
    write("huge.pem", std::string(70000, 'x'));
    for (const std::string_view uri : {"file:.", "file:fifo", "file:empty.pem", "file:huge.pem"}) {
        const auto key = open(uri);
        ASSERT_FALSE(key) << uri;
        EXPECT_EQ(key.error().kind, ErrorKind::malformed) << uri;
    }
}

TEST_F(FileKey, errors_show_the_file_and_nothing_of_its_content) {
    write("key.pem", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0IG9jdGV0cw==\n-----END PRIVATE KEY-----\n");
    const auto key = open("file:key.pem");
    ASSERT_FALSE(key);
    EXPECT_THAT(key.error().detail, HasSubstr("key.pem"));
    EXPECT_THAT(key.error().detail, Not(HasSubstr("c2VjcmV0")));
}

TEST_F(FileKey, generates_into_a_new_file_that_only_its_owner_can_read) {
    SystemRandom random;
    FileKeySource files(directory_);
    const auto made = files.generate("file:new.key", GeneratedKey::ec_p256, KeyUse::sign, random);
    ASSERT_TRUE(made) << describe(made.error());
    struct stat status {};
    ASSERT_EQ(::stat((directory_ / "new.key").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600u);
    EXPECT_TRUE((*open("file:new.key"))->public_key() == (*made)->public_key());

    const auto again = files.generate("file:new.key", GeneratedKey::ec_p256, KeyUse::sign, random);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().kind, ErrorKind::conflict);
    EXPECT_TRUE((*open("file:new.key"))->public_key() == (*made)->public_key());
    EXPECT_EQ(files.generate("file:x.key", GeneratedKey::ec_p256, KeyUse::unwrap, random).error().kind,
              ErrorKind::denied);
    EXPECT_FALSE(files.generate("file:nowhere/x.key", GeneratedKey::ec_p256, KeyUse::sign, random));
}

struct Form {
    const char* vector;
    crypto::KeyAlgorithm algorithm;
};

class KeyForms : public ::testing::TestWithParam<Form> {};

TEST_P(KeyForms, sign_what_the_public_half_verifies) {
    const auto key = from_vector(GetParam().vector);
    ASSERT_TRUE(key) << describe(key.error());
    EXPECT_EQ((*key)->public_key().algorithm(), GetParam().algorithm);
    for (const auto digest :
         {crypto::DigestAlgorithm::sha256, crypto::DigestAlgorithm::sha384, crypto::DigestAlgorithm::sha512}) {
        const auto scheme = (*key)->public_key().scheme_with(digest);
        const auto signature = (*key)->sign(scheme, as_bytes("message"));
        ASSERT_TRUE(signature) << describe(signature.error());
        EXPECT_TRUE((*key)->public_key().verify(scheme, as_bytes("message"), *signature));
        EXPECT_FALSE((*key)->public_key().verify(scheme, as_bytes("messagf"), *signature));
    }
}

INSTANTIATE_TEST_SUITE_P(MadeByOpenssl, KeyForms,
                         ::testing::Values(Form{"clients/encryption.key.pem", crypto::KeyAlgorithm::rsa},
                                           Form{"keys/rsa2048-traditional.pem", crypto::KeyAlgorithm::rsa},
                                           Form{"keys/p256-traditional.pem", crypto::KeyAlgorithm::ec_p256},
                                           Form{"keys/p384.pem", crypto::KeyAlgorithm::ec_p384}));

class RefusedKeys : public ::testing::TestWithParam<const char*> {};

TEST_P(RefusedKeys, are_malformed) {
    const auto key = from_vector(std::string("keys/") + GetParam());
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().kind, ErrorKind::malformed) << describe(key.error());
}

INSTANTIATE_TEST_SUITE_P(MadeByOpenssl, RefusedKeys,
                         ::testing::Values("rsa1024.pem", "secp256k1.pem", "ed25519.pem", "encrypted-pkcs8.pem",
                                           "encrypted-traditional.pem", "damaged-rsa.pem", "README.md"));

TEST(KeyFromPem, names_the_way_out_of_a_passphrase) {
    const auto key = from_vector("keys/encrypted-pkcs8.pem");
    ASSERT_FALSE(key);
    EXPECT_THAT(key.error().detail, HasSubstr("openssl pkey"));
}

TEST(KeyFromPem, refuses_a_public_key) {
    const auto key = key_from_pem(Secret(test::vector_text("clients/encryption.pem")), "vector");
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().kind, ErrorKind::malformed);
}

TEST(Signing, does_pss_and_refuses_what_does_not_fit_the_key) {
    const auto rsa = *from_vector("clients/encryption.key.pem");
    const auto ec = *from_vector("keys/p384.pem");
    const crypto::SignatureScheme pss{crypto::Padding::rsa_pss, crypto::DigestAlgorithm::sha256};
    const auto signature = rsa->sign(pss, as_bytes("message"));
    ASSERT_TRUE(signature);
    EXPECT_TRUE(rsa->public_key().verify(pss, as_bytes("message"), *signature));
    EXPECT_FALSE(rsa->public_key().verify({crypto::Padding::rsa_pkcs1, crypto::DigestAlgorithm::sha256},
                                          as_bytes("message"), *signature));

    EXPECT_FALSE(rsa->sign({crypto::Padding::ecdsa, crypto::DigestAlgorithm::sha256}, as_bytes("message")));
    EXPECT_FALSE(ec->sign({crypto::Padding::rsa_pkcs1, crypto::DigestAlgorithm::sha256}, as_bytes("message")));
    EXPECT_FALSE(rsa->sign({crypto::Padding::rsa_pkcs1, crypto::DigestAlgorithm::md5}, as_bytes("message")));
}

TEST(Decrypting, gives_the_whole_block_or_the_message) {
    const auto key = *from_vector("clients/encryption.key.pem");
    const Bytes wrapped = test::vector_octets("keys/wrapped-pkcs1.bin");
    const auto raw = key->decrypt(DecryptScheme::rsa_raw, wrapped);
    ASSERT_TRUE(raw);
    ASSERT_EQ(raw->size(), 256u);
    EXPECT_EQ(raw->reveal()[0], 0);
    EXPECT_EQ(raw->reveal()[1], 2);
    const auto message = key->decrypt(DecryptScheme::rsa_pkcs1, wrapped);
    ASSERT_TRUE(message);
    EXPECT_TRUE(message->equals(test::vector_octets("keys/content-key.bin")));
}

TEST(Decrypting, refuses_another_length_a_number_above_the_modulus_and_other_keys) {
    const auto key = *from_vector("clients/encryption.key.pem");
    Bytes wrapped = test::vector_octets("keys/wrapped-pkcs1.bin");
    const Bytes modulus = key->public_key().rsa_modulus();
    EXPECT_EQ(key->decrypt(DecryptScheme::rsa_raw, modulus).error().kind, ErrorKind::malformed);
    EXPECT_EQ(key->decrypt(DecryptScheme::rsa_raw, Bytes(256, 0xff)).error().kind, ErrorKind::malformed);
    EXPECT_EQ(key->decrypt(DecryptScheme::rsa_raw, {}).error().kind, ErrorKind::malformed);
    wrapped.push_back(0);
    EXPECT_EQ(key->decrypt(DecryptScheme::rsa_raw, wrapped).error().kind, ErrorKind::malformed);

    const auto ec = *from_vector("keys/p384.pem");
    EXPECT_FALSE(ec->offers(DecryptScheme::rsa_raw));
    EXPECT_FALSE(ec->offers(DecryptScheme::rsa_pkcs1));
    EXPECT_EQ(ec->decrypt(DecryptScheme::rsa_raw, Bytes(256, 1)).error().kind, ErrorKind::malformed);
}

TEST(Key, serves_many_threads_at_once) {
    const auto key = *from_vector("clients/encryption.key.pem");
    const Bytes wrapped = test::vector_octets("keys/wrapped-pkcs1.bin");
    const auto scheme = key->public_key().scheme_with(crypto::DigestAlgorithm::sha256);
    const Bytes expected = *key->sign(scheme, as_bytes("message"));
    std::array<int, 8> right{};
    std::vector<std::thread> threads;
    for (int& count : right) {
        threads.emplace_back([&] {
            for (int i = 0; i < 10; ++i) {
                const auto signature = key->sign(scheme, as_bytes("message"));
                const auto opened = key->decrypt(DecryptScheme::rsa_pkcs1, wrapped);
                if (signature && *signature == expected && opened && opened->size() == 16) ++count;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_THAT(right, ::testing::Each(10));
}

TEST(Generating, makes_keys_that_open_and_differ) {
    struct Case {
        GeneratedKey kind;
        crypto::KeyAlgorithm algorithm;
        unsigned bits;
    };
    for (const auto& [kind, algorithm, bits] : {Case{GeneratedKey::rsa2048, crypto::KeyAlgorithm::rsa, 2048},
                                                Case{GeneratedKey::rsa3072, crypto::KeyAlgorithm::rsa, 3072},
                                                Case{GeneratedKey::ec_p256, crypto::KeyAlgorithm::ec_p256, 256},
                                                Case{GeneratedKey::ec_p384, crypto::KeyAlgorithm::ec_p384, 384}}) {
        const auto pem = generate_private_key_pem(kind);
        ASSERT_TRUE(pem);
        EXPECT_TRUE(pem->reveal_text().starts_with("-----BEGIN PRIVATE KEY-----\n"));
        const auto key = key_from_pem(*pem, "generated");
        ASSERT_TRUE(key) << describe(key.error());
        EXPECT_EQ((*key)->public_key().algorithm(), algorithm);
        EXPECT_EQ((*key)->public_key().bits(), bits);
    }
    const auto one = generate_private_key_pem(GeneratedKey::ec_p256);
    const auto other = generate_private_key_pem(GeneratedKey::ec_p256);
    EXPECT_FALSE(one->equals(other->reveal()));
}

}  // namespace
}  // namespace countersign::keys
