// An RA with its two keys and a device, and messages between them that a test may spoil as it likes.
#pragma once

#include "countersign/crypto/cms.hpp"
#include "countersign/crypto/oid.hpp"
#include "countersign/keys/file_key.hpp"
#include "countersign/scep/client_message.hpp"
#include "countersign/scep/reply.hpp"
#include "countersign/scep/request.hpp"
#include "counting_random.hpp"
#include "fixed_clock.hpp"
#include "test_keys.hpp"

namespace countersign::scep::test {

using countersign::test::rsa_key;

inline std::shared_ptr<keys::Key> private_key(const countersign::test::TestKey& key) {
    return *keys::key_from_pem(Secret(key.pem()), "test key");
}

struct Pieces {
    Time now = countersign::test::FixedClock().now();
    countersign::test::CountingRandom random;
    crypto::Certificate ca = countersign::test::self_signed_ca(rsa_key(0));
    crypto::Certificate encryption_certificate =
        countersign::test::issued_by_ca(rsa_key(0), rsa_key(1).public_key(), "CN=RA encryption", 10);
    crypto::Certificate agent_certificate =
        countersign::test::issued_by_ca(rsa_key(0), rsa_key(2).public_key(), "CN=RA agent", 11);
    crypto::Certificate device = countersign::test::self_signed(rsa_key(3));
    std::shared_ptr<keys::Key> device_key = private_key(rsa_key(3));
    std::vector<DecryptionKey> decryption_keys{{encryption_certificate, private_key(rsa_key(1))}};
    ReplySigner agent{agent_certificate, private_key(rsa_key(2))};
    Secret substitute_secret{std::string_view("substitute secret")};
    AcceptedAlgorithms accepted;

    Bytes csr(std::string_view challenge = "challenge") {
        return to_bytes(countersign::test::request_for(rsa_key(3), "CN=device-7", challenge).der());
    }

    ClientMessage client_message() {
        ClientMessage message;
        message.transaction_id = "TRANSACTION-1";
        message.sender_nonce = Bytes(16, 0x11);
        message.content = csr();
        return message;
    }
    Bytes build(const ClientMessage& message) {
        return build_client_message(message, encryption_certificate, device, *device_key, now, random).value();
    }

    // The attributes of a faultless PKCSReq, for a test to change.
    static std::vector<crypto::Attribute> attributes() {
        return {{std::string(oid::scep_message_type), {crypto::der_printable_string("19")}},
                {std::string(oid::scep_transaction_id), {crypto::der_printable_string("TRANSACTION-1")}},
                {std::string(oid::scep_sender_nonce), {crypto::der_octet_string(Bytes(16, 0x11))}}};
    }
    Bytes sign(ByteView content, std::vector<crypto::Attribute> attributes,
               crypto::DigestAlgorithm digest = crypto::DigestAlgorithm::sha256,
               std::string_view content_type = oid::data) {
        const crypto::SignerParameters parameters{&device, device_key->public_key().scheme_with(digest), now,
                                                  std::move(attributes)};
        return crypto::build_signed_data(content_type, content, {device}, parameters,
                                         [&](ByteView octets) { return device_key->sign(parameters.scheme, octets); })
            .value();
    }

    Result<VerifiedEnvelope> verify(ByteView message) { return VerifiedEnvelope::verify(message); }
    std::variant<OpenedRequest, OpenFailure> open(ByteView message) {
        return open_request(verify(message).value(), decryption_keys, accepted, substitute_secret);
    }
    // What open() must answer; a request that opens is a failed test, as an exception.
    OpenFailure refusal(ByteView message) {
        auto outcome = open(message);
        return std::get<OpenFailure>(std::move(outcome));
    }
};

}  // namespace countersign::scep::test
