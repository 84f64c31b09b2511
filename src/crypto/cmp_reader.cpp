// CMP messages of CAs, read strictly. BER that is not DER is refused: nobody sends it, and the protection is over DER.
#include "countersign/core/text.hpp"
#include "countersign/crypto/cmp.hpp"
#include "der.hpp"

#include <array>

namespace countersign::crypto::cmp {
namespace {

constexpr std::size_t message_octets = 1024 * 1024;
constexpr std::size_t name_octets = 64;  // of a nonce or transaction

constexpr std::array<std::string_view, 7> status_names{"accepted",        "grantedWithMods",   "rejection",
                                                       "waiting",         "revocationWarning", "revocationNotification",
                                                       "keyUpdateWarning"};
constexpr std::array<std::string_view, 27> failure_names{
    "badAlg",           "badMessageCheck",     "badRequest",          "badTime",           "badCertId",
    "badDataFormat",    "wrongAuthority",      "incorrectData",       "missingTimeStamp",  "badPOP",
    "certRevoked",      "certConfirmed",       "wrongIntegrity",      "badRecipientNonce", "timeNotAvailable",
    "unacceptedPolicy", "unacceptedExtension", "addInfoNotAvailable", "badSenderNonce",    "badCertTemplate",
    "signerNotTrusted", "transactionIdInUse",  "unsupportedVersion",  "notAuthorized",     "systemUnavail",
    "systemFailure",    "duplicateCertReq"};

Error bad(std::string_view what, std::string_view why) {
    std::string words(what);
    words.append(": ").append(why);
    return fail::malformed(std::move(words));
}

Result<std::int64_t> signed_integer(DerReader& reader, std::string_view what) {
    TRY(const auto content, reader.integer(what));
    if (content.size() > 8) return bad(what, "too large a number");
    std::int64_t value = content.front() >= 0x80 ? -1 : 0;
    for (const auto octet : content) value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) << 8U | octet);
    return value;
}

// PKIFreeText: SEQUENCE OF UTF8String.
Result<std::string> free_text(ByteView content) {
    DerReader reader(content);
    std::string all;
    while (!reader.at_end()) {
        TRY(const auto line, reader.expect(tag::utf8_string, "PKIFreeText"));
        all += (all.empty() ? "" : "; ") + std::string(as_text(line.content));
    }
    return printable(all, 400);
}

Result<std::uint32_t> failure_bits(ByteView content) {
    if (content.empty() || content.size() > 5) return fail::malformed("PKIFailureInfo of absurd length");
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < (content.size() - 1) * 8; ++i) {
        if ((content[1 + i / 8] >> (7 - i % 8) & 1U) != 0) bits |= std::uint32_t{1} << i;
    }
    return bits;
}

Result<StatusInfo> status_info(DerReader& outer) {
    TRY(auto reader, outer.enter(tag::sequence, "PKIStatusInfo"));
    StatusInfo info;
    TRY(const auto status, reader.small_integer("PKIStatus"));
    if (status >= status_names.size()) return fail::malformed("PKIStatus " + std::to_string(status));
    info.status = static_cast<PkiStatus>(status);
    TRY(const auto text, reader.take_if(tag::sequence, "statusString"));
    if (text) {
        TRY(info.text, free_text(text->content));
    }
    TRY(const auto failures, reader.take_if(tag::bit_string, "failInfo"));
    if (failures) {
        TRY(info.failures, failure_bits(failures->content));
    }
    CHECK(reader.finish("PKIStatusInfo"));
    return info;
}

Result<Bytes> octets(DerReader& reader, unsigned number, std::string_view what) {
    TRY(const auto field, reader.take_if(tag::context_constructed(number), what));
    if (!field) return Bytes();
    TRY(auto inner, enter_single(field->whole, tag::context_constructed(number), what));
    TRY(const auto content, inner.octet_string(what));
    if (content.size() > name_octets) return bad(what, "too long");
    return to_bytes(content);
}

Result<void> read_header(DerReader& outer, Message& message) {
    TRY(auto header, outer.enter(tag::sequence, "PKIHeader"));
    CHECK(header.integer("pvno"));
    for (const auto* what : {"sender", "recipient"}) CHECK(header.next(what));
    for (const unsigned number : {0U, 1U, 2U, 3U}) CHECK(header.take_if(tag::context_constructed(number), "PKIHeader"));
    TRY(message.transaction_id, octets(header, 4, "transactionID"));
    TRY(message.sender_nonce, octets(header, 5, "senderNonce"));
    TRY(message.recipient_nonce, octets(header, 6, "recipNonce"));
    for (const unsigned number : {7U, 8U}) CHECK(header.take_if(tag::context_constructed(number), "PKIHeader"));
    return header.finish("PKIHeader");
}

// CertRepMessage (RFC 4210 5.3.4) with one response.
Result<CertificateResponse> certificate_response(DerReader body) {
    TRY(auto message, body.enter(tag::sequence, "CertRepMessage"));
    CHECK(body.finish("PKIBody"));
    CHECK(message.take_if(tag::context_constructed(1), "caPubs"));
    TRY(auto responses, message.enter(tag::sequence, "response"));
    CHECK(message.finish("CertRepMessage"));
    TRY(auto reader, responses.enter(tag::sequence, "CertResponse"));
    CHECK(responses.finish("more than one CertResponse"));
    CertificateResponse response;
    TRY(response.request_id, signed_integer(reader, "certReqId"));
    TRY(response.status, status_info(reader));
    TRY(const auto pair, reader.take_if(tag::sequence, "certifiedKeyPair"));
    CHECK(reader.take_if(tag::octet_string, "rspInfo"));
    CHECK(reader.finish("CertResponse"));
    if (!pair) return response;
    DerReader inside(pair->content);
    TRY(auto choice, inside.enter(tag::context_constructed(0), "certOrEncCert: a certificate in clear"));
    TRY(const auto certificate, choice.expect(tag::sequence, "certificate"));
    CHECK(choice.finish("certOrEncCert"));
    response.certificate = to_bytes(certificate.whole);
    return response;
}

Result<PollResponse> poll_response(DerReader body) {
    TRY(auto all, body.enter(tag::sequence, "PollRepContent"));
    CHECK(body.finish("PKIBody"));
    TRY(auto reader, all.enter(tag::sequence, "pollRep"));
    CHECK(all.finish("more than one pollRep"));
    PollResponse response;
    TRY(response.request_id, signed_integer(reader, "certReqId"));
    TRY(response.check_after, reader.small_integer("checkAfter"));
    return response;
}

Result<RevocationResponse> revocation_response(DerReader body) {
    TRY(auto reader, body.enter(tag::sequence, "RevRepContent"));
    CHECK(body.finish("PKIBody"));
    TRY(auto statuses, reader.enter(tag::sequence, "status"));
    TRY(auto status, status_info(statuses));
    CHECK(statuses.finish("more than one status"));
    return RevocationResponse{std::move(status)};
}

Result<ErrorResponse> error_response(DerReader body) {
    TRY(auto reader, body.enter(tag::sequence, "ErrorMsgContent"));
    CHECK(body.finish("PKIBody"));
    TRY(auto status, status_info(reader));
    CHECK(reader.take_if(tag::integer, "errorCode"));
    TRY(const auto details, reader.take_if(tag::sequence, "errorDetails"));
    if (details) {
        TRY(const auto text, free_text(details->content));
        if (!text.empty()) status.text += (status.text.empty() ? "" : "; ") + text;
    }
    return ErrorResponse{std::move(status)};
}

Result<void> read_body(Tag kind, DerReader body, Message& message) {
    constexpr Tag cp = tag::context_constructed(3);
    constexpr Tag rp = tag::context_constructed(12);
    constexpr Tag confirmed = tag::context_constructed(19);
    constexpr Tag genp = tag::context_constructed(22);
    constexpr Tag error = tag::context_constructed(23);
    constexpr Tag poll_rep = tag::context_constructed(26);
    switch (kind) {
        case cp: {
            TRY(message.body, certificate_response(body));
            return {};
        }
        case rp: {
            TRY(message.body, revocation_response(body));
            return {};
        }
        case poll_rep: {
            TRY(message.body, poll_response(body));
            return {};
        }
        case error: {
            TRY(message.body, error_response(body));
            return {};
        }
        case confirmed: message.body = Confirmed{}; return {};
        case genp: message.body = GeneralResponse{}; return {};
        default: return fail::malformed("a CMP message of a kind nobody asked for: " + std::to_string(kind & 0x1fU));
    }
}

}  // namespace

std::string StatusInfo::describe() const {
    std::string words(status_names.at(static_cast<std::size_t>(status)));
    for (std::size_t bit = 0; bit < failure_names.size(); ++bit) {
        if ((failures >> bit & 1U) != 0) words += ", " + std::string(failure_names.at(bit));
    }
    return text.empty() ? words : words + ": " + text;
}

Result<Message> read_message(ByteView der) {
    if (der.size() > message_octets) return fail::malformed("a CMP message of absurd length");
    CHECK(check_der(der, "CMP message", 32));
    TRY(auto reader, enter_single(der, tag::sequence, "PKIMessage"));
    Message message;
    CHECK(read_header(reader, message));
    TRY(const auto body, reader.next("PKIBody"));
    CHECK(read_body(body.tag, DerReader(body.content), message));
    for (const unsigned number : {0U, 1U}) CHECK(reader.take_if(tag::context_constructed(number), "PKIMessage"));
    CHECK(reader.finish("PKIMessage"));
    return message;
}

}  // namespace countersign::crypto::cmp
