#include "countersign/scep/envelope.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "pieces.hpp"

namespace countersign::scep {
namespace {

using test::Pieces;

class Envelope : public ::testing::Test {
protected:
    // A message whose attributes `change` has altered; everything else is right and the signature holds.
    Result<VerifiedEnvelope> with(const std::function<void(std::vector<crypto::Attribute>&)>& change) {
        auto attributes = Pieces::attributes();
        change(attributes);
        return pieces_.verify(pieces_.sign(as_bytes("content"), std::move(attributes)));
    }
    Result<VerifiedEnvelope> with_value(std::size_t which, Bytes value) {
        return with([&](auto& attributes) { attributes[which].values = {std::move(value)}; });
    }
    static constexpr std::size_t message_type = 0, transaction_id = 1, sender_nonce = 2;

    Pieces pieces_;
};

TEST_F(Envelope, says_what_the_message_says) {
    const Bytes message = pieces_.build(pieces_.client_message());
    const auto envelope = pieces_.verify(message);
    ASSERT_TRUE(envelope) << describe(envelope.error());
    EXPECT_EQ(envelope->message_type(), MessageType::pkcs_req);
    EXPECT_EQ(envelope->message_type_text(), "19");
    EXPECT_EQ(envelope->transaction_id(), "TRANSACTION-1");
    EXPECT_EQ(envelope->sender_nonce(), Bytes(16, 0x11));
    EXPECT_EQ(envelope->signer(), pieces_.device);
    EXPECT_EQ(envelope->digest(), crypto::DigestAlgorithm::sha256);
    EXPECT_EQ(envelope->message_sha256(), crypto::sha256_hex(message));
    EXPECT_TRUE(crypto::EnvelopedData::from_ber(envelope->enveloped_data()));
}

TEST_F(Envelope, five_of_256_message_types_exist) {
    std::vector<int> found;
    for (int type = 0; type < 256; ++type) {
        const auto envelope = with_value(message_type, crypto::der_printable_string(std::to_string(type)));
        ASSERT_TRUE(envelope) << type;
        EXPECT_EQ(envelope->message_type_text(), std::to_string(type));
        if (envelope->message_type()) found.push_back(static_cast<int>(*envelope->message_type()));
    }
    EXPECT_THAT(found, ::testing::ElementsAre(17, 19, 20, 21, 22));
}

TEST_F(Envelope, a_message_type_is_its_number_and_nothing_else) {
    for (const std::string_view text : {"", "019", "0019", "+19", "-19", " 19", "19 ", "19.0", "1 9", "0x13", "19,20",
                                        "PKCSReq", "1919", "4294967315", "18446744073709551635", "19\n"}) {
        const auto envelope = with_value(message_type, crypto::der_printable_string(text));
        ASSERT_TRUE(envelope) << text;
        EXPECT_FALSE(envelope->message_type()) << text;
    }
    const std::string_view with_nul("19\0", 3);
    EXPECT_FALSE(with_value(message_type, crypto::der_printable_string(with_nul))->message_type());
}

TEST_F(Envelope, an_absent_message_type_is_known_to_be_absent) {
    const auto envelope = with([](auto& attributes) { attributes.erase(attributes.begin()); });
    ASSERT_TRUE(envelope);
    EXPECT_FALSE(envelope->message_type());
    EXPECT_EQ(envelope->message_type_text(), "");
}

TEST_F(Envelope, attributes_have_one_value_of_one_type) {
    const Bytes integer_19{0x02, 0x01, 0x13};
    const std::vector<std::function<void(std::vector<crypto::Attribute>&)>> changes{
        [&](auto& a) { a[message_type].values = {crypto::der_utf8_string("19")}; },
        [&](auto& a) { a[message_type].values = {crypto::der_octet_string(as_bytes("19"))}; },
        [&](auto& a) { a[message_type].values = {integer_19}; },
        [&](auto& a) {
            a[message_type].values = {crypto::der_printable_string("19"), crypto::der_printable_string("20")};
        },
        [&](auto& a) {
            a[message_type].values = {crypto::der_printable_string("19"), crypto::der_printable_string("19")};
        },
        [&](auto& a) { a[message_type].values.clear(); },
        [&](auto& a) { a.push_back(a[message_type]); },
        [&](auto& a) {
            a.push_back({a[message_type].oid, {crypto::der_printable_string("17")}});
        },
        [&](auto& a) { a.erase(a.begin() + transaction_id); },
        [&](auto& a) { a[transaction_id].values = {crypto::der_printable_string("")}; },
        [&](auto& a) { a[transaction_id].values = {crypto::der_utf8_string("TRANSACTION-1")}; },
        [&](auto& a) { a[transaction_id].values = {crypto::der_printable_string("a\nb")}; },
        [&](auto& a) { a[transaction_id].values = {crypto::der_printable_string("\xc3\xa9")}; },
        [&](auto& a) { a[transaction_id].values = {crypto::der_printable_string(std::string(256, 'a'))}; },
        [&](auto& a) { a.push_back(a[transaction_id]); },
        [&](auto& a) { a[sender_nonce].values = {crypto::der_printable_string("0123456789abcdef")}; },
        [&](auto& a) { a[sender_nonce].values = {crypto::der_octet_string(Bytes(65, 1))}; },
        [&](auto& a) { a[sender_nonce].values.push_back(crypto::der_octet_string(Bytes(16, 2))); },
        [&](auto& a) {
            a.push_back({std::string(oid::content_type), {Bytes{0x06, 0x01, 0x2a}}});
        },
    };
    for (std::size_t i = 0; i < changes.size(); ++i) {
        const auto envelope = with(changes[i]);
        ASSERT_FALSE(envelope) << i;
        EXPECT_EQ(envelope.error().kind, ErrorKind::malformed) << i << ": " << describe(envelope.error());
    }
}

TEST_F(Envelope, old_nonces_and_foreign_transaction_ids_are_taken_as_they_are) {
    for (const std::size_t size : {0u, 1u, 8u, 20u, 64u}) {
        const auto envelope = with_value(sender_nonce, crypto::der_octet_string(Bytes(size, 7)));
        ASSERT_TRUE(envelope);
        EXPECT_EQ(envelope->sender_nonce(), Bytes(size, 7));
    }
    const auto without = with([](auto& attributes) { attributes.pop_back(); });
    ASSERT_TRUE(without);
    EXPECT_EQ(without->sender_nonce(), std::nullopt);
    for (const std::string& id :
         {std::string(255, 'a'), std::string("zU1+apADifjg8tIcyRBToGvkE0I="), std::string("a_b*c@d")}) {
        const auto envelope = with_value(transaction_id, crypto::der_printable_string(id));
        ASSERT_TRUE(envelope) << id;
        EXPECT_EQ(envelope->transaction_id(), id);
    }
}

TEST_F(Envelope, every_sha_verifies) {
    const auto signed_with = [&](crypto::DigestAlgorithm digest) {
        return pieces_.verify(pieces_.sign(as_bytes("content"), Pieces::attributes(), digest));
    };
    EXPECT_TRUE(signed_with(crypto::DigestAlgorithm::sha384));
    EXPECT_TRUE(signed_with(crypto::DigestAlgorithm::sha512));
    EXPECT_TRUE(signed_with(crypto::DigestAlgorithm::sha1)) << "whether it is accepted is judged when it is opened";
}

TEST_F(Envelope, a_signature_by_another_key_does_not_hold) {
    const crypto::SignerParameters parameters{
        &pieces_.device, pieces_.device_key->public_key().scheme_with(crypto::DigestAlgorithm::sha256), pieces_.now,
        Pieces::attributes()};
    const auto message =
        crypto::build_signed_data(oid::data, as_bytes("content"), {pieces_.device}, parameters,
                                  [&](ByteView octets) { return pieces_.agent.key->sign(parameters.scheme, octets); });
    const auto envelope = pieces_.verify(*message);
    ASSERT_FALSE(envelope);
    EXPECT_EQ(envelope.error().kind, ErrorKind::unauthenticated);
}

TEST_F(Envelope, the_signers_certificate_must_be_there) {
    const crypto::SignerParameters parameters{
        &pieces_.device, pieces_.device_key->public_key().scheme_with(crypto::DigestAlgorithm::sha256), pieces_.now,
        Pieces::attributes()};
    const crypto::SignCallback sign = [&](ByteView octets) {
        return pieces_.device_key->sign(parameters.scheme, octets);
    };
    for (const auto& certificates :
         {std::vector<crypto::Certificate>{}, std::vector<crypto::Certificate>{pieces_.ca}}) {
        const auto message = crypto::build_signed_data(oid::data, as_bytes("content"), certificates, parameters, sign);
        const auto envelope = pieces_.verify(*message);
        ASSERT_FALSE(envelope);
        EXPECT_EQ(envelope.error().kind, ErrorKind::unauthenticated);
    }
    // Others beside it do no harm, whatever the order.
    const auto message =
        crypto::build_signed_data(oid::data, as_bytes("content"), {pieces_.ca, pieces_.device}, parameters, sign);
    const auto envelope = pieces_.verify(*message);
    ASSERT_TRUE(envelope);
    EXPECT_EQ(envelope->signer(), pieces_.device);
}

TEST_F(Envelope, content_must_be_there_and_of_type_data) {
    const auto other_type = pieces_.verify(
        pieces_.sign(as_bytes("x"), Pieces::attributes(), crypto::DigestAlgorithm::sha256, oid::enveloped_data));
    ASSERT_FALSE(other_type);
    EXPECT_EQ(other_type.error().kind, ErrorKind::malformed);

    const crypto::SignerParameters parameters{
        &pieces_.device, pieces_.device_key->public_key().scheme_with(crypto::DigestAlgorithm::sha256), pieces_.now,
        Pieces::attributes()};
    const auto message = crypto::build_signed_data_without_content({pieces_.device}, parameters, [&](ByteView octets) {
        return pieces_.device_key->sign(parameters.scheme, octets);
    });
    const auto none = pieces_.verify(*message);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().kind, ErrorKind::malformed);
}

TEST_F(Envelope, no_octet_of_the_message_can_be_cut_or_added) {
    Bytes message = pieces_.sign(as_bytes("content"), Pieces::attributes());
    for (std::size_t size = 0; size < message.size(); ++size) {
        const auto envelope = pieces_.verify(ByteView(message).first(size));
        ASSERT_FALSE(envelope) << size;
        EXPECT_EQ(envelope.error().kind, ErrorKind::malformed) << size;
    }
    ASSERT_TRUE(pieces_.verify(message));
    message.push_back(0);
    EXPECT_FALSE(pieces_.verify(message));
}

// Whatever is changed, the message is refused, or what it says is what it said before: octets outside the
// signature (versions, spare certificates, NULL parameters) are all that may differ.
TEST_F(Envelope, no_octet_can_be_changed_to_say_something_else) {
    const Bytes message = pieces_.sign(as_bytes("content"), Pieces::attributes());
    const auto original = pieces_.verify(message);
    ASSERT_TRUE(original);
    std::size_t accepted = 0;
    for (std::size_t at = 0; at < message.size(); ++at) {
        for (const int flip : {0x01, 0x80}) {
            Bytes changed = message;
            changed[at] = static_cast<std::uint8_t>(changed[at] ^ flip);
            const auto envelope = pieces_.verify(changed);
            if (!envelope) continue;
            ++accepted;
            EXPECT_EQ(envelope->message_type(), original->message_type()) << at;
            EXPECT_EQ(envelope->transaction_id(), original->transaction_id()) << at;
            EXPECT_EQ(envelope->sender_nonce(), original->sender_nonce()) << at;
            EXPECT_EQ(envelope->signer().public_key(), original->signer().public_key()) << at;
            EXPECT_TRUE(equal(envelope->enveloped_data(), original->enveloped_data())) << at;
        }
    }
    // The certificate's own signature and fields are not judged here, so some changes there pass.
    EXPECT_LT(accepted, 2 * pieces_.device.der().size());
}

TEST(MessageTypes, have_names_and_texts) {
    EXPECT_EQ(name(MessageType::pkcs_req), "PKCSReq");
    EXPECT_EQ(name(MessageType::renewal_req), "RenewalReq");
    EXPECT_EQ(name(MessageType::get_crl), "GetCRL");
    EXPECT_EQ(message_type_from_text("3"), MessageType::cert_rep);
    EXPECT_EQ(message_type_from_text("18"), std::nullopt);
    EXPECT_EQ(name(FailInfo::bad_message_check), "badMessageCheck");
    EXPECT_EQ(name(FailInfo::bad_cert_id), "badCertId");
}

}  // namespace
}  // namespace countersign::scep
