// CMP messages of ours.
#include "countersign/crypto/cmp.hpp"
#include "countersign/crypto/oid.hpp"
#include "der.hpp"

namespace countersign::crypto::cmp {
namespace {

constexpr std::string_view id_certificate_profile = "1.3.6.1.5.5.7.4.21";  // RFC 9480 2.17
constexpr std::uint64_t cmp2000 = 2;

// INTEGER content of a number that may be -1 (RFC 9483 4.1.4: no request id).
Bytes signed_integer(std::int64_t value) {
    Bytes content;
    for (int shift = 56; shift >= 0; shift -= 8) content.push_back(static_cast<std::uint8_t>(value >> shift));
    const auto redundant = [&content] {
        return content.size() > 1 &&
               ((content[0] == 0x00 && content[1] < 0x80) || (content[0] == 0xff && content[1] >= 0x80));
    };
    while (redundant()) content.erase(content.begin());
    return content;
}

// Every tag of the CMP module is explicit.
template <class Body>
void tagged(DerWriter& out, unsigned number, Body&& body) {
    out.nest(tag::context_constructed(number), std::forward<Body>(body));
}

template <class Body>
Bytes body_of(unsigned number, Body&& body) {
    DerWriter out;
    tagged(out, number, std::forward<Body>(body));
    return out.take();
}

void write_name(DerWriter& out, const Name& name) {
    if (name.empty()) {
        out.nest(tag::sequence, [](DerWriter&) {});
    } else {
        out.raw(name.der());
    }
}

void write_octets(DerWriter& out, unsigned number, ByteView octets) {
    if (octets.empty()) return;
    tagged(out, number, [&](DerWriter& inner) { inner.octet_string(octets); });
}

// RFC 4210 5.1.1.
Bytes header_der(const Header& header, ByteView algorithm) {
    const auto write = [&](DerWriter& out) {
        out.integer(cmp2000);
        for (const Name* name : {&header.sender, &header.recipient})
            tagged(out, 4, [&](DerWriter& general_name) { write_name(general_name, *name); });
        tagged(out, 0, [&](DerWriter& time) { time.generalized_time(header.time); });
        tagged(out, 1, [&](DerWriter& inner) { inner.raw(algorithm); });
        write_octets(out, 2, header.sender_key_identifier);
        write_octets(out, 4, header.transaction_id);
        write_octets(out, 5, header.sender_nonce);
        write_octets(out, 6, header.recipient_nonce);
        if (header.certificate_profile.empty()) return;
        tagged(out, 8, [&](DerWriter& information) {
            information.nest(tag::sequence, [&](DerWriter& all) {
                all.nest(tag::sequence, [&](DerWriter& one) {
                    one.oid(id_certificate_profile).nest(tag::sequence, [&](DerWriter& value) {
                        value.string(tag::utf8_string, header.certificate_profile);
                    });
                });
            });
        });
    };
    return DerWriter().nest(tag::sequence, write).take();
}

}  // namespace

Bytes p10cr_body(ByteView certification_request) {
    return body_of(4, [&](DerWriter& out) { out.raw(certification_request); });
}

Bytes confirmation_body(ByteView certificate_hash, std::int64_t request_id, const std::optional<std::string>& refusal) {
    const auto write_status = [&](DerWriter& status) {
        status.integer(static_cast<std::uint64_t>(refusal ? PkiStatus::rejection : PkiStatus::accepted));
        if (!refusal) return;
        status.nest(tag::sequence, [&](DerWriter& text) { text.string(tag::utf8_string, *refusal); });
    };
    return body_of(24, [&](DerWriter& out) {
        out.nest(tag::sequence, [&](DerWriter& statuses) {
            statuses.nest(tag::sequence, [&](DerWriter& one) {
                one.octet_string(certificate_hash).integer_content(signed_integer(request_id));
                one.nest(tag::sequence, write_status);
            });
        });
    });
}

Bytes poll_request_body(std::int64_t request_id) {
    return body_of(25, [&](DerWriter& out) {
        out.nest(tag::sequence, [&](DerWriter& polls) {
            polls.nest(tag::sequence, [&](DerWriter& poll) { poll.integer_content(signed_integer(request_id)); });
        });
    });
}

Bytes revocation_body(const Name& issuer, ByteView serial, int reason) {
    const auto reason_octet = static_cast<std::uint8_t>(reason);
    const auto reason_der = DerWriter().tlv(tag::enumerated, ByteView(&reason_octet, 1)).take();
    // The serial number as INTEGER content, for the implicit tag of CertTemplate (RFC 4211 section 5).
    const auto serial_der = DerWriter().unsigned_integer(serial).take();
    return body_of(11, [&](DerWriter& out) {
        out.nest(tag::sequence, [&](DerWriter& all) {
            all.nest(tag::sequence, [&](DerWriter& one) {
                one.nest(tag::sequence, [&](DerWriter& certificate) {
                    certificate.tlv(tag::context(1), ByteView(serial_der).subspan(2));
                    tagged(certificate, 3, [&](DerWriter& name) { write_name(name, issuer); });
                });
                one.nest(tag::sequence, [&](DerWriter& extensions) {
                    extensions.nest(tag::sequence, [&](DerWriter& extension) {
                        extension.oid(oid::crl_reason).octet_string(reason_der);
                    });
                });
            });
        });
    });
}

Bytes general_body() {
    return body_of(21, [](DerWriter& out) { out.nest(tag::sequence, [](DerWriter&) {}); });
}

Result<Bytes> build_message(const Header& header, ByteView body, const Protection& protection) {
    const auto head = header_der(header, protection.algorithm);
    const auto part = DerWriter().nest(tag::sequence, [&](DerWriter& out) { out.raw(head).raw(body); }).take();
    TRY(const auto protector, protection.protect(part));
    const auto write = [&](DerWriter& out) {
        out.raw(head).raw(body);
        tagged(out, 0, [&](DerWriter& inner) { inner.bit_string(protector); });
        if (protection.certificates.empty()) return;
        tagged(out, 1, [&](DerWriter& inner) {
            inner.nest(tag::sequence, [&](DerWriter& all) {
                for (const auto& certificate : protection.certificates) all.raw(certificate.der());
            });
        });
    };
    return DerWriter().nest(tag::sequence, write).take();
}

}  // namespace countersign::crypto::cmp
