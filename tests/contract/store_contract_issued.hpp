// The contract of store::Issued.
#pragma once

#include "store_contract.hpp"

#include <mutex>
#include <set>

namespace countersign::store {

using test::at_minute;
using test::sample_certificate;

TEST_P(StoreContract, ACertificateComesBackAsItWasInserted) {
    IssuedCertificate certificate = sample_certificate(1);
    certificate.sans = {"dns:a.example", "ip:192.0.2.1"};
    ASSERT_TRUE(succeeds(issued().insert(certificate)));
    const auto found = issued().find(certificate.ca, certificate.serial);
    ASSERT_TRUE(succeeds(found));
    ASSERT_TRUE(found->has_value());
    const IssuedCertificate& back = **found;
    EXPECT_EQ(back.serial, certificate.serial);
    EXPECT_EQ(back.ca, certificate.ca);
    EXPECT_EQ(back.profile, certificate.profile);
    EXPECT_EQ(back.attempt, "");
    EXPECT_EQ(back.kind, certificate.kind);
    EXPECT_EQ(back.subject, certificate.subject);
    EXPECT_EQ(back.sans, certificate.sans);
    EXPECT_EQ(back.template_name, certificate.template_name);
    EXPECT_EQ(back.public_key, certificate.public_key);
    EXPECT_EQ(back.fingerprint, certificate.fingerprint);
    EXPECT_EQ(back.not_before, certificate.not_before);
    EXPECT_EQ(back.not_after, certificate.not_after);
    EXPECT_EQ(back.der, certificate.der);
    EXPECT_FALSE(back.revoked.has_value());
    EXPECT_EQ(back.revocation_reason, 0);
    EXPECT_FALSE(issued().find("other", certificate.serial)->has_value());
    EXPECT_FALSE(issued().find(certificate.ca, "01")->has_value());
}

TEST_P(StoreContract, CertificatesAreListedBySeveralProfiles) {
    for (unsigned i = 1; i <= 3; ++i) {
        IssuedCertificate certificate = sample_certificate(i);
        certificate.profile = i == 1 ? "default" : i == 2 ? "other" : "";
        ASSERT_TRUE(succeeds(issued().insert(certificate)));
    }
    IssuedFilter filter;
    EXPECT_EQ(issued().list(filter)->size(), 3u);
    filter.profiles = {"default", "other"};
    const auto both = issued().list(filter);
    ASSERT_EQ(both->size(), 2u);
    EXPECT_EQ(both->at(0).profile, "other");
    filter.profiles = {"defaul"};
    EXPECT_TRUE(issued().list(filter)->empty());
}

TEST_P(StoreContract, ASerialExistsOncePerCa) {
    ASSERT_TRUE(succeeds(issued().insert(sample_certificate(1))));
    EXPECT_TRUE(fails_as(issued().insert(sample_certificate(1)), ErrorKind::conflict));
    IssuedCertificate elsewhere = sample_certificate(1);
    elsewhere.ca = "other";
    EXPECT_TRUE(succeeds(issued().insert(elsewhere)));
    const auto both = issued().find_by_serial(elsewhere.serial);
    ASSERT_EQ(both->size(), 2u);
    EXPECT_EQ(both->at(0).ca, "other") << "newest first";
}

TEST_P(StoreContract, SerialsAreFoundHoweverTheyAreWritten) {
    IssuedCertificate certificate = sample_certificate(1);
    certificate.serial = "0a1b2c";
    ASSERT_TRUE(succeeds(issued().insert(certificate)));
    for (const char* written : {"0a1b2c", "0A1B2C", "0A:1B:2C", "a1b2c", "00:0a:1b:2c", "0a 1b 2c"}) {
        EXPECT_EQ(issued().find_by_serial(written)->size(), 1u) << written;
    }
    for (const char* other : {"0a1b2d", "1b2c", "", "zz", "0a1b2c%", "a1b2c0"}) {
        EXPECT_TRUE(issued().find_by_serial(other)->empty()) << other;
    }
}

TEST_P(StoreContract, ASerialThatIsNoNumberIsRefused) {
    IssuedCertificate certificate = sample_certificate(1);
    certificate.serial = "not hex";
    EXPECT_TRUE(fails_as(issued().insert(certificate), ErrorKind::malformed));
    certificate.serial = "";
    EXPECT_TRUE(fails_as(issued().insert(certificate), ErrorKind::malformed));
}

TEST_P(StoreContract, CertificatesAreListedByFilter) {
    for (unsigned i = 1; i <= 4; ++i) {
        IssuedCertificate certificate = sample_certificate(i);
        if (i == 2) certificate.profile = "other";
        if (i == 3) certificate.not_after = at_minute(10);
        ASSERT_TRUE(succeeds(issued().insert(certificate)));
    }
    ASSERT_TRUE(succeeds(issued().revoke("local", sample_certificate(4).serial, 1, at_minute(5))));
    const auto count = [&](IssuedFilter filter) { return issued().list(filter)->size(); };
    IssuedFilter filter;
    filter.now = at_minute(20);
    EXPECT_EQ(count(filter), 4u);
    EXPECT_EQ(issued().list(filter)->front().subject, "CN=device-4,O=Example");
    filter.limit = 2;
    EXPECT_EQ(count(filter), 2u);
    filter.limit = 1000;
    filter.profile = "default";
    EXPECT_EQ(count(filter), 3u);
    filter.profile.clear();
    filter.only_valid = true;
    EXPECT_EQ(count(filter), 2u);
    filter.now = at_minute(10);
    EXPECT_EQ(count(filter), 3u) << "notAfter itself still is valid";
    filter.subject_contains = "cn=DEVICE-2";
    EXPECT_EQ(count(filter), 1u);
    filter.subject_contains = "%";
    EXPECT_EQ(count(filter), 0u) << "no wildcards";
}

TEST_P(StoreContract, RevocationIsRecordedOnce) {
    ASSERT_TRUE(succeeds(issued().insert(sample_certificate(1))));
    ASSERT_TRUE(succeeds(issued().revoke("local", sample_certificate(1).serial, 4, at_minute(5))));
    const auto certificate = issued().find("local", sample_certificate(1).serial);
    EXPECT_EQ((*certificate)->revoked, at_minute(5));
    EXPECT_EQ((*certificate)->revocation_reason, 4);
    EXPECT_TRUE(fails_as(issued().revoke("local", sample_certificate(1).serial, 1, at_minute(6)), ErrorKind::conflict));
    EXPECT_TRUE(
        fails_as(issued().revoke("other", sample_certificate(1).serial, 1, at_minute(6)), ErrorKind::not_found));
    EXPECT_TRUE(fails_as(issued().revoke("local", "01", 1, at_minute(6)), ErrorKind::not_found));
    EXPECT_EQ((*issued().find("local", sample_certificate(1).serial))->revocation_reason, 4);
}

TEST_P(StoreContract, TheRevokedOfACaAreThoseNotYetExpiredBySerial) {
    for (const unsigned i : {3u, 1u, 2u, 4u}) {
        IssuedCertificate certificate = sample_certificate(i);
        if (i == 4) certificate.not_after = at_minute(10);
        ASSERT_TRUE(succeeds(issued().insert(certificate)));
        if (i != 2) {
            ASSERT_TRUE(succeeds(issued().revoke("local", certificate.serial, 1, at_minute(5))));
        }
    }
    const auto revoked = issued().revoked("local", at_minute(20));
    ASSERT_TRUE(succeeds(revoked));
    ASSERT_EQ(revoked->size(), 2u);
    EXPECT_EQ(revoked->at(0).serial, sample_certificate(1).serial);
    EXPECT_EQ(revoked->at(1).serial, sample_certificate(3).serial);
    EXPECT_EQ(issued().revoked("local", at_minute(10))->size(), 3u);
    EXPECT_TRUE(issued().revoked("other", at_minute(20))->empty());
}

TEST_P(StoreContract, TheRevocationVersionChangesWithEveryRevocationOfThatCaAlone) {
    IssuedCertificate elsewhere = sample_certificate(9);
    elsewhere.ca = "other";
    ASSERT_TRUE(succeeds(issued().insert(elsewhere)));
    ASSERT_TRUE(succeeds(issued().insert(sample_certificate(1))));
    ASSERT_TRUE(succeeds(issued().insert(sample_certificate(2))));
    const auto before = *issued().revocation_version("local");
    const auto other_before = *issued().revocation_version("other");
    ASSERT_TRUE(succeeds(issued().revoke("local", sample_certificate(1).serial, 1, at_minute(5))));
    const auto between = *issued().revocation_version("local");
    ASSERT_TRUE(succeeds(issued().revoke("local", sample_certificate(2).serial, 1, at_minute(5))));
    EXPECT_NE(before, between);
    EXPECT_NE(between, *issued().revocation_version("local"));
    EXPECT_EQ(other_before, *issued().revocation_version("other"));
    const auto unchanged = *issued().revocation_version("local");
    ASSERT_TRUE(fails_as(issued().revoke("local", sample_certificate(2).serial, 1, at_minute(5)), ErrorKind::conflict));
    EXPECT_EQ(unchanged, *issued().revocation_version("local"));
}

TEST_P(StoreContract, CrlNumbersAreNeverGivenTwice) {
    EXPECT_EQ(*issued().next_crl_number("local"), 1u);
    EXPECT_EQ(*issued().next_crl_number("local"), 2u);
    EXPECT_EQ(*issued().next_crl_number("other"), 1u);
    std::mutex mutex;
    std::set<std::uint64_t> given;
    on_threads(8, [&](unsigned) {
        for (int i = 0; i < 10; ++i) {
            const auto number = issued().next_crl_number("local");
            const std::lock_guard lock(mutex);
            if (number) given.insert(*number);
        }
    });
    EXPECT_EQ(given.size(), 80u);
    EXPECT_EQ(given.count(2), 0u);
}

}  // namespace countersign::store
