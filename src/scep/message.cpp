#include "countersign/scep/message.hpp"

namespace countersign::scep {

std::string_view name(MessageType type) {
    switch (type) {
        case MessageType::cert_rep: return "CertRep";
        case MessageType::renewal_req: return "RenewalReq";
        case MessageType::pkcs_req: return "PKCSReq";
        case MessageType::cert_poll: return "CertPoll";
        case MessageType::get_cert: return "GetCert";
        case MessageType::get_crl: return "GetCRL";
    }
    return "unknown";
}

// Whole texts are compared, so that "019", "+19" and "19 " are as unknown as "18".
std::optional<MessageType> message_type_from_text(std::string_view text) {
    if (text == "3") return MessageType::cert_rep;
    if (text == "17") return MessageType::renewal_req;
    if (text == "19") return MessageType::pkcs_req;
    if (text == "20") return MessageType::cert_poll;
    if (text == "21") return MessageType::get_cert;
    if (text == "22") return MessageType::get_crl;
    return std::nullopt;
}

std::string_view name(FailInfo info) {
    switch (info) {
        case FailInfo::bad_alg: return "badAlg";
        case FailInfo::bad_message_check: return "badMessageCheck";
        case FailInfo::bad_request: return "badRequest";
        case FailInfo::bad_time: return "badTime";
        case FailInfo::bad_cert_id: return "badCertId";
    }
    return "unknown";
}

}  // namespace countersign::scep
