#include "countersign/scep/request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "crypto/der.hpp"
#include "pieces.hpp"

namespace countersign::scep {
namespace {

using test::Pieces;
using Wire = OpenFailure::Wire;
using crypto::DerWriter;
namespace tag = crypto::tag;

constexpr std::string_view rsa_encryption = "1.2.840.113549.1.1.1";

class Request : public ::testing::Test {
protected:
    // A PKCSReq around this EnvelopedData.
    Bytes around(ByteView enveloped) { return pieces_.sign(enveloped, Pieces::attributes()); }
    Bytes enveloped(ByteView plaintext, crypto::ContentCipher cipher = crypto::ContentCipher::aes256_cbc,
                    const crypto::KeyTransport& transport = {}) {
        return crypto::build_enveloped_data(plaintext, pieces_.encryption_certificate, cipher, transport,
                                            pieces_.random)
            .value();
    }
    Bytes of_type(std::string_view type, Bytes content) {
        auto message = pieces_.client_message();
        message.message_type = type;
        message.content = std::move(content);
        return pieces_.build(message);
    }

    struct Parts {
        std::vector<std::pair<crypto::Certificate, Bytes>> recipients;  // whom, encrypted key
        Bytes iv, ciphertext;
    };
    // EnvelopedData from parts of the test's own making: AES-256-CBC, PKCS#1 v1.5.
    static Bytes assemble(const Parts& parts) {
        return DerWriter()
            .nest(tag::sequence,
                  [&](DerWriter& info) {
                      info.oid(oid::enveloped_data).nest(tag::context_constructed(0), [&](DerWriter& outer) {
                          outer.nest(tag::sequence, [&](DerWriter& data) { write_data(data, parts); });
                      });
                  })
            .take();
    }
    static void write_data(DerWriter& data, const Parts& parts) {
        data.integer(0);
        data.nest(tag::set, [&](DerWriter& set) {
            for (const auto& [certificate, key] : parts.recipients) {
                set.nest(tag::sequence, [&](DerWriter& recipient) {
                    recipient.integer(0).raw(
                        crypto::encode_issuer_and_serial({certificate.issuer(), to_bytes(certificate.serial())}));
                    recipient.algorithm_with_null(rsa_encryption).octet_string(key);
                });
            }
        });
        data.nest(tag::sequence, [&](DerWriter& content) {
            content.oid(oid::data).nest(tag::sequence, [&](DerWriter& algorithm) {
                algorithm.oid(crypto::oid_of(crypto::ContentCipher::aes256_cbc)).octet_string(parts.iv);
            });
            content.tlv(tag::context(0), parts.ciphertext);
        });
    }
    Parts parts_of(ByteView plaintext) {
        const Bytes key = pieces_.random.bytes(32);
        Parts parts;
        parts.iv = pieces_.random.bytes(16);
        parts.ciphertext = *crypto::encrypt(crypto::ContentCipher::aes256_cbc, key, parts.iv, plaintext);
        parts.recipients.emplace_back(pieces_.encryption_certificate, wrap(pieces_.encryption_certificate, key));
        return parts;
    }
    static Bytes wrap(const crypto::Certificate& certificate, ByteView key) {
        return *certificate.public_key().encrypt({}, key);
    }

    Pieces pieces_;
};

TEST_F(Request, opens_every_cipher_and_transport_it_accepts) {
    using crypto::ContentCipher;
    using crypto::DigestAlgorithm;
    pieces_.accepted.ciphers.insert(ContentCipher::des_cbc);
    pieces_.accepted.ciphers.insert(ContentCipher::des_ede3_cbc);
    for (const auto cipher : {ContentCipher::des_cbc, ContentCipher::des_ede3_cbc, ContentCipher::aes128_cbc,
                              ContentCipher::aes192_cbc, ContentCipher::aes256_cbc}) {
        for (const auto& transport :
             {crypto::KeyTransport{}, crypto::KeyTransport{true, DigestAlgorithm::sha1, DigestAlgorithm::sha1},
              crypto::KeyTransport{true, DigestAlgorithm::sha256, DigestAlgorithm::sha256},
              crypto::KeyTransport{true, DigestAlgorithm::sha256, DigestAlgorithm::sha1}}) {
            auto message = pieces_.client_message();
            message.style = {cipher, transport};
            const auto outcome = pieces_.open(pieces_.build(message));
            ASSERT_TRUE(std::holds_alternative<OpenedRequest>(outcome)) << std::get<OpenFailure>(outcome).detail;
            const auto& request = std::get<OpenedRequest>(outcome);
            EXPECT_EQ(request.style(), message.style);
            const auto& csr = std::get<crypto::CertificateRequest>(request.content());
            EXPECT_TRUE(equal(csr.der(), message.content));
        }
    }
}

TEST_F(Request, reads_each_message_type_as_its_own_content) {
    const Bytes csr = pieces_.csr();
    const Bytes poll = crypto::encode_issuer_and_subject({pieces_.ca.subject(), pieces_.device.subject()});
    const Bytes query = crypto::encode_issuer_and_serial({pieces_.ca.subject(), Bytes{0x12, 0x34}});
    const std::vector<std::pair<std::string, std::size_t>> types{{"17", 0}, {"19", 0}, {"21", 2}, {"22", 2}};
    const std::vector<Bytes> contents{csr, poll, query};
    for (const auto& [type, right] : types) {
        for (std::size_t i = 0; i < contents.size(); ++i) {
            const auto outcome = pieces_.open(of_type(type, contents[i]));
            const auto* request = std::get_if<OpenedRequest>(&outcome);
            EXPECT_EQ(request != nullptr, i == right) << type << " with content " << i;
            if (request != nullptr) {
                EXPECT_EQ(request->content().index(), right);
            } else {
                EXPECT_EQ(std::get<OpenFailure>(outcome).wire, Wire::undecipherable);
            }
        }
    }
    const auto queried = pieces_.open(of_type("21", query));
    EXPECT_EQ(std::get<crypto::IssuerAndSerial>(std::get<OpenedRequest>(queried).content()).serial,
              (Bytes{0x12, 0x34}));
}

TEST_F(Request, none_of_the_other_251_message_types_opens) {
    const Bytes envelope = enveloped(pieces_.csr());
    for (int type = 0; type < 256; ++type) {
        if (type == 17 || (type >= 19 && type <= 22)) continue;
        auto attributes = Pieces::attributes();
        attributes[0].values = {crypto::der_printable_string(std::to_string(type))};
        EXPECT_EQ(pieces_.refusal(pieces_.sign(envelope, attributes)).wire, Wire::undecipherable) << type;
    }
    auto attributes = Pieces::attributes();
    attributes.erase(attributes.begin());
    EXPECT_EQ(pieces_.refusal(pieces_.sign(envelope, attributes)).wire, Wire::undecipherable);
}

TEST_F(Request, the_failure_gives_the_envelope_back) {
    const auto failure = pieces_.refusal(of_type("19", to_bytes(as_bytes("no request"))));
    EXPECT_EQ(failure.envelope.transaction_id(), "TRANSACTION-1");
    EXPECT_EQ(failure.envelope.signer(), pieces_.device);
    EXPECT_EQ(failure.style.cipher, crypto::ContentCipher::aes256_cbc);
}

TEST_F(Request, a_request_whose_own_signature_does_not_hold_is_undecipherable) {
    Bytes csr = pieces_.csr();
    csr.back() ^= 1;
    EXPECT_EQ(pieces_.refusal(of_type("19", csr)).wire, Wire::undecipherable);
    EXPECT_EQ(pieces_.refusal(of_type("17", csr)).wire, Wire::undecipherable);
}

TEST_F(Request, octets_after_the_request_are_refused) {
    Bytes csr = pieces_.csr();
    csr.push_back(0);
    EXPECT_EQ(pieces_.refusal(of_type("19", csr)).wire, Wire::undecipherable);
}

TEST_F(Request, digests_not_accepted_are_public_knowledge) {
    auto message = pieces_.client_message();
    message.digest = crypto::DigestAlgorithm::sha1;
    EXPECT_EQ(pieces_.refusal(pieces_.build(message)).wire, Wire::unsupported_algorithm);
    pieces_.accepted.digests = {crypto::DigestAlgorithm::sha1};
    EXPECT_TRUE(std::holds_alternative<OpenedRequest>(pieces_.open(pieces_.build(message))));
    message.digest = crypto::DigestAlgorithm::sha256;
    EXPECT_EQ(pieces_.refusal(pieces_.build(message)).wire, Wire::unsupported_algorithm);
}

TEST_F(Request, ciphers_not_accepted_or_unknown_are_public_knowledge) {
    auto message = pieces_.client_message();
    message.style.cipher = crypto::ContentCipher::des_cbc;
    EXPECT_EQ(pieces_.refusal(pieces_.build(message)).wire, Wire::unsupported_algorithm);

    // AES-256-GCM's object identifier in place of AES-256-CBC's (the same length).
    Bytes envelope = enveloped(pieces_.csr());
    const Bytes cbc{0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a};
    const auto found = std::search(envelope.begin(), envelope.end(), cbc.begin(), cbc.end());
    ASSERT_NE(found, envelope.end());
    *(found + 10) = 0x2e;
    EXPECT_EQ(pieces_.refusal(around(envelope)).wire, Wire::unsupported_algorithm);
}

TEST_F(Request, garbage_for_an_envelope_is_undecipherable) {
    const Bytes envelope = enveloped(pieces_.csr());
    for (std::size_t size = 0; size < envelope.size(); size += 7) {
        EXPECT_EQ(pieces_.refusal(around(ByteView(envelope).first(size))).wire, Wire::undecipherable) << size;
    }
    EXPECT_EQ(pieces_.refusal(around(pieces_.csr())).wire, Wire::undecipherable);
}

TEST_F(Request, opens_when_one_of_several_recipients_is_ours) {
    Parts parts = parts_of(pieces_.csr());
    parts.recipients.insert(parts.recipients.begin(), {pieces_.ca, wrap(pieces_.ca, Bytes(32, 1))});
    parts.recipients.emplace_back(pieces_.agent_certificate, wrap(pieces_.agent_certificate, Bytes(32, 1)));
    EXPECT_TRUE(std::holds_alternative<OpenedRequest>(pieces_.open(around(assemble(parts)))));
}

TEST_F(Request, opens_with_the_older_key_too) {
    pieces_.decryption_keys.insert(pieces_.decryption_keys.begin(), {pieces_.agent_certificate, pieces_.agent.key});
    EXPECT_TRUE(std::holds_alternative<OpenedRequest>(pieces_.open(around(assemble(parts_of(pieces_.csr()))))));
}

class CountingKey : public keys::Key {
public:
    explicit CountingKey(std::shared_ptr<keys::Key> real) : real_(std::move(real)) {}
    const crypto::PublicKey& public_key() const override { return real_->public_key(); }
    Result<Bytes> sign(crypto::SignatureScheme, ByteView) override { return fail::internal("not this one"); }
    bool offers(keys::DecryptScheme scheme) const override {
        return scheme == keys::DecryptScheme::rsa_raw ? raw : scheme == keys::DecryptScheme::rsa_pkcs1;
    }
    Result<Secret> decrypt(keys::DecryptScheme scheme, ByteView ciphertext) override {
        ++operations;
        if (error) return *error;
        return real_->decrypt(scheme, ciphertext);
    }
    std::string describe() const override { return "counting"; }

    int operations = 0;
    bool raw = true;
    std::optional<Error> error;

private:
    std::shared_ptr<keys::Key> real_;
};

// What a poll holds decides nothing, and must not: an eavesdropper who re-signs a captured envelope as a poll would
// learn from any difference whether his changes left the padding valid.
TEST_F(Request, polls_are_not_decrypted_whatever_they_hold) {
    const auto key = std::make_shared<CountingKey>(pieces_.decryption_keys[0].key);
    pieces_.decryption_keys[0].key = key;
    const Bytes poll = crypto::encode_issuer_and_subject({pieces_.ca.subject(), pieces_.device.subject()});
    for (const Bytes& content : {poll, pieces_.csr(), Bytes{0x00}}) {
        const auto outcome = pieces_.open(of_type("20", content));
        const auto* request = std::get_if<OpenedRequest>(&outcome);
        ASSERT_NE(request, nullptr);
        EXPECT_TRUE(std::holds_alternative<Undisclosed>(request->content()));
    }
    EXPECT_EQ(key->operations, 0);
}

TEST_F(Request, not_exactly_one_recipient_of_ours_costs_no_private_key_operation) {
    const auto key = std::make_shared<CountingKey>(pieces_.decryption_keys[0].key);
    pieces_.decryption_keys[0].key = key;

    Parts twice = parts_of(pieces_.csr());
    twice.recipients.push_back(twice.recipients.front());
    EXPECT_EQ(pieces_.refusal(around(assemble(twice))).wire, Wire::undecipherable);

    Parts others = parts_of(pieces_.csr());
    others.recipients = {{pieces_.ca, wrap(pieces_.ca, Bytes(32, 1))}};
    EXPECT_EQ(pieces_.refusal(around(assemble(others))).wire, Wire::undecipherable);

    Parts many = parts_of(pieces_.csr());
    for (int i = 0; i < 8; ++i) many.recipients.emplace_back(pieces_.ca, Bytes(256, 1));
    EXPECT_EQ(pieces_.refusal(around(assemble(many))).wire, Wire::undecipherable);
    EXPECT_EQ(key->operations, 0);

    EXPECT_TRUE(std::holds_alternative<OpenedRequest>(pieces_.open(around(assemble(parts_of(pieces_.csr()))))));
    EXPECT_EQ(key->operations, 1);
}

TEST_F(Request, a_key_that_is_away_is_never_the_clients_fault) {
    const auto key = std::make_shared<CountingKey>(pieces_.decryption_keys[0].key);
    pieces_.decryption_keys[0].key = key;
    key->error = fail::unavailable("token away");
    EXPECT_EQ(pieces_.refusal(pieces_.build(pieces_.client_message())).wire, Wire::key_unavailable);
}

TEST_F(Request, oaep_needs_a_key_that_can) {
    const auto key = std::make_shared<CountingKey>(pieces_.decryption_keys[0].key);
    pieces_.decryption_keys[0].key = key;
    key->raw = false;
    auto message = pieces_.client_message();
    EXPECT_TRUE(std::holds_alternative<OpenedRequest>(pieces_.open(pieces_.build(message))));
    message.style.transport.oaep = true;
    EXPECT_EQ(pieces_.refusal(pieces_.build(message)).wire, Wire::unsupported_algorithm);
}

// Invariant 5: a wrapped key that does not open and one that opens to nonsense are the same thing outside, and the
// same ciphertext does the same thing every time.
TEST_F(Request, a_bad_wrapped_key_looks_like_any_other_bad_envelope) {
    Parts parts = parts_of(pieces_.csr());
    const auto try_key = [&](Bytes wrapped) {
        Parts bad = parts;
        bad.recipients.front().second = std::move(wrapped);
        const Bytes message = around(assemble(bad));
        const auto first = pieces_.refusal(message);
        const auto second = pieces_.refusal(message);
        EXPECT_EQ(first.wire, second.wire);
        EXPECT_EQ(first.detail, second.detail);
        EXPECT_EQ(first.wire, Wire::undecipherable);
        return first.detail;
    };
    const Bytes good = parts.recipients.front().second;
    std::vector<Bytes> bad_keys{Bytes(),
                                Bytes(1, 0),
                                Bytes(255, 1),
                                Bytes(256, 1),
                                Bytes(256, 0xff),
                                Bytes(257, 1),
                                wrap(pieces_.encryption_certificate, Bytes(31, 1)),  // padding holds, length wrong
                                wrap(pieces_.encryption_certificate, Bytes(32, 1)),  // all holds, another key
                                wrap(pieces_.agent_certificate, Bytes(32, 1))};      // somebody else's
    for (const std::size_t at : {0u, 1u, 100u, 255u}) {
        bad_keys.push_back(good);
        bad_keys.back()[at] ^= 1;
    }
    std::map<std::string, int> details;
    for (const Bytes& wrapped : bad_keys) ++details[try_key(wrapped)];
    // One word for all but the rare key under which the padding of the content happens to hold.
    EXPECT_GE(details["the envelope does not open with our key"], static_cast<int>(bad_keys.size()) - 1);
}

TEST_F(Request, a_bad_content_padding_looks_like_a_bad_key) {
    const Parts parts = parts_of(pieces_.csr());
    for (std::size_t cut = 0; cut <= parts.ciphertext.size(); cut += 5) {
        Parts bad = parts;
        bad.ciphertext.resize(parts.ciphertext.size() - cut);
        if (cut == 0) bad.ciphertext.back() ^= 1;
        EXPECT_EQ(pieces_.refusal(around(assemble(bad))).wire, Wire::undecipherable) << cut;
    }
}

TEST_F(Request, the_substitute_secret_decides_nothing_about_good_messages) {
    const Bytes message = pieces_.build(pieces_.client_message());
    pieces_.substitute_secret = Secret(std::string_view("another"));
    EXPECT_TRUE(std::holds_alternative<OpenedRequest>(pieces_.open(message)));
}

}  // namespace
}  // namespace countersign::scep
