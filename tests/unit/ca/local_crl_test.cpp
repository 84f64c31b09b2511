// Revocation and the CRL of the local CA.
#include "local_world.hpp"

#include <gtest/gtest.h>

namespace countersign::ca::test {
namespace {

using namespace std::chrono_literals;

struct Crl {
    long number = 0;
    std::int64_t this_update = 0;  // seconds
    std::int64_t next_update = 0;
    std::map<std::string, long> reasons;  // by serial; -1: none given
};

std::int64_t seconds_of(const ASN1_TIME* time) {
    std::tm parts{};
    EXPECT_EQ(ASN1_TIME_to_tm(time, &parts), 1);
    return ::timegm(&parts);
}

// As OpenSSL reads it.
Crl read(const Bytes& der) {
    const unsigned char* next = der.data();
    const crypto::Ossl<X509_CRL> crl(d2i_X509_CRL(nullptr, &next, static_cast<long>(der.size())));
    Crl result;
    auto* number = static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(crl.get(), NID_crl_number, nullptr, nullptr));
    result.number = ASN1_INTEGER_get(number);
    ASN1_INTEGER_free(number);
    result.this_update = seconds_of(X509_CRL_get0_lastUpdate(crl.get()));
    result.next_update = seconds_of(X509_CRL_get0_nextUpdate(crl.get()));
    const auto* revoked = X509_CRL_get_REVOKED(crl.get());
    for (int i = 0; i < sk_X509_REVOKED_num(revoked); ++i) {
        const auto* entry = sk_X509_REVOKED_value(revoked, i);
        const auto* serial = X509_REVOKED_get0_serialNumber(entry);
        auto* reason = static_cast<ASN1_ENUMERATED*>(X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, nullptr, nullptr));
        result
            .reasons[lower_hex({ASN1_STRING_get0_data(serial), static_cast<std::size_t>(ASN1_STRING_length(serial))})] =
            reason == nullptr ? -1 : ASN1_ENUMERATED_get(reason);
        ASN1_ENUMERATED_free(reason);
    }
    return result;
}

struct LocalCrl : ::testing::Test {
    crypto::Certificate recorded(const std::string& key) {
        auto certificate = std::get<Issued>(world.ca->submit(world.with_plan([](auto&) {}), key).value()).certificate;
        world.insert(certificate, "enroll");
        return certificate;
    }
    Bytes crl() { return world.ca->crl(world.now()).value(); }

    LocalWorld world;
};

TEST_F(LocalCrl, NamesItsTimesAndNumber) {
    const auto first = read(crl());
    EXPECT_EQ(first.number, 1);
    EXPECT_EQ(first.this_update, to_milliseconds(world.now()) / 1000);
    EXPECT_EQ(first.next_update - first.this_update, std::chrono::seconds(24h * 7).count());
    EXPECT_TRUE(first.reasons.empty());
}

TEST_F(LocalCrl, IsCachedUntilItsTimeOrARevocation) {
    const auto first = crl();
    world.clock.advance(12h - 1ms);
    EXPECT_EQ(crl(), first);
    world.clock.advance(1ms);
    EXPECT_EQ(read(crl()).number, 2) << "crl_refresh";
    const auto second = crl();
    ASSERT_TRUE(world.ca->revoke(recorded("key").serial_hex(), 0, world.now()));
    EXPECT_EQ(read(crl()).number, 3) << "a revocation";
    EXPECT_NE(crl(), second);
}

TEST_F(LocalCrl, AClockSetBackMakesANewOne) {
    crl();
    world.clock.advance(-1h);
    EXPECT_EQ(read(crl()).this_update, to_milliseconds(world.now()) / 1000);
}

TEST_F(LocalCrl, HoldsEveryReason) {
    std::map<std::string, long> expected;
    for (const int reason : {0, 1, 2, 3, 4, 5, 6, 9, 10}) {
        const auto serial = recorded("key-" + std::to_string(reason)).serial_hex();
        ASSERT_TRUE(world.ca->revoke(serial, reason, world.now())) << reason;
        expected[serial] = reason == 0 ? -1 : reason;
    }
    EXPECT_EQ(read(crl()).reasons, expected);
}

TEST_F(LocalCrl, RefusesReasonsThatAreNone) {
    const auto serial = recorded("key").serial_hex();
    for (const int reason : {-1, 7, 8, 11}) {
        const auto refused = world.ca->revoke(serial, reason, world.now());
        ASSERT_FALSE(refused) << reason;
        EXPECT_EQ(refused.error().kind, ErrorKind::malformed);
    }
    EXPECT_TRUE(read(crl()).reasons.empty());
}

TEST_F(LocalCrl, SerialsAreReadAsPeopleWriteThem) {
    const auto serial = recorded("key").serial_hex();
    std::string colons;
    for (std::size_t i = 0; i < serial.size(); i += 2) colons += (i == 0 ? "00:" : ":") + serial.substr(i, 2);
    for (char& c : colons) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_TRUE(world.ca->revoke(colons, 1, world.now())) << colons;
    EXPECT_TRUE(read(crl()).reasons.contains(serial));
    for (const std::string nonsense : {"", "00", "xyz", "12 34"}) {
        const auto refused = world.ca->revoke(nonsense, 1, world.now());
        ASSERT_FALSE(refused) << nonsense;
        EXPECT_EQ(refused.error().kind, ErrorKind::malformed) << nonsense;
    }
}

// RFC 5280 3.3: an entry stays for one CRL beyond the certificate's expiry.
TEST_F(LocalCrl, KeepsTheExpiredForOneMoreCrl) {
    const auto certificate = recorded("key");
    ASSERT_TRUE(world.ca->revoke(certificate.serial_hex(), 1, world.now()));
    world.clock.set(certificate.not_after() + 24h);
    EXPECT_TRUE(read(crl()).reasons.contains(certificate.serial_hex()));
    world.clock.set(certificate.not_after() + 24h * 7 + 1h);
    EXPECT_FALSE(read(crl()).reasons.contains(certificate.serial_hex()));
}

TEST_F(LocalCrl, WithoutLedgerOrKeyThereIsNone) {
    world.ledger.away = true;
    EXPECT_EQ(world.ca->crl(world.now()).error().kind, ErrorKind::unavailable);
    world.ledger.away = false;
    world.key->away = true;
    EXPECT_EQ(world.ca->crl(world.now()).error().kind, ErrorKind::unavailable);
    world.key->away = false;
    EXPECT_TRUE(world.ca->crl(world.now()));
}

}  // namespace
}  // namespace countersign::ca::test
