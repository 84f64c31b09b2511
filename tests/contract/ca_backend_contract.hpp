// What every ca::Backend promises, as a test suite to instantiate for each:
//
//     INSTANTIATE_TYPED_TEST_SUITE_P(Local, CaBackendContract, LocalHarness);
//
// A harness is default-constructible, owns one backend and offers:
//     static constexpr Abilities abilities;
//     ca::Backend& backend();
//     // A new request, the same for the same device.
//     ca::CountersignedRequest request(Countersigned how, const std::string& device);
//     void record(const crypto::Certificate&, const std::string& key);  // as the RA does when it has seen the outcome
//     void take_away();  void bring_back();                             // an outage of what the backend needs
//     Time now();  // by the backend's clock
// and, unless abilities.scripted is false:
//     void next(Treatment how);  // what the CA does with the next request
//     void release();            // the CA's officer issues what is held
//     std::size_t made();        // how many certificates the CA has made
#pragma once

#include "countersign/ca/backend.hpp"
#include "countersign/crypto/ossl.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace countersign::contract {

enum class Countersigned {
    properly,
    by_a_stranger,         // a self-made agent certificate with every right attribute
    twice,                 // two signers, both agents of ours
    without_agent_usage,   // a certificate of this CA without the Certificate Request Agent EKU
    over_another_request,  // a genuine countersignature, of something else
    damaged,               // one bit of the signature is wrong
    for_a_ca,              // properly, but the plan is a CA certificate
};

// What a kind of CA can do. What it cannot is skipped, what it must not do is tested all the same.
struct Abilities {
    bool builds_the_plan = false;           // everything in the certificate is as planned
    bool judges_countersignatures = false;  // and rejects a request that ours did not sign rightly
    bool repeats = false;                   // the same key gives the same certificate
    bool reconciles = false;                // it can be asked by key
    bool publishes_crl = false;
    bool scripted = false;  // the harness decides how the CA treats a request
    bool holds = true;      // it may hold one for its officer
    bool settles = false;   // it may be at a request for a while after it was asked
};
enum class Treatment { issue, hold, reject, lose_the_answer, lie, cut_the_answer };

template <class Harness>
class CaBackendContract : public ::testing::Test {
protected:
    ca::Backend& backend() { return harness_.backend(); }

    // Null unless issued.
    static const crypto::Certificate* issued(const Result<ca::Outcome>& outcome) {
        if (!outcome) return nullptr;
        const auto* result = std::get_if<ca::Issued>(&*outcome);
        return result == nullptr ? nullptr : &result->certificate;
    }
    Result<ca::Outcome> submit(Countersigned how, const std::string& device, const std::string& key) {
        return backend().submit(harness_.request(how, device), key);
    }
    // When whatever was submitted has long come to an end.
    Time long_ago() { return harness_.now() - std::chrono::hours{1}; }
    static std::string words(const Result<ca::Outcome>& outcome) {
        if (!outcome) return describe(outcome.error());
        const auto* rejected = std::get_if<ca::Rejected>(&*outcome);
        return rejected == nullptr ? "no rejection" : rejected->reason;
    }
    // The certificates of `serials` on the backend's CRL: what OpenSSL reads there, its signature checked.
    std::set<std::string> on_crl() {
        const auto der = backend().revoker()->crl(harness_.now());
        EXPECT_TRUE(der);
        const unsigned char* next = der->data();
        const crypto::Ossl<X509_CRL> crl(d2i_X509_CRL(nullptr, &next, static_cast<long>(der->size())));
        const auto issuer_der = to_bytes(backend().chain().front().der());
        next = issuer_der.data();
        const crypto::Ossl<X509> issuer(d2i_X509(nullptr, &next, static_cast<long>(issuer_der.size())));
        EXPECT_EQ(X509_CRL_verify(crl.get(), X509_get0_pubkey(issuer.get())), 1);
        std::set<std::string> serials;
        const auto* revoked = X509_CRL_get_REVOKED(crl.get());
        for (int i = 0; i < sk_X509_REVOKED_num(revoked); ++i) {
            const auto* serial = X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(revoked, i));
            serials.insert(
                lower_hex({ASN1_STRING_get0_data(serial), static_cast<std::size_t>(ASN1_STRING_length(serial))}));
        }
        return serials;
    }

    Harness harness_;
};

TYPED_TEST_SUITE_P(CaBackendContract);

TYPED_TEST_P(CaBackendContract, IssuesWhatWasPlanned) {
    const auto request = this->harness_.request(Countersigned::properly, "device-1");
    const auto outcome = this->backend().submit(request, "key-1");
    const auto* certificate = this->issued(outcome);
    ASSERT_NE(certificate, nullptr) << this->words(outcome);
    EXPECT_EQ(certificate->public_key(), request.request().public_key());
    EXPECT_TRUE(certificate->subject().matches(request.plan().subject));
    EXPECT_TRUE(certificate->verify_signed_by(this->backend().chain().front().public_key()));
    EXPECT_TRUE(certificate->valid_at(this->harness_.now()));
    EXPECT_FALSE(certificate->basic_constraints().ca);
    if (!TypeParam::abilities.builds_the_plan) return;
    EXPECT_EQ(certificate->subject_alt_names(), request.plan().subject_alt_names);
    EXPECT_EQ(certificate->extended_key_usage(), request.plan().extended_key_usage);
    EXPECT_EQ(certificate->key_usage(), request.plan().key_usage);
    EXPECT_GE(certificate->not_before(), request.plan().not_before);
    EXPECT_LE(certificate->not_after(), request.plan().not_after);
}

TYPED_TEST_P(CaBackendContract, RejectsWithAReason) {
    auto how = Countersigned::for_a_ca;
    if constexpr (TypeParam::abilities.scripted) {
        this->harness_.next(Treatment::reject);
        how = Countersigned::properly;
    }
    const auto outcome = this->submit(how, "device-1", "key-1");
    ASSERT_TRUE(outcome) << describe(outcome.error());
    const auto* rejected = std::get_if<ca::Rejected>(&*outcome);
    ASSERT_NE(rejected, nullptr);
    EXPECT_FALSE(rejected->reason.empty());
}

TYPED_TEST_P(CaBackendContract, AnswersNoBadCountersignatureWithACertificate) {
    if (!TypeParam::abilities.judges_countersignatures) GTEST_SKIP() << "this CA asks for no countersignature";
    for (const auto how : {Countersigned::by_a_stranger, Countersigned::twice, Countersigned::without_agent_usage,
                           Countersigned::over_another_request, Countersigned::damaged}) {
        const auto outcome = this->submit(how, "device-1", "key-" + std::to_string(static_cast<int>(how)));
        ASSERT_TRUE(outcome) << describe(outcome.error());
        EXPECT_TRUE(std::holds_alternative<ca::Rejected>(*outcome)) << static_cast<int>(how);
    }
    EXPECT_NE(this->issued(this->submit(Countersigned::properly, "device-1", "key-good")), nullptr);
}

TYPED_TEST_P(CaBackendContract, UnavailableMeansNothingHappened) {
    this->harness_.take_away();
    const auto outcome = this->submit(Countersigned::properly, "device-1", "key-1");
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, ErrorKind::unavailable);
    EXPECT_FALSE(this->backend().probe());
    this->harness_.bring_back();
    EXPECT_TRUE(this->backend().probe());
    if (TypeParam::abilities.reconciles) {
        const auto earlier = this->backend().reconcile("key-1", this->long_ago());
        ASSERT_TRUE(earlier) << describe(earlier.error());
        EXPECT_FALSE(*earlier);
    }
    EXPECT_NE(this->issued(this->submit(Countersigned::properly, "device-1", "key-1")), nullptr);
}

TYPED_TEST_P(CaBackendContract, TheSameAttemptGetsTheSameSerial) {
    if (!TypeParam::abilities.repeats) GTEST_SKIP() << "this CA knows no keys";
    const auto first = this->submit(Countersigned::properly, "device-1", "key-1");
    const auto again = this->submit(Countersigned::properly, "device-1", "key-1");
    ASSERT_NE(this->issued(first), nullptr);
    ASSERT_NE(this->issued(again), nullptr) << this->words(again);
    EXPECT_EQ(this->issued(first)->serial_hex(), this->issued(again)->serial_hex());

    this->harness_.record(*this->issued(first), "key-1");
    const auto after_record = this->submit(Countersigned::properly, "device-1", "key-1");
    ASSERT_NE(this->issued(after_record), nullptr) << this->words(after_record);
    EXPECT_EQ(*this->issued(after_record), *this->issued(first)) << "octet for octet once it is on record";
}

TYPED_TEST_P(CaBackendContract, AnotherAttemptGetsAnotherSerial) {
    const auto first = this->submit(Countersigned::properly, "device-1", "key-1");
    const auto other = this->submit(Countersigned::properly, "device-1", "key-2");
    ASSERT_NE(this->issued(first), nullptr);
    ASSERT_NE(this->issued(other), nullptr);
    EXPECT_NE(this->issued(first)->serial_hex(), this->issued(other)->serial_hex());
}

TYPED_TEST_P(CaBackendContract, OneKeyIsOneCertificate) {
    if (!TypeParam::abilities.repeats) GTEST_SKIP() << "this CA knows no keys";
    const auto first = this->submit(Countersigned::properly, "device-1", "key-1");
    ASSERT_NE(this->issued(first), nullptr);
    this->harness_.record(*this->issued(first), "key-1");
    const auto other_device = this->submit(Countersigned::properly, "device-2", "key-1");
    EXPECT_EQ(this->issued(other_device), nullptr) << "neither a second certificate nor somebody else's";
}

TYPED_TEST_P(CaBackendContract, ReconcileTellsWhatIsThere) {
    if (!TypeParam::abilities.reconciles) {
        const auto unknown = this->backend().reconcile("key-1", this->long_ago());
        ASSERT_FALSE(unknown) << "a CA that cannot be asked by key must not say that nothing is there";
        EXPECT_EQ(unknown.error().kind, ErrorKind::outcome_unknown);
        return;
    }
    const auto nothing = this->backend().reconcile("key-1", this->long_ago());
    ASSERT_TRUE(nothing);
    EXPECT_FALSE(*nothing);
    const auto outcome = this->submit(Countersigned::properly, "device-1", "key-1");
    ASSERT_NE(this->issued(outcome), nullptr);
    this->harness_.record(*this->issued(outcome), "key-1");
    const auto found = this->backend().reconcile("key-1", this->long_ago());
    ASSERT_TRUE(found && *found);
    EXPECT_EQ(std::get<ca::Issued>(**found).certificate, *this->issued(outcome));
}

TYPED_TEST_P(CaBackendContract, NothingIsBelievedOnlyWhenItIsAtItNoMore) {
    if (!TypeParam::abilities.settles) GTEST_SKIP() << "this CA is done when it answers, or cannot be asked";
    const auto early = this->backend().reconcile("key-1", this->harness_.now());
    ASSERT_FALSE(early) << "whichever process asked may still be at it";
    EXPECT_EQ(early.error().kind, ErrorKind::outcome_unknown);
    const auto late = this->backend().reconcile("key-1", this->long_ago());
    ASSERT_TRUE(late) << describe(late.error());
    EXPECT_FALSE(*late);
    ASSERT_NE(this->issued(this->submit(Countersigned::properly, "device-1", "key-1")), nullptr);
    const auto there = this->backend().reconcile("key-1", this->harness_.now());
    ASSERT_TRUE(there && *there) << "what is there is believed at once";
}

TYPED_TEST_P(CaBackendContract, AnUnknownHandleIsAnError) {
    EXPECT_FALSE(this->backend().poll("no such handle"));
}

TYPED_TEST_P(CaBackendContract, TheChainLeadsToARoot) {
    const auto chain = this->backend().chain();
    ASSERT_FALSE(chain.empty());
    EXPECT_TRUE(chain.back().self_issued());
    const auto ordered = crypto::order_chain(chain.front(), chain);
    ASSERT_TRUE(ordered);
    EXPECT_EQ(*ordered, chain);
    EXPECT_FALSE(this->backend().describe().empty());
}

TYPED_TEST_P(CaBackendContract, WhatIsRevokedIsOnTheNextCrl) {
    auto* revoker = this->backend().revoker();
    if (revoker == nullptr) GTEST_SKIP() << "this backend revokes nothing";
    if (!TypeParam::abilities.publishes_crl) GTEST_SKIP() << "its CRL is published by the CA itself";
    const auto outcome = this->submit(Countersigned::properly, "device-1", "key-1");
    ASSERT_NE(this->issued(outcome), nullptr);
    this->harness_.record(*this->issued(outcome), "key-1");
    const auto serial = this->issued(outcome)->serial_hex();
    EXPECT_FALSE(this->on_crl().contains(serial));

    ASSERT_TRUE(revoker->revoke(serial, 1, this->harness_.now()));
    EXPECT_TRUE(this->on_crl().contains(serial));
    const auto again = revoker->revoke(serial, 1, this->harness_.now());
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().kind, ErrorKind::conflict);
    const auto unknown = revoker->revoke("4242", 1, this->harness_.now());
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().kind, ErrorKind::not_found);
}

TYPED_TEST_P(CaBackendContract, ManyThreadsMayAskAtOnce) {
    constexpr std::size_t threads = 8;
    std::vector<std::string> same(threads), different(threads);
    std::vector<std::thread> running;
    for (std::size_t i = 0; i < threads; ++i) {
        running.emplace_back([&, i] {
            const auto shared = this->submit(Countersigned::properly, "device-1", "shared");
            const auto own = this->submit(Countersigned::properly, "device-1", "own-" + std::to_string(i));
            // Without keys each of these is a certificate of its own; the RA sends one.
            if (const auto* certificate = this->issued(shared)) same[i] = certificate->serial_hex();
            if (const auto* certificate = this->issued(own)) different[i] = certificate->serial_hex();
        });
    }
    for (auto& thread : running) thread.join();
    const std::size_t expected = TypeParam::abilities.repeats ? 1 : threads;
    EXPECT_EQ(std::set<std::string>(same.begin(), same.end()).size(), expected);
    EXPECT_EQ(std::set<std::string>(different.begin(), different.end()).size(), threads);
    EXPECT_FALSE(same.front().empty());
    EXPECT_EQ(std::ranges::count(different, ""), 0);
}

TYPED_TEST_P(CaBackendContract, WhatIsHeldIsIssuedLater) {
    if constexpr (!TypeParam::abilities.scripted || !TypeParam::abilities.holds) {
        GTEST_SKIP() << "this CA holds nothing";
    } else {
        this->harness_.next(Treatment::hold);
        const auto outcome = this->submit(Countersigned::properly, "device-1", "key-1");
        ASSERT_TRUE(outcome) << describe(outcome.error());
        const auto* pending = std::get_if<ca::Pending>(&*outcome);
        ASSERT_NE(pending, nullptr) << this->words(outcome);
        ASSERT_FALSE(pending->handle.empty());
        const auto still = this->backend().poll(pending->handle);
        ASSERT_TRUE(still) << describe(still.error());
        EXPECT_TRUE(std::holds_alternative<ca::Pending>(*still));
        this->harness_.release();
        const auto later = this->backend().poll(pending->handle);
        ASSERT_NE(this->issued(later), nullptr) << this->words(later);
        EXPECT_EQ(this->harness_.made(), 1U);
    }
}

TYPED_TEST_P(CaBackendContract, ALostAnswerIsFoundAgainOrLeftToPeople) {
    if constexpr (!TypeParam::abilities.scripted) {
        GTEST_SKIP() << "nothing is between this CA and us";
    } else {
        for (const auto how : {Treatment::lose_the_answer, Treatment::cut_the_answer}) {
            const std::string key = "key-" + std::to_string(static_cast<int>(how));
            const auto before = this->harness_.made();
            this->harness_.next(how);
            const auto outcome = this->submit(Countersigned::properly, "device-1", key);
            ASSERT_FALSE(outcome) << static_cast<int>(how);
            EXPECT_EQ(outcome.error().kind, ErrorKind::outcome_unknown) << describe(outcome.error());
            const auto found = this->backend().reconcile(key, this->long_ago());
            if (TypeParam::abilities.reconciles) {
                ASSERT_TRUE(found) << describe(found.error());
                ASSERT_TRUE(*found) << "nothing there: it would be submitted again";
                EXPECT_TRUE(std::holds_alternative<ca::Issued>(**found));
            } else {
                ASSERT_FALSE(found);
                EXPECT_EQ(found.error().kind, ErrorKind::outcome_unknown);
            }
            EXPECT_EQ(this->harness_.made(), before + 1);
        }
    }
}

// Whether it is the right one is the RA's to judge: it must get to see it.
TYPED_TEST_P(CaBackendContract, AWrongCertificateIsHandedOver) {
    if constexpr (!TypeParam::abilities.scripted) {
        GTEST_SKIP() << "this CA is believed";
    } else {
        this->harness_.next(Treatment::lie);
        const auto outcome = this->submit(Countersigned::properly, "device-1", "key-1");
        ASSERT_NE(this->issued(outcome), nullptr) << this->words(outcome);
        EXPECT_FALSE(this->issued(outcome)->subject().matches(
            this->harness_.request(Countersigned::properly, "device-1").plan().subject));
    }
}

REGISTER_TYPED_TEST_SUITE_P(CaBackendContract, IssuesWhatWasPlanned, RejectsWithAReason,
                            AnswersNoBadCountersignatureWithACertificate, UnavailableMeansNothingHappened,
                            TheSameAttemptGetsTheSameSerial, AnotherAttemptGetsAnotherSerial, OneKeyIsOneCertificate,
                            ReconcileTellsWhatIsThere, NothingIsBelievedOnlyWhenItIsAtItNoMore,
                            AnUnknownHandleIsAnError, TheChainLeadsToARoot, WhatIsRevokedIsOnTheNextCrl,
                            ManyThreadsMayAskAtOnce, WhatIsHeldIsIssuedLater, ALostAnswerIsFoundAgainOrLeftToPeople,
                            AWrongCertificateIsHandedOver);

}  // namespace countersign::contract
