// Lists that `openssl ca -gencrl` made, read.
#include "countersign/crypto/revocation_list.hpp"

#include "countersign/crypto/encoding.hpp"
#include "openssl_crl.hpp"
#include "vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign::crypto {
namespace {

using namespace countersign::test;
using namespace std::chrono_literals;
using testing::HasSubstr;

Time at(std::string_view text) {
    return from_rfc3339(text).value();
}

Bytes serial(std::string_view hex) {
    return from_hex(hex).value();
}

struct RevocationListTest : testing::Test {
    OpensslCrlCa ca;

    std::string refusal(const OpensslCrlCa::List& how) { return refusal(ca.list(how)); }
    static std::string refusal(ByteView der) {
        const auto list = RevocationList::from_der(der);
        return list ? "accepted" : list.error().detail;
    }
};

TEST_F(RevocationListTest, SaysWhatIsRevokedSinceWhenAndWhy) {
    ca.revoke("7F", "261101120000Z,keyCompromise");
    ca.revoke("0A", "261031000000Z");
    ca.revoke("00D2000000000000000000000000000000000001", "261102000000Z,CAkeyTime,20261101000000Z");
    ca.revoke("10", "261103000000Z,holdInstruction,holdInstructionReject");
    const auto list = RevocationList::from_der(ca.list()).value();
    EXPECT_EQ(list.size(), 4U);
    EXPECT_TRUE(list.issuer().matches(ca.certificate().subject()));
    EXPECT_EQ(list.this_update(), at("2026-11-21T05:00:00Z"));
    EXPECT_EQ(list.next_update(), at("2026-11-22T05:00:00Z"));
    EXPECT_EQ(list.number(), serial("1001"));

    const auto stolen = list.find(serial("7f"));
    ASSERT_TRUE(stolen);
    EXPECT_EQ(stolen->since, at("2026-11-01T12:00:00Z"));
    EXPECT_EQ(revocation_reason_name(stolen->reason), "keyCompromise");
    ASSERT_TRUE(list.find(serial("0a")));
    EXPECT_EQ(revocation_reason_name(list.find(serial("0a"))->reason), "unspecified");
    EXPECT_EQ(revocation_reason_name(list.find(serial("10")).value().reason), "certificateHold")
        << "on hold is revoked";
    EXPECT_TRUE(list.find(serial("00d2000000000000000000000000000000000001"))) << "as an INTEGER has it";
    for (const auto* other : {"0b", "7e", "00", "d2000000000000000000000000000000000001", "0010", "1001"})
        EXPECT_FALSE(list.find(serial(other))) << other;
}

TEST_F(RevocationListTest, FindsEachOfManyAndNoneBetween) {
    for (int i = 0; i < 2000; ++i) {
        char text[9];
        std::snprintf(text, sizeof text, "%08X", 0x10000000 + i * 7919 * 2);
        ca.revoke(text);
    }
    const auto list = RevocationList::from_der(ca.list()).value();
    ASSERT_EQ(list.size(), 2000U);
    for (std::uint32_t i = 0; i < 2000; ++i) {
        const std::uint32_t number = 0x10000000U + i * 7919U * 2U;
        const auto octets = [](std::uint32_t value) {
            return Bytes{static_cast<std::uint8_t>(value >> 24U), static_cast<std::uint8_t>(value >> 16U),
                         static_cast<std::uint8_t>(value >> 8U), static_cast<std::uint8_t>(value)};
        };
        EXPECT_TRUE(list.find(octets(number))) << number;
        EXPECT_FALSE(list.find(octets(number + 1))) << number;
    }
}

TEST_F(RevocationListTest, AnEmptyListAndOneOfVersionOneAreLists) {
    const auto empty = RevocationList::from_der(ca.list()).value();
    EXPECT_EQ(empty.size(), 0U);
    EXPECT_FALSE(empty.find(serial("01")));
    ca.revoke("01");
    const auto bare = RevocationList::from_der(ca.list({.bare = true}));
    ASSERT_TRUE(bare) << bare.error().detail;
    EXPECT_TRUE(bare->find(serial("01")));
}

TEST_F(RevocationListTest, IsCurrentBetweenItsDates) {
    const auto list = RevocationList::from_der(ca.list()).value();
    EXPECT_TRUE(list.current_at(at("2026-11-21T05:00:00Z"), 0ms));
    EXPECT_TRUE(list.current_at(at("2026-11-22T04:59:59Z"), 0ms));
    EXPECT_FALSE(list.current_at(at("2026-11-22T05:00:00Z"), 5min)) << "nextUpdate has no slack";
    EXPECT_FALSE(list.current_at(at("2026-11-21T04:59:00Z"), 0ms));
    EXPECT_TRUE(list.current_at(at("2026-11-21T04:59:00Z"), 5min));
}

TEST_F(RevocationListTest, TheSignatureIsTheCasOrNobodys) {
    ca.revoke("01");
    auto der = ca.list();
    const OpensslCrlCa other;
    EXPECT_TRUE(RevocationList::from_der(der).value().verify_signed_by(ca.certificate().public_key()));
    EXPECT_FALSE(RevocationList::from_der(der).value().verify_signed_by(other.certificate().public_key()));
    der.back() ^= 1U;
    EXPECT_FALSE(RevocationList::from_der(der).value().verify_signed_by(ca.certificate().public_key()));
    OpensslCrlCa rsa("/CN=RSA CA", "", "rsa:2048");
    for (const auto* digest : {"sha1", "md5"}) {
        const auto weak = RevocationList::from_der(rsa.list({.options = std::string("-md ") + digest})).value();
        const auto verified = weak.verify_signed_by(rsa.certificate().public_key());
        ASSERT_FALSE(verified) << digest;
        EXPECT_THAT(verified.error().detail, HasSubstr("too weak"));
    }
    EXPECT_TRUE(RevocationList::from_der(rsa.list({.options = "-md sha384"}))
                    .value()
                    .verify_signed_by(rsa.certificate().public_key()));
}

TEST_F(RevocationListTest, WhatIsRevokedCannotBeChangedUnderTheSignature) {
    ca.revoke("4142434445464748");
    auto der = ca.list();
    const auto place = std::ranges::search(der, serial("4142434445464748")).begin();
    ASSERT_NE(place, der.end());
    *place ^= 1U;
    const auto changed = RevocationList::from_der(der).value();
    EXPECT_FALSE(changed.find(serial("4142434445464748")));
    EXPECT_FALSE(changed.verify_signed_by(ca.certificate().public_key()));
}

TEST_F(RevocationListTest, RefusesListsThatDoNotSayAll) {
    EXPECT_THAT(refusal({.extensions = "2.5.29.27 = critical,DER:02:02:10:00"}), HasSubstr("delta"));
    const auto scoped = [&](const std::string& scope) {
        return refusal({.extensions = "issuingDistributionPoint = critical,@idp\n[idp]\n" + scope});
    };
    EXPECT_THAT(scoped("onlyCA = TRUE"), HasSubstr("CAs only"));
    EXPECT_THAT(scoped("onlyAA = TRUE"), HasSubstr("attribute"));
    EXPECT_THAT(scoped("indirectCRL = TRUE"), HasSubstr("indirect"));
    EXPECT_THAT(scoped("onlysomereasons = keyCompromise, CACompromise"), HasSubstr("some reasons"));
    EXPECT_EQ(scoped("onlyuser = TRUE"), "accepted");
    EXPECT_EQ(scoped("fullname = URI:http://pki.example/1.crl"), "accepted");
    EXPECT_THAT(scoped("relativename = who\n[who]\nCN = one"), HasSubstr("distribution point"));
}

TEST_F(RevocationListTest, RefusesCriticalExtensionsItDoesNotKnow) {
    EXPECT_THAT(refusal({.extensions = "1.2.3.4 = critical,DER:05:00"}), HasSubstr("1.2.3.4"));
    EXPECT_EQ(refusal({.extensions = "1.2.3.4 = DER:05:00"}), "accepted");
    EXPECT_THAT(refusal({.extensions = "2.5.29.27 = DER:02:01:01"}), HasSubstr("delta")) << "critical or not";
}

TEST_F(RevocationListTest, CoversTheCertificatesOfItsDistributionPoint) {
    const auto one = RevocationList::from_der(ca.list(
        {.extensions = "issuingDistributionPoint = critical,@idp\n[idp]\nfullname = URI:http://pki.example/1.crl"}));
    ASSERT_TRUE(one) << one.error().detail;
    const auto whole = RevocationList::from_der(ca.list()).value();
    const auto here =
        ca.issue("21", "crlDistributionPoints = URI:http://pki.example/0.crl, URI:http://pki.example/1.crl");
    const auto there = ca.issue("22", "crlDistributionPoints = URI:http://pki.example/2.crl");
    const auto nowhere = ca.issue("23");
    EXPECT_TRUE(one->covers(here));
    EXPECT_FALSE(one->covers(there));
    EXPECT_FALSE(one->covers(nowhere));
    for (const auto& certificate : {here, there, nowhere}) EXPECT_TRUE(whole.covers(certificate));
    EXPECT_THAT(revocation_list_urls(here),
                testing::ElementsAre("http://pki.example/0.crl", "http://pki.example/1.crl"));
    EXPECT_TRUE(revocation_list_urls(nowhere).empty());
}

TEST_F(RevocationListTest, ReadsDerAndPemAndNothingElse) {
    const auto der = ca.list();
    EXPECT_TRUE(RevocationList::from_octets(der));
    const auto pem = ca.pem();
    ASSERT_TRUE(RevocationList::from_octets(pem));
    EXPECT_TRUE(equal(RevocationList::from_octets(pem)->der(), der));
    auto twice = pem;
    twice.insert(twice.end(), pem.begin(), pem.end());
    EXPECT_FALSE(RevocationList::from_octets(twice));
    for (const auto* text : {"", "<html>404</html>", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"})
        EXPECT_FALSE(RevocationList::from_octets(as_bytes(text))) << text;
    EXPECT_FALSE(RevocationList::from_octets(ca.certificate().der())) << "a certificate";
}

TEST_F(RevocationListTest, RefusesCutAndLengthenedLists) {
    ca.revoke("01", "261101120000Z,keyCompromise");
    const auto der = ca.list();
    for (std::size_t size = 0; size < der.size(); ++size)
        EXPECT_FALSE(RevocationList::from_der(ByteView(der).first(size))) << size;
    auto longer = der;
    longer.push_back(0);
    EXPECT_FALSE(RevocationList::from_der(longer));
    const Bytes huge(RevocationList::largest + 1, 0x30);
    EXPECT_THAT(refusal(huge), HasSubstr("at most"));
}

// Hand-made from a list of OpenSSL's: it will not make these itself. The signature does not matter to the reader.
TEST_F(RevocationListTest, RefusesEntriesOfOthersAndEntriesTakenBack) {
    ca.revoke("01", "261101120000Z,keyCompromise");
    auto der = ca.list();
    const auto reason = serial("0603551d1504030a0101");  // reasonCode: keyCompromise
    const auto place = std::ranges::search(der, reason).begin();
    ASSERT_NE(place, der.end());
    place[9] = 8;
    EXPECT_THAT(refusal(der), HasSubstr("takes an entry back"));
    place[9] = 11;
    EXPECT_THAT(refusal(der), HasSubstr("none that exists"));
    place[9] = 1;
    EXPECT_EQ(refusal(der), "accepted");
    place[4] = 0x1d;  // certificateIssuer
    EXPECT_THAT(refusal(der), HasSubstr("indirect"));
}

TEST(RevocationListVectors, OfPythonReadsLikeThatOfOpenssl) {
    const auto list = RevocationList::from_der(vector_octets("crl/python.crl")).value();
    EXPECT_EQ(list.size(), 3U);
    EXPECT_EQ(list.number(), serial("8000000000000000"));
    EXPECT_EQ(list.find(serial("10")).value().reason, 6);
    EXPECT_EQ(list.find(serial("7f")).value().reason, 1);
    EXPECT_TRUE(list.find(serial("348" + std::string(37, '0'))));
    EXPECT_FALSE(list.find(serial("0a")));
    const auto spki = from_pem(vector_text("crl/python-key.pem"), "PUBLIC KEY").value().at(0);
    EXPECT_TRUE(list.verify_signed_by(PublicKey::from_spki(spki).value()));
    EXPECT_FALSE(RevocationList::from_der(vector_octets("crl/revoked.crl"))
                     .value()
                     .verify_signed_by(PublicKey::from_spki(spki).value()));
}

TEST(RevocationListVectors, AreReadOrRefused) {
    for (const auto* good : {"empty.crl", "revoked.crl", "revoked.pem", "version-1.crl", "partition.crl", "python.crl"})
        EXPECT_TRUE(RevocationList::from_octets(vector_octets("crl/" + std::string(good)))) << good;
    for (const auto* bad : {"delta.crl", "indirect.crl", "some-reasons.crl", "unknown-extension.crl"})
        EXPECT_FALSE(RevocationList::from_octets(vector_octets("crl/" + std::string(bad)))) << bad;
}

TEST_F(RevocationListTest, RefusesAListWithoutAnEnd) {
    auto der = ca.list();
    // nextUpdate turned into something else.
    const auto next = as_bytes("261122050000Z");
    const auto place = std::ranges::search(der, next).begin();
    ASSERT_NE(place, der.end());
    place[-2] = 0x04;
    EXPECT_THAT(refusal(der), HasSubstr("until when"));
}

}  // namespace
}  // namespace countersign::crypto
