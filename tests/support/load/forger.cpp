#include "forger.hpp"

#include "countersign/crypto/oid.hpp"

#include <algorithm>

namespace countersign::test {

namespace {

constexpr auto cipher = crypto::ContentCipher::aes128_cbc;

Bytes replaced(Bytes in, ByteView what, ByteView with) {
    if (what.size() != with.size()) throw std::runtime_error("a part of another length");
    const auto found = std::ranges::search(in, what);
    if (found.empty()) throw std::runtime_error("a part that is not there");
    std::ranges::copy(with, found.begin());
    return in;
}

}  // namespace

Bytes padded(std::size_t modulus, ByteView message, Random& random) {
    Bytes block = random.bytes(modulus);
    for (auto& octet : block) octet = octet == 0 ? 1 : octet;
    block[0] = 0;
    block[1] = 2;
    block[modulus - message.size() - 1] = 0;
    std::ranges::copy(message, block.end() - static_cast<std::ptrdiff_t>(message.size()));
    return block;
}

Forger::Forger(const Endpoint& endpoint)
    : endpoint_(endpoint), server_(fetch_certificates(endpoint)), maker_(endpoint, server_, 1) {}

Forger::Message Forger::forge(const std::function<void(Parts&)>& change, const MintedOtp& otp) {
    auto request = maker_.make(otp);
    Parts parts{{}, random_.bytes(forged_key_octets), request.csr};
    parts.wrapped = must(recipient().encrypt(pkcs1, parts.key), "a wrapped key");
    change(parts);
    auto envelope =
        must(crypto::build_enveloped_data(request.csr, server_.encryption, cipher, pkcs1, random_), "an envelope");
    const auto read = must(crypto::EnvelopedData::from_ber(envelope), "an envelope");
    auto ciphertext = must(crypto::encrypt(cipher, parts.key, read.iv, parts.plaintext), "a ciphertext");
    if (parts.random_ciphertext) ciphertext = random_.bytes(ciphertext.size());
    envelope =
        replaced(replaced(envelope, read.recipients.front().encrypted_key, parts.wrapped), read.ciphertext, ciphertext);
    auto http = sign(envelope, request.signer, *request.key, request.transaction_id);
    return {std::move(request), std::move(envelope), std::move(http)};
}

std::string Forger::enclose(ByteView content, const crypto::Certificate& signer, keys::Key& key) {
    const auto envelope =
        must(crypto::build_enveloped_data(content, server_.encryption, cipher, pkcs1, random_), "an envelope");
    return sign(envelope, signer, key, upper_hex(random_.bytes(8)));
}

std::string Forger::sign(ByteView envelope, const crypto::Certificate& signer, keys::Key& key,
                         const std::string& transaction_id, const std::vector<crypto::Certificate>& luggage) {
    const auto scheme = key.public_key().scheme_with(crypto::DigestAlgorithm::sha256);
    crypto::SignerParameters parameters{&signer, scheme, clock_.now(), {}};
    parameters.further_attributes = {
        {std::string(oid::scep_message_type), {crypto::der_printable_string("19")}},
        {std::string(oid::scep_transaction_id), {crypto::der_printable_string(transaction_id)}},
        {std::string(oid::scep_sender_nonce), {crypto::der_octet_string(random_.bytes(16))}}};
    std::vector<crypto::Certificate> certificates{signer};
    certificates.insert(certificates.end(), luggage.begin(), luggage.end());
    return post(must(crypto::build_signed_data(oid::data, envelope, certificates, parameters,
                                               [&](ByteView octets) { return key.sign(scheme, octets); }),
                     "a message"));
}

std::string Forger::post(ByteView message) const {
    return post_request(endpoint_.host, endpoint_.path + "?operation=PKIOperation", message);
}

}  // namespace countersign::test
