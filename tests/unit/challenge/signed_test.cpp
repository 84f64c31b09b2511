// Signed challenges: what other implementations made is read, and nothing else is accepted.
#include "signed_fixture.hpp"

#include <gmock/gmock.h>

namespace countersign::challenge {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST_F(SignedTest, WhatAnotherImplementationMadeIsAcceptedInEveryCombination) {
    for (const auto& [name, challenge] : vectors()["good"].items()) EXPECT_EQ(verdict(challenge), "Success") << name;
    EXPECT_EQ(verdict(" \n" + good("rsa ES256") + "\r\n"), "Success") << "blanks around it are a transport's";
}

TEST_F(SignedTest, TheClaimSaysWhatTheStatementSays) {
    auto signed_challenges = verifier();
    const auto claim = signed_challenges.reserve(facts_with(good("rsa ES256"))).value();
    EXPECT_EQ(claim.kind, "signed");
    EXPECT_EQ(claim.id, "mdm enrollment-0001 device 4711");
    EXPECT_EQ(claim.binding.subject, "CN=device-7,O=Example");
    EXPECT_THAT(claim.binding.sans, testing::ElementsAre("dns:device-7.example.com", "upn:device-7@example.com"));
    EXPECT_EQ(claim.binding.template_name, "device");
    ASSERT_TRUE(claim.binding.exact);
    const auto& terms = *claim.binding.exact;
    EXPECT_EQ(terms.key_usage, crypto::KeyUsage{0xa0});
    EXPECT_EQ(terms.extended_key_usage, std::vector<std::string>{"1.3.6.1.5.5.7.3.2"});
    EXPECT_EQ(terms.key_algorithm, crypto::KeyAlgorithm::rsa);
    EXPECT_EQ(terms.key_bits, 2048u);
    EXPECT_EQ(terms.validity, std::chrono::days{30});
    EXPECT_THAT(terms.subject_patterns, testing::ElementsAre("CN=device-*,O=Example"));
    ASSERT_TRUE(claim.single_use);
    EXPECT_EQ(claim.single_use->mac, claim.stored_mac);
    EXPECT_EQ(claim.single_use->expires, test::at_minute(61)) << "a minute of clock skew after exp";
}

TEST_F(SignedTest, EverythingElseIsRefusedAndTheAuditCanTellWhy) {
    for (const auto& [name, challenge] : vectors()["bad"].items()) {
        const std::string word = name.substr(0, name.find(':') + 1);
        EXPECT_THAT(verdict(challenge), StartsWith(word)) << name;
    }
}

TEST_F(SignedTest, ADamagedChallengeIsRefusedWhereverItIsDamaged) {
    for (const char* name : {"rsa ES256", "p256 EdDSA"}) {
        const std::string whole = good(name);
        for (std::size_t i = 0; i < whole.size(); i += 53) {
            std::string flipped = whole;
            flipped[i] = static_cast<char>(flipped[i] ^ 1);
            EXPECT_NE(verdict(flipped), "Success") << name << " flipped at " << i;
            EXPECT_NE(verdict(whole.substr(0, i)), "Success") << name << " cut at " << i;
        }
        EXPECT_NE(verdict(whole + "A"), "Success");
        EXPECT_NE(verdict(whole + "."), "Success");
        EXPECT_NE(verdict(whole + "=="), "Success") << "one value has one text";
    }
    EXPECT_THAT(verdict(std::string(40000, 'A')), StartsWith("ChallengeDeserializationError"));
    EXPECT_THAT(verdict(""), StartsWith("ChallengePasswordMissing"));
}

TEST_F(SignedTest, ClaimsAreReadStrictly) {
    const auto with = options_with_own_key();
    ASSERT_EQ(verdict(minted(claims()), with), "Success");
    const std::vector<std::pair<std::string, json>> wrong{
        {"/iss", nullptr},
        {"/aud", nullptr},
        {"/aud", json::array({"default"})},
        {"/jti", nullptr},
        {"/jti", ""},
        {"/jti", std::string(129, 'x')},
        {"/jti", 7},
        {"/iat", nullptr},
        {"/iat", "1795240800"},
        {"/iat", 1795240800.5},
        {"/iat", -1},
        {"/exp", nullptr},
        {"/exp", 1e300},
        {"/exp", 18446744073709551615ULL},
        {"/nbf", "soon"},
        {"/admin", true},
        {"/device", 4711},
        {"/device", "a\nb"},
        {"/request", nullptr},
        {"/request", "CN=device-7"},
        {"/request/subject", nullptr},
        {"/request/subject", 7},
        {"/request/subject", "CN"},
        {"/request/subject_alt_names", nullptr},
        {"/request/subject_alt_names", "dns:device-7.example.com"},
        {"/request/subject_alt_names", json::array({"device-7.example.com"})},
        {"/request/subject_alt_names", json::array({"dns:a.example", "dns:a.example"})},
        {"/request/key_usage", "digitalSignature"},
        {"/request/key_usage", json::array({"everything"})},
        {"/request/extended_key_usage", json::array({"clientAuth", "1.3.6.1.5.5.7.3.2"})},
        {"/request/extended_key_usage", json::array({""})},
        {"/request/key", "RSA"},
        {"/request/key/type", "DSA"},
        {"/request/key/size", "2048"},
        {"/request/key/curve", "P-256"},
        {"/request/public_key", "ABCD"},
        {"/request/validity", 0},
        {"/request/validity", 1000000000000},
        {"/request/anything", 1},
    };
    for (const auto& [pointer, value] : wrong) {
        EXPECT_THAT(verdict(minted(claims(pointer, value)), with), StartsWith("ChallengeDecodingError: "))
            << pointer << " " << value;
    }
    test::CountingRandom random;
    std::string twice = claims().dump();
    twice.insert(1, R"("aud":"vpn",)");
    const auto jws = sign_statement(twice, *own_key()).value();
    EXPECT_THAT(verdict(seal_challenge(jws, challenge_key("rsa").key->public_key(), random).value(), with),
                HasSubstr("twice"));
}

TEST_F(SignedTest, ALifeIsBoundedAtBothEnds) {
    const auto with = options_with_own_key();
    const std::int64_t now = vectors()["claims"]["iat"];
    const auto at = [&](std::int64_t iat, std::int64_t exp, const json& nbf = nullptr) {
        json changed = claims();
        changed["iat"] = iat;
        changed["exp"] = exp;
        if (!nbf.is_null()) changed["nbf"] = nbf;
        return verdict(minted(changed), with, from_milliseconds(now * 1000));
    };
    EXPECT_EQ(at(now, now + 60), "Success");
    EXPECT_EQ(at(now - 3600, now - 59), "Success") << "a minute of skew";
    EXPECT_THAT(at(now - 3600, now - 60), StartsWith("ChallengeExpired"));
    EXPECT_EQ(at(now + 60, now + 120), "Success");
    EXPECT_THAT(at(now + 61, now + 120), StartsWith("ChallengeInvalidTimestamp"));
    EXPECT_THAT(at(now, now + 600, now + 61), StartsWith("ChallengeInvalidTimestamp"));
    EXPECT_THAT(at(now, now + 86400), "Success");
    EXPECT_THAT(at(now, now + 86401), StartsWith("ChallengeInvalidTimestamp"));
    EXPECT_THAT(at(now, now + 86400, now - 1), StartsWith("ChallengeInvalidTimestamp")) << "nbf counts too";
    EXPECT_THAT(at(now, now), StartsWith("ChallengeInvalidTimestamp"));
    EXPECT_THAT(at(now, now - 1), StartsWith("ChallengeInvalidTimestamp"));
}

TEST_F(SignedTest, AnIssuerVouchesForItsOwnProfilesAndTemplates) {
    auto with = options();
    with.issuers.front().profiles = {"vpn"};
    auto other = with.issuers.front();
    other.name = other.issuer = "other";
    other.profiles = {"default"};
    with.issuers.push_back(other);
    EXPECT_THAT(verdict(good("rsa ES256"), with), StartsWith("ChallengeIssuerNotAllowed"));

    with = options();
    with.issuers.front().templates = {"vpn"};
    EXPECT_THAT(verdict(good("rsa ES256"), with), StartsWith("ChallengeIssuerNotAllowed"));
    with.issuers.front().templates = {"vpn", "device"};
    EXPECT_EQ(verdict(good("rsa ES256"), with), "Success");

    with = options();
    with.audience = "https://scep.example";
    EXPECT_THAT(verdict(good("rsa ES256"), with), StartsWith("ChallengeAudienceMismatch"));
}

TEST_F(SignedTest, AnotherIssuersKeyIsNoKeyOfThisOne) {
    auto with = options();
    auto other = with.issuers.front();
    other.name = other.issuer = "https://other.example";
    with.issuers.front().keys = {IssuerKey::from_public_key(own_key()->public_key()).value()};
    with.issuers.push_back(other);
    EXPECT_THAT(verdict(good("rsa ES256"), with), StartsWith("ChallengeKeyUnknown"));
}

TEST_F(SignedTest, KeysRollOver) {
    auto with = options();
    with.keys = {challenge_key("p256"), challenge_key("rsa")};
    EXPECT_EQ(verdict(good("rsa ES256"), with), "Success") << "the previous challenge key";
    EXPECT_EQ(verdict(good("no kid outside"), with), "Success");
    with.keys = {challenge_key("p256")};
    EXPECT_THAT(verdict(good("rsa ES256"), with), StartsWith("ChallengeDecryptionError"));
    EXPECT_THAT(verdict(good("p384 ES256"), with), StartsWith("ChallengeDecryptionError"));
    EXPECT_EQ(verdict(minted(claims()), options_with_own_key()), "Success") << "the issuer's next key";
}

TEST_F(SignedTest, AnIdIsUsedOnce) {
    auto signed_challenges = verifier();
    const auto facts = facts_with(good("rsa ES256"));
    const auto use = [&](unsigned number) {
        const auto claim = signed_challenges.reserve(facts_with(good("rsa ES256")));
        if (!claim) return Result<void>(claim.error());
        auto attempt = test::sample_attempt(number, claim->stored_mac);
        attempt.single_use = claim->single_use;
        return database_->transactions().record_intent(attempt);
    };
    const auto claim = signed_challenges.reserve(facts).value();
    ASSERT_TRUE(use(1));
    auto twin = test::sample_attempt(2, claim.stored_mac);
    twin.single_use = claim.single_use;
    EXPECT_TRUE(refused_as(database_->transactions().record_intent(twin), ErrorKind::denied)) << "at the same time";
    EXPECT_TRUE(refused_as(use(3), ErrorKind::conflict));
    EXPECT_THAT(verdict(good("p256 EdDSA")), StartsWith("ChallengeReplayed")) << "the same id in another wrapping";

    ASSERT_TRUE(database_->transactions().record_failed(test::hex_id(1), "the CA is away",
                                                        store::ChallengeFate::release, test::at_minute(1)));
    ASSERT_TRUE(use(4)) << "it was not its fault";
    ASSERT_TRUE(
        database_->transactions().record_issued(test::hex_id(4), test::sample_certificate(4), test::at_minute(2)));
    const auto replayed = use(5);
    EXPECT_TRUE(refused_as(replayed, ErrorKind::conflict));
    EXPECT_THAT(replayed.error().detail, HasSubstr("was used before, by request " + test::hex_id(4)));

    EXPECT_EQ(database_->used_challenges().purge(test::at_minute(61)).value(), 0u) << "as long as it lives";
    EXPECT_EQ(database_->used_challenges().purge(test::at_minute(62)).value(), 1u);
    EXPECT_THAT(verdict(good("rsa ES256"), options(), test::at_minute(62)), StartsWith("ChallengeExpired"));
}

TEST_F(SignedTest, WhatIsMintedHereReadsBack) {
    for (const auto& [algorithm, kind] :
         {std::pair{"RS256", keys::GeneratedKey::rsa2048}, std::pair{"PS256", keys::GeneratedKey::rsa2048},
          std::pair{"ES256", keys::GeneratedKey::ec_p256}}) {
        const auto key = keys::key_from_pem(keys::generate_private_key_pem(kind).value(), "issuer").value();
        auto with = options();
        with.issuers.front().keys = {IssuerKey::from_public_key(key->public_key()).value()};
        const auto statement = read_statement(claims().dump()).value();
        EXPECT_EQ(json::parse(write_statement(statement)), claims());
        const auto jws = sign_statement(write_statement(statement), *key, algorithm).value();
        for (const char* receiver : {"rsa", "p256", "p384"}) {
            test::CountingRandom random;
            const auto sealed = seal_challenge(jws, challenge_key(receiver).key->public_key(), random).value();
            EXPECT_EQ(verdict(sealed, with), "Success") << algorithm << " for " << receiver;
        }
        EXPECT_FALSE(sign_statement("{}", *key, "HS256"));
    }
}

TEST_F(SignedTest, NonsenseDoesNotStart) {
    auto with = options();
    with.keys.clear();
    EXPECT_THROW(verifier(with), StartupError);
    with = options();
    with.issuers.front().profiles = {"vpn"};
    EXPECT_THROW(verifier(with), StartupError);
    with = options();
    with.issuers.push_back(with.issuers.front());
    EXPECT_THROW(verifier(with), StartupError);
    with = options();
    with.issuers.front().keys.clear();
    EXPECT_THROW(verifier(with), StartupError);
}

// The first block in docs/signed-challenge.md with this language, after `heading`.
std::string block_after(const std::string& page, const std::string& words, const std::string& language) {
    const auto begin = page.find("```" + language + "\n", page.find(words));
    if (begin == std::string::npos) throw std::runtime_error("the page has no " + language + " after " + words);
    const auto from = begin + language.size() + 4;
    return page.substr(from, page.find("```", from) - from);
}

TEST_F(SignedTest, TheWorkedExampleOfTheSpecificationIsTrue) {
    const std::string page = test::vector_text("../../docs/signed-challenge.md");
    const auto key = key_from(block_after(page, "The server's challenge key", "pem"));
    auto with = options();
    with.keys = {{key, jwk_thumbprint(key->public_key())}};
    with.issuers.front().keys = IssuerKey::from_text(block_after(page, "The issuer's public key", "json")).value();
    auto challenge = block_after(page, "The challenge, its lines", "text");
    std::erase(challenge, '\n');
    EXPECT_EQ(verdict(challenge, with), "Success");
    const auto jws = open_sealed(read_sealed(challenge).value(), with.keys, test_pepper()).value();
    const auto inside = read_signed(jws.reveal_text()).value();
    EXPECT_EQ(json::parse(write_statement(inside.statement)),
              json::parse(block_after(page, "The claims, issued", "json")));
}

}  // namespace
}  // namespace countersign::challenge
