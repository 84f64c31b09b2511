// CMP against OpenSSL's own messages: ours have the same bodies, theirs are read, and what is damaged is not believed.
#include "countersign/crypto/cmp.hpp"
#include "crypto/der.hpp"
#include "openssl_command.hpp"
#include "test_keys.hpp"
#include "vectors.hpp"

#include <gmock/gmock.h>

namespace countersign::crypto::cmp {
namespace {

using test::rsa_key;
using test::vector_octets;
using ::testing::HasSubstr;

Bytes vector(const std::string& name) {
    return vector_octets("cmp/" + name + ".der");
}
Message read(const std::string& name) {
    return read_message(vector(name)).value();
}
// PKIBody of a message.
Bytes body_of(ByteView message) {
    auto reader = enter_single(message, tag::sequence, "PKIMessage").value();
    EXPECT_TRUE(reader.next("header"));
    return to_bytes(reader.next("body").value().whole);
}
const Secret& secret() {
    static const Secret value(std::string_view("vector"));
    return value;
}

TEST(CmpWriter, BodiesAreThoseOfOpenssl) {
    EXPECT_EQ(p10cr_body(vector("request")), body_of(vector("p10cr")));
    EXPECT_EQ(confirmation_body(digest(DigestAlgorithm::sha256, vector("issued")), -1, std::nullopt),
              body_of(vector("certconf")));
    EXPECT_EQ(poll_request_body(-1), body_of(vector("pollreq")));
    EXPECT_EQ(revocation_body(Name::from_text("CN=Vector CA").value(), Bytes{0x47, 0x11}, 1), body_of(vector("rr")));
    EXPECT_EQ(general_body(), body_of(vector("genm")));
}

TEST(CmpWriter, RequestIdsAreSigned) {
    for (const auto& [id, content] : std::vector<std::pair<std::int64_t, std::string>>{{0, "020100"},
                                                                                       {127, "02017f"},
                                                                                       {128, "02020080"},
                                                                                       {-1, "0201ff"},
                                                                                       {-129, "0202ff7f"},
                                                                                       {65536, "0203010000"}})
        EXPECT_THAT(lower_hex(poll_request_body(id)), ::testing::EndsWith(content)) << id;
}

TEST(CmpReader, ReadsWhatOpensslAnswers) {
    const auto issued = read("cp");
    const auto& certificate = std::get<CertificateResponse>(issued.body);
    EXPECT_EQ(certificate.request_id, -1);
    EXPECT_TRUE(certificate.status.positive());
    ASSERT_TRUE(certificate.certificate);
    EXPECT_EQ(*certificate.certificate, vector("issued"));
    EXPECT_EQ(issued.transaction_id.size(), 16U);
    EXPECT_EQ(issued.sender_nonce.size(), 16U);
    EXPECT_EQ(issued.recipient_nonce.size(), 16U);

    const auto waiting = read("waiting");
    EXPECT_EQ(std::get<CertificateResponse>(waiting.body).status.status, PkiStatus::waiting);
    EXPECT_EQ(waiting.transaction_id, issued.transaction_id);
    EXPECT_EQ(std::get<PollResponse>(read("pollrep").body).check_after, 1U);
    EXPECT_TRUE(std::holds_alternative<Confirmed>(read("pkiconf").body));
    EXPECT_TRUE(std::get<RevocationResponse>(read("rp").body).status.positive());
    EXPECT_TRUE(std::holds_alternative<GeneralResponse>(read("genp").body));
}

TEST(CmpReader, ReadsWhyNot) {
    const auto message = read("refused");
    const auto& refused = std::get<CertificateResponse>(message.body);
    EXPECT_EQ(refused.status.describe(), "rejection, badRequest, badCertTemplate: not today");
    EXPECT_FALSE(refused.certificate);
    EXPECT_TRUE(refused.status.says(Failure::bad_request));
    EXPECT_FALSE(refused.status.says(Failure::system_failure));
    const auto error = read("error");
    EXPECT_EQ(std::get<ErrorResponse>(error.body).status.describe(),
              "rejection, badRequest: error processing message; CMP routines; error processing message");
}

TEST(CmpReader, RequestsAndOtherThingsAreNoAnswers) {
    for (const auto* name : {"p10cr", "pollreq", "certconf", "rr", "genm", "request", "issued"})
        EXPECT_FALSE(read_message(vector(name))) << name;
    EXPECT_FALSE(read_message({}));
}

TEST(CmpReader, NothingShortenedOrLengthenedIsRead) {
    for (const auto* name : {"cp", "waiting", "pollrep", "pkiconf", "rp", "genp", "refused", "error"}) {
        auto message = vector(name);
        for (std::size_t size = 0; size < message.size(); ++size)
            EXPECT_FALSE(read_message(ByteView(message).first(size))) << name << " " << size;
        message.push_back(0);
        EXPECT_FALSE(read_message(message)) << name;
    }
}

TEST(CmpProtection, WhatOpensslProtectedHolds) {
    for (const auto* name : {"cp", "waiting", "pollrep", "pkiconf", "rp", "refused", "error", "p10cr", "rr"})
        EXPECT_TRUE(verify_by_secret(vector(name), secret())) << name;
    const auto ca = Certificate::from_der(vector("ca")).value();
    EXPECT_TRUE(verify_by_certificate(vector("genp"), ca));
}

TEST(CmpProtection, AnotherSecretOrSignerDoesNot) {
    const Secret other(std::string_view("Vector"));
    EXPECT_EQ(verify_by_secret(vector("cp"), other).error().kind, ErrorKind::unauthenticated);
    EXPECT_FALSE(verify_by_secret(vector("genp"), secret())) << "signed, not MACed";
    EXPECT_FALSE(verify_by_certificate(vector("cp"), Certificate::from_der(vector("ca")).value()));
    EXPECT_FALSE(verify_by_certificate(vector("genp"), Certificate::from_der(vector("issued")).value()));
    EXPECT_FALSE(verify_by_secret({}, secret()));
}

TEST(CmpProtection, NoProtectedOctetMayChange) {
    const auto good = vector("waiting");
    auto reader = enter_single(good, tag::sequence, "PKIMessage").value();
    EXPECT_TRUE(reader.next("header"));
    EXPECT_TRUE(reader.next("body"));
    const auto end = good.size() - reader.rest().size();
    for (std::size_t at = 0; at < end; ++at) {
        auto changed = good;
        changed[at] ^= 1;
        EXPECT_FALSE(read_message(changed) && verify_by_secret(changed, secret())) << at;
    }
    auto changed = good;
    changed.back() ^= 1;
    EXPECT_FALSE(verify_by_secret(changed, secret())) << "the MAC itself";
}

Header header() {
    Header header;
    header.recipient = Name::from_text("CN=Vector CA").value();
    header.sender_key_identifier = to_bytes(as_bytes("ra-1"));
    header.transaction_id = Bytes(16, 7);
    header.sender_nonce = Bytes(16, 8);
    header.time = from_milliseconds(1795240800000);
    return header;
}

TEST(CmpProtection, OursHoldsForOpenssl) {
    const auto by_secret =
        build_message(header(), general_body(), protection_by_secret(secret(), Bytes(16, 9))).value();
    EXPECT_TRUE(verify_by_secret(by_secret, secret()));
    const auto ca = test::self_signed_ca(rsa_key(0), "CN=agent");
    auto signed_header = header();
    signed_header.sender = ca.subject();
    signed_header.sender_key_identifier = ca.subject_key_identifier().value_or(Bytes());
    const auto scheme = rsa_key(0).sha256_scheme();
    const auto by_signature =
        build_message(signed_header, general_body(), protection_by_signature(scheme, rsa_key(0).signer(scheme), {ca}))
            .value();
    EXPECT_TRUE(verify_by_certificate(by_signature, ca));
    EXPECT_FALSE(verify_by_certificate(by_signature, test::self_signed_ca(rsa_key(1), "CN=agent")));
}

TEST(CmpProtection, AKeyThatIsAwayIsAnError) {
    const auto away = [](ByteView) -> Result<Bytes> { return fail::unavailable("no token"); };
    const auto message =
        build_message(header(), general_body(), protection_by_signature(rsa_key(0).sha256_scheme(), away, {}));
    EXPECT_EQ(message.error().kind, ErrorKind::unavailable);
}

TEST(CmpWriter, AProfileIsNamedInTheHeader) {
    auto named = header();
    named.certificate_profile = "tls-client";
    const auto message = build_message(named, general_body(), protection_by_secret(secret(), Bytes(16, 9))).value();
    const test::OpensslCommand openssl;
    openssl.write("message.der", message);
    const auto shown = openssl.run("asn1parse -inform DER -in message.der").text;
    EXPECT_THAT(shown, HasSubstr("1.3.6.1.5.5.7.4.21"));
    EXPECT_THAT(shown, HasSubstr("tls-client"));
    EXPECT_TRUE(verify_by_secret(message, secret()));
}

}  // namespace
}  // namespace countersign::crypto::cmp
