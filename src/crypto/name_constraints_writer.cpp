#include "countersign/core/text.hpp"
#include "countersign/crypto/extension.hpp"
#include "countersign/crypto/general_name.hpp"
#include "countersign/crypto/oid.hpp"
#include "der.hpp"

#include <charconv>

namespace countersign::crypto {
namespace {

// "10.0.0.0/8" as address and mask.
Result<Bytes> encode_range(std::string_view text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return fail::malformed("an address constraint needs a length: ip:10.0.0.0/8");
    TRY(const auto name, general_name_from_text("ip:" + std::string(text.substr(0, slash))));
    TRY(const Tlv address, read_single(name.der, "address"));
    const auto digits = text.substr(slash + 1);
    unsigned length = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc{} || end != digits.data() + digits.size() || length > 8 * address.content.size()) {
        return fail::malformed("not the length of an address prefix: " + printable(digits, 20));
    }
    Bytes range = to_bytes(address.content);
    for (std::size_t i = 0; i < address.content.size(); ++i) {
        const unsigned ones = length > 8 * i ? std::min<unsigned>(length - static_cast<unsigned>(8 * i), 8) : 0;
        range.push_back(static_cast<std::uint8_t>(0xff00U >> ones));
        if ((range[i] & ~range.back() & 0xffU) != 0)
            return fail::malformed("the address has bits beyond its prefix length");
    }
    DerWriter out;
    return out.tlv(tag::context(7), range).take();
}

Result<Bytes> encode_base(const std::string& text) {
    const auto colon = text.find(':');
    if (colon != std::string::npos && equals_ignoring_case(text.substr(0, colon), "ip")) {
        return encode_range(std::string_view(text).substr(colon + 1));
    }
    TRY(auto name, general_name_from_text(text));
    return std::move(name.der);
}

Result<Bytes> encode_subtrees(const std::vector<std::string>& texts) {
    DerWriter out;
    for (const auto& text : texts) {
        const auto base = encode_base(text);
        if (!base) return within("name constraint " + printable(text), base.error());
        out.nest(tag::sequence, [&](DerWriter& w) { w.raw(*base); });
    }
    return out.take();
}

}  // namespace

Result<Extension> make_name_constraints(const std::vector<std::string>& permitted,
                                        const std::vector<std::string>& excluded) {
    if (permitted.empty() && excluded.empty()) return fail::malformed("name constraints without any name");
    TRY(const Bytes permitted_der, encode_subtrees(permitted));
    TRY(const Bytes excluded_der, encode_subtrees(excluded));
    DerWriter out;
    out.nest(tag::sequence, [&](DerWriter& w) {
        if (!permitted.empty()) w.tlv(tag::context_constructed(0), permitted_der);
        if (!excluded.empty()) w.tlv(tag::context_constructed(1), excluded_der);
    });
    return Extension{std::string(oid::name_constraints), true, out.take()};
}

}  // namespace countersign::crypto
