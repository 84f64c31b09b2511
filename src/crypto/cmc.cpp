#include "countersign/crypto/cmc.hpp"

#include "countersign/core/text.hpp"
#include "der.hpp"

#include <array>

namespace countersign::crypto {
namespace {

constexpr std::string_view id_status_info = "1.3.6.1.5.5.7.7.1";
constexpr std::string_view id_status_info_v2 = "1.3.6.1.5.5.7.7.25";
// CMCFailInfo (RFC 5272 6.1.4).
constexpr std::array<std::string_view, 14> failure_names{
    "badAlg",         "badMessageCheck", "badRequest",  "badTime",     "badCertId",
    "unsupportedExt", "mustArchiveKeys", "badIdentity", "popRequired", "popFailed",
    "noKeyReuse",     "internalCAError", "tryLater",    "authDataFail"};

// CMCStatusInfo and CMCStatusInfoV2 differ in what their references and further failures look like.
Result<CmcResponse> read_status_info(ByteView der) {
    TRY(auto info, enter_single(der, tag::sequence, "CMCStatusInfo"));
    TRY(const auto status, info.small_integer("cMCStatus"));
    if (status > 7) return fail::malformed("cMCStatus " + std::to_string(status));
    CHECK(info.expect(tag::sequence, "bodyList"));
    CmcResponse response{static_cast<CmcStatus>(status), {}};
    TRY(const auto text, info.take_if(tag::utf8_string, "statusString"));
    if (text) response.text = printable(as_text(text->content), 300);
    if (info.next_is(tag::integer)) {
        TRY(const auto failure, info.small_integer("failInfo"));
        const auto name =
            failure < failure_names.size() ? std::string(failure_names.at(failure)) : std::to_string(failure);
        response.text += (response.text.empty() ? "" : ", ") + name;
    }
    return response;
}

bool worse(CmcStatus a, CmcStatus b) {
    const auto weight = [](CmcStatus status) {
        return status == CmcStatus::success ? 0 : status == CmcStatus::pending ? 1 : 2;
    };
    return weight(a) > weight(b);
}

}  // namespace

Bytes build_pki_data(ByteView certification_request_der) {
    const auto empty = [](DerWriter&) {};
    return DerWriter()
        .nest(tag::sequence,
              [&](DerWriter& data) {
                  data.nest(tag::sequence, empty);  // controlSequence
                  data.nest(tag::sequence, [&](DerWriter& requests) {
                      // tcr [0] IMPLICIT TaggedCertificationRequest
                      requests.nest(tag::context_constructed(0),
                                    [&](DerWriter& request) { request.integer(1).raw(certification_request_der); });
                  });
                  data.nest(tag::sequence, empty);  // cmsSequence
                  data.nest(tag::sequence, empty);  // otherMsgSequence
              })
        .take();
}

Result<CmcResponse> read_pki_response(ByteView der) {
    CHECK(check_der(der, "PKIResponse"));
    TRY(auto response, enter_single(der, tag::sequence, "PKIResponse"));
    TRY(auto controls, response.enter(tag::sequence, "controlSequence"));
    std::optional<CmcResponse> found;
    while (!controls.at_end()) {
        TRY(auto control, controls.enter(tag::sequence, "TaggedAttribute"));
        CHECK(control.integer("bodyPartID"));
        TRY(const auto type, control.oid("attrType"));
        TRY(const auto values, control.expect(tag::set, "attrValues"));
        if (type != id_status_info && type != id_status_info_v2) continue;
        TRY(auto status, read_status_info(values.content));
        if (!found || worse(status.status, found->status)) found = std::move(status);
    }
    if (!found) return fail::malformed("a PKIResponse without status information");
    return *std::move(found);
}

}  // namespace countersign::crypto
