// SCEP messages no honest client sends, from the envelope's padding to the signature around it. Throws
// std::runtime_error.
#pragma once

#include "countersign/crypto/cipher.hpp"
#include "scep_load.hpp"

#include <functional>

namespace countersign::test {

inline constexpr std::size_t forged_key_octets = 16;
inline constexpr crypto::KeyTransport pkcs1{};

// 00 02, padding without a zero, 00, message (RFC 8017 7.2.1).
Bytes padded(std::size_t modulus, ByteView message, Random& random);

// Messages of a client that knows no challenge, unless it is given one. One thread at a time.
class Forger {
public:
    explicit Forger(const Endpoint& endpoint);

    // What to put in: the content key as it is wrapped, the one that encrypts, and what it encrypts.
    struct Parts {
        Bytes wrapped;
        Bytes key;
        Bytes plaintext;
        bool random_ciphertext = false;
    };
    struct Message {
        PreparedRequest request;
        Bytes envelope;
        std::string http;
    };
    Message forge(const std::function<void(Parts&)>& change) {
        return forge(change, {"", upper_hex(random_.bytes(8))});
    }
    // With this challenge.
    Message forge(const std::function<void(Parts&)>& change, const MintedOtp& otp);
    // Rightly enveloped and signed by this client.
    std::string enclose(ByteView content, const crypto::Certificate& signer, keys::Key& key);
    // `envelope` as the content, signed by this client; a further certificate for each of `luggage`.
    std::string sign(ByteView envelope, const crypto::Certificate& signer, keys::Key& key,
                     const std::string& transaction_id, const std::vector<crypto::Certificate>& luggage = {});
    std::string post(ByteView message) const;

    Result<scep::CertRep> read(const Message& message, const HttpReply& reply) const {
        return maker_.read(message.request, reply.body);
    }
    Bytes random(std::size_t octets) { return random_.bytes(octets); }
    const crypto::PublicKey& recipient() const { return server_.encryption.public_key(); }
    const ServerCertificates& server() const { return server_; }
    RequestMaker& maker() { return maker_; }

private:
    Endpoint endpoint_;
    ServerCertificates server_;
    RequestMaker maker_;
    SystemRandom random_;
    SystemClock clock_;
};

}  // namespace countersign::test
