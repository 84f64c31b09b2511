#include "countersign/crypto/cmc.hpp"

#include "der.hpp"

namespace countersign::crypto {

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

}  // namespace countersign::crypto
