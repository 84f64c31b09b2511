#include "countersign/scep/request.hpp"

#include <optional>

#include "countersign/crypto/oid.hpp"
#include "countersign/keys/unwrap.hpp"

namespace countersign::scep {

namespace {

using Wire = OpenFailure::Wire;

struct Refusal {
    Wire wire;
    std::string detail;
};

struct Match {
    const crypto::EnvelopedData::Recipient* recipient = nullptr;
    std::size_t key = 0;
};

// Debian's scepclient encrypts to every certificate of GetCACert: several recipients, one of them ours. Two of
// ours would mean two private key operations for one message.
std::optional<Match> one_usable(const crypto::EnvelopedData& data, const std::vector<DecryptionKey>& keys) {
    std::optional<Match> found;
    for (const auto& recipient : data.recipients) {
        for (const auto& key : keys) {
            if (!crypto::names_certificate(recipient.issuer, recipient.serial, recipient.key_identifier,
                                           key.certificate)) {
                continue;
            }
            if (found) return std::nullopt;
            found = Match{&recipient, static_cast<std::size_t>(&key - keys.data())};
            break;  // certificates of one key share its identifier: the first one is meant
        }
    }
    return found;
}

Result<RequestContent> read_certificate_request(ByteView octets) {
    TRY(auto request, crypto::CertificateRequest::from_der(octets));
    CHECK(request.verify_self_signature());
    return RequestContent(std::move(request));
}

Result<RequestContent> read_content(MessageType type, ByteView octets) {
    switch (type) {
        case MessageType::pkcs_req:
        case MessageType::renewal_req: return read_certificate_request(octets);
        case MessageType::get_cert:
        case MessageType::get_crl: {
            TRY(auto value, crypto::parse_issuer_and_serial(octets));
            return RequestContent(std::move(value));
        }
        case MessageType::cert_poll:
        case MessageType::cert_rep: break;
    }
    return fail::malformed("not a request with content");
}

}  // namespace

struct RequestOpener {
    VerifiedEnvelope envelope;
    EnvelopeStyle style;

    // What can be refused without any secret: structure, algorithms, whom it is for.
    std::optional<Refusal> refuse_in_public(const Result<crypto::EnvelopedData>& data,
                                            const AcceptedAlgorithms& accepted) {
        if (!envelope.message_type() || *envelope.message_type() == MessageType::cert_rep) {
            return Refusal{Wire::undecipherable, "no request messageType"};
        }
        if (!accepted.digests.contains(envelope.digest())) {
            return Refusal{Wire::unsupported_algorithm, "signed with " + std::string(crypto::name(envelope.digest())) +
                                                            ", which is not accepted by this profile"};
        }
        if (!data) {
            const bool algorithm = data.error().kind == ErrorKind::denied;
            return Refusal{algorithm ? Wire::unsupported_algorithm : Wire::undecipherable, data.error().detail};
        }
        if (data->content_type != oid::data) {
            return Refusal{Wire::undecipherable, "the encrypted content is not of type data"};
        }
        style.cipher = data->cipher;
        if (!accepted.ciphers.contains(data->cipher)) {
            return Refusal{Wire::unsupported_algorithm,
                           std::string(crypto::name(data->cipher)) + " is not accepted by this profile"};
        }
        return std::nullopt;
    }

    std::variant<RequestContent, Refusal> decipher(const crypto::EnvelopedData& data, const Match& match,
                                                   const DecryptionKey& key, const Secret& substitute_secret) {
        style.transport = match.recipient->transport;
        if (!keys::unwraps(*key.key, style.transport)) {
            return Refusal{Wire::unsupported_algorithm, "a key transport that this key cannot undo"};
        }
        const auto content_key = keys::unwrap_content_key(*key.key, style.transport, match.recipient->encrypted_key,
                                                          crypto::key_size(data.cipher), substitute_secret);
        if (!content_key) return Refusal{Wire::key_unavailable, describe(content_key.error())};
        const auto plaintext = crypto::decrypt(data.cipher, content_key->reveal(), data.iv, data.ciphertext);
        // The octets are read even where the padding did not hold, so that either way the same work is done.
        auto content =
            read_content(*envelope.message_type(), plaintext ? plaintext->reveal() : ByteView(data.ciphertext));
        if (!plaintext) return Refusal{Wire::undecipherable, "the envelope does not open with our key"};
        if (!content) return Refusal{Wire::undecipherable, "in the envelope: " + describe(content.error())};
        return *std::move(content);
    }

    OpenFailure fail(Refusal refusal) {
        return OpenFailure{refusal.wire, std::move(refusal.detail), std::move(envelope), style};
    }

    std::variant<OpenedRequest, OpenFailure> open(const std::vector<DecryptionKey>& keys,
                                                  const AcceptedAlgorithms& accepted, const Secret& substitute_secret,
                                                  const crypto::CmsLimits& limits) {
        const auto data = crypto::EnvelopedData::from_ber(envelope.enveloped_data(), limits);
        if (auto refusal = refuse_in_public(data, accepted)) return fail(*std::move(refusal));
        const auto match = one_usable(*data, keys);
        if (!match) return fail({Wire::undecipherable, "not exactly one recipient of the envelope is ours"});
        style.recipient = match->key;
        if (*envelope.message_type() == MessageType::cert_poll) {
            style.transport = match->recipient->transport;
            return OpenedRequest(std::move(envelope), Undisclosed{}, style);
        }
        auto opened = decipher(*data, *match, keys[match->key], substitute_secret);
        if (auto* refusal = std::get_if<Refusal>(&opened)) return fail(std::move(*refusal));
        return OpenedRequest(std::move(envelope), std::get<RequestContent>(std::move(opened)), style);
    }
};

std::variant<OpenedRequest, OpenFailure> open_request(VerifiedEnvelope envelope, const std::vector<DecryptionKey>& keys,
                                                      const AcceptedAlgorithms& accepted,
                                                      const Secret& substitute_secret,
                                                      const crypto::CmsLimits& limits) {
    return RequestOpener{std::move(envelope), {}}.open(keys, accepted, substitute_secret, limits);
}

}  // namespace countersign::scep
