#include "countersign/crypto/name_constraints.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/oid.hpp"
#include "der.hpp"

#include <algorithm>

namespace countersign::crypto {
namespace {

constexpr std::size_t most_subtrees = 256;

constexpr Tag tag_of(GeneralNameType type) {
    switch (type) {
        case GeneralNameType::other_name: return tag::context_constructed(0);
        case GeneralNameType::email: return tag::context(1);
        case GeneralNameType::dns: return tag::context(2);
        case GeneralNameType::x400_address: return tag::context_constructed(3);
        case GeneralNameType::directory_name: return tag::context_constructed(4);
        case GeneralNameType::edi_party_name: return tag::context_constructed(5);
        case GeneralNameType::uri: return tag::context(6);
        case GeneralNameType::ip: return tag::context(7);
        case GeneralNameType::registered_id: return tag::context(8);
    }
    return 0;
}

Result<GeneralNameType> type_of_tag(Tag tag) {
    using enum GeneralNameType;
    for (const auto type :
         {other_name, email, dns, x400_address, directory_name, edi_party_name, uri, ip, registered_id}) {
        if (tag_of(type) == tag) return type;
    }
    return fail::malformed("name constraints: not a general name");
}

bool is_prefix_mask(ByteView mask) {
    bool ended = false;
    for (const auto octet : mask) {
        for (int bit = 7; bit >= 0; --bit) {
            const bool set = ((octet >> bit) & 1) != 0;
            if (set && ended) return false;
            ended = ended || !set;
        }
    }
    return true;
}

// "host" of scheme://user@host:port/...; nullopt when the URI names no host by name, which RFC 5280 says to refuse.
std::optional<std::string> host_of(std::string_view uri) {
    const auto start = uri.find("://");
    if (start == std::string_view::npos) return std::nullopt;
    auto authority = uri.substr(start + 3);
    authority = authority.substr(0, authority.find_first_of("/?#"));
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
    authority = authority.substr(0, authority.find(':'));
    const auto is_address_character = [](char c) { return (c >= '0' && c <= '9') || c == '.'; };
    if (authority.empty() || authority.front() == '[' || authority.find('\\') != std::string_view::npos ||
        std::ranges::all_of(authority, is_address_character)) {
        return std::nullopt;
    }
    return to_lower(authority);
}

std::string without_final_dot(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    return to_lower(host);
}

// The base itself or anything below it; a base that starts with a dot covers only what is below.
bool is_within(const std::string& host, const std::string& base) {
    if (base.empty()) return true;
    if (!host.ends_with(base)) return false;
    return host.size() == base.size() || base.front() == '.' || host[host.size() - base.size() - 1] == '.';
}

// For URIs, mail and UPN hosts: exactly this host, or with a leading dot everything below (RFC 5280 4.2.1.10).
bool is_host_or_below(const std::string& host, const std::string& base) {
    if (base.empty()) return true;
    return base.front() == '.' ? host.size() > base.size() && host.ends_with(base) : host == base;
}

bool looks_like_host(std::string_view text) {
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.' || c == '*';
    };
    return text.find('.') != std::string_view::npos && std::ranges::all_of(text, letter);
}

}  // namespace

class SubtreeReader {
public:
    using Subtree = NameConstraints::Subtree;

    static Result<std::vector<Subtree>> read_all(ByteView content) {
        DerReader reader(content);
        std::vector<Subtree> subtrees;
        while (!reader.at_end()) {
            if (subtrees.size() == most_subtrees) return fail::malformed("name constraints: too many subtrees");
            TRY(DerReader subtree, reader.enter(tag::sequence, "name constraints: subtree"));
            TRY(const Tlv base, subtree.next("name constraints: base"));
            // minimum is 0, which DER leaves out; maximum must be absent (RFC 5280 4.2.1.10).
            CHECK(subtree.finish("name constraints: subtree with minimum or maximum"));
            TRY(auto read, read_base(base));
            subtrees.push_back(std::move(read));
        }
        if (subtrees.empty()) return fail::malformed("name constraints: an empty list of subtrees");
        return subtrees;
    }

private:
    static Result<Subtree> read_base(const Tlv& base) {
        Subtree subtree;
        TRY(subtree.type, type_of_tag(base.tag));
        switch (subtree.type) {
            case GeneralNameType::email:
            case GeneralNameType::dns:
            case GeneralNameType::uri:
                if (!is_ascii(as_text(base.content))) return fail::malformed("name constraints: not an IA5String");
                subtree.text = as_text(base.content);
                break;
            case GeneralNameType::directory_name: {
                TRY(subtree.directory, Name::from_der(base.content));
                break;
            }
            case GeneralNameType::ip: CHECK(read_address(base.content, subtree)); break;
            case GeneralNameType::other_name: CHECK(read_other_name(base.content, subtree)); break;
            default: break;
        }
        return subtree;
    }

    static Result<void> read_address(ByteView content, Subtree& subtree) {
        const bool known_length = content.size() == 8 || content.size() == 32;
        if (!known_length || !is_prefix_mask(content.subspan(content.size() / 2))) {
            return fail::malformed("name constraints: not an address range");
        }
        subtree.address = to_bytes(content);
        return boost::system::in_place_value;
    }

    static Result<void> read_other_name(ByteView content, Subtree& subtree) {
        DerReader reader(content);
        TRY(subtree.other_name_oid, reader.oid("name constraints: other name"));
        TRY(DerReader value, reader.enter(tag::context_constructed(0), "name constraints: other name"));
        CHECK(reader.finish("name constraints: other name"));
        TRY(const Tlv text, value.next("name constraints: other name"));
        CHECK(value.finish("name constraints: other name"));
        if (subtree.other_name_oid != oid::ms_upn) return boost::system::in_place_value;
        const auto utf8 = string_to_utf8(text);
        if (!utf8) return fail::malformed("name constraints: a UPN that is no text");
        subtree.text = *utf8;
        return boost::system::in_place_value;
    }
};

// One certificate's names against one set of constraints.
class ConstraintJudge {
public:
    using Subtree = NameConstraints::Subtree;

    explicit ConstraintJudge(const NameConstraints& constraints) : constraints_(constraints) {}

    // A name in the form in which it is compared.
    struct Presented {
        GeneralNameType type = GeneralNameType::dns;
        std::string text;
        std::string other_name_oid;
        Name directory;
        Bytes address;
        std::string description;
    };

    void judge(const Presented& name) {
        bool restricted = false;
        bool permitted = false;
        for (const auto& subtree : constraints_.permitted_) {
            if (!same_kind(name, subtree)) continue;
            restricted = true;
            permitted = permitted || covers(name, subtree, Purpose::permit);
        }
        if (restricted && !permitted) violations.push_back(name.description + " is in no permitted subtree");
        for (const auto& subtree : constraints_.excluded_) {
            if (!same_kind(name, subtree) || !covers(name, subtree, Purpose::exclude)) continue;
            violations.push_back(name.description + " is in an excluded subtree");
            return;
        }
    }

    std::vector<std::string> violations;

private:
    // In doubt a name is not permitted, and is excluded.
    enum class Purpose { permit, exclude };

    static bool same_kind(const Presented& name, const Subtree& subtree) {
        return name.type == subtree.type &&
               (name.type != GeneralNameType::other_name || name.other_name_oid == subtree.other_name_oid);
    }

    static bool covers(const Presented& name, const Subtree& subtree, Purpose purpose) {
        const bool in_doubt = purpose == Purpose::exclude;
        switch (name.type) {
            case GeneralNameType::dns: return covers_host(name.text, subtree.text, purpose);
            case GeneralNameType::email: return covers_mailbox(name.text, subtree.text, purpose);
            case GeneralNameType::uri: {
                const auto host = host_of(name.text);
                return host ? is_host_or_below(*host, to_lower(subtree.text)) : in_doubt;
            }
            case GeneralNameType::ip: return covers_address(name.address, subtree.address);
            case GeneralNameType::directory_name: return covers_directory(name.directory, subtree.directory, in_doubt);
            case GeneralNameType::other_name:
                if (name.other_name_oid != oid::ms_upn) return in_doubt;
                return covers_mailbox(name.text, subtree.text, purpose);
            default: return in_doubt;
        }
    }

    static bool covers_host(const std::string& presented, const std::string& constraint, Purpose purpose) {
        const auto host = without_final_dot(presented);
        const auto base = without_final_dot(constraint);
        if (is_within(host, base)) return true;
        // *.example.com reaches into an excluded internal.example.com.
        return purpose == Purpose::exclude && host.starts_with("*.") && base.ends_with(host.substr(1));
    }

    static bool covers_mailbox(const std::string& presented, const std::string& constraint, Purpose purpose) {
        const auto at = presented.rfind('@');
        if (at == std::string::npos) return purpose == Purpose::exclude;
        const auto host = to_lower(std::string_view(presented).substr(at + 1));
        const auto base_at = constraint.rfind('@');
        if (base_at == std::string::npos) return is_host_or_below(host, to_lower(constraint));
        const auto base_host = to_lower(std::string_view(constraint).substr(base_at + 1));
        if (base_at == 0) return host == base_host;
        const auto local = presented.substr(0, at);
        const auto base_local = constraint.substr(0, base_at);
        const bool same_local =
            purpose == Purpose::exclude ? equals_ignoring_case(local, base_local) : local == base_local;
        return host == base_host && same_local;
    }

    static bool covers_address(const Bytes& address, const Bytes& range) {
        if (range.size() != 2 * address.size()) return false;
        for (std::size_t i = 0; i < address.size(); ++i) {
            const auto mask = range[address.size() + i];
            if ((address[i] & mask) != (range[i] & mask)) return false;
        }
        return true;
    }

    // Whether the first relative names of `name` are those of `base`.
    static bool covers_directory(const Name& name, const Name& base, bool in_doubt) {
        const auto rdns = rdns_of(name);
        const auto base_rdns = rdns_of(base);
        if (base_rdns.size() > rdns.size()) return false;
        DerWriter writer;
        writer.nest(tag::sequence, [&](DerWriter& prefix) {
            for (std::size_t i = 0; i < base_rdns.size(); ++i) prefix.raw(rdns[i]);
        });
        const auto prefix = Name::from_der(writer.view());
        return prefix ? base.empty() || base.matches(*prefix) : in_doubt;
    }

    static std::vector<ByteView> rdns_of(const Name& name) {
        std::vector<ByteView> rdns;
        if (name.empty()) return rdns;
        auto reader = enter_single(name.der(), tag::sequence, "name");
        while (reader && !reader->at_end()) {
            const auto rdn = reader->next("relative name");
            if (!rdn) break;
            rdns.push_back(rdn->whole);
        }
        return rdns;
    }

    const NameConstraints& constraints_;
};

namespace {

using Presented = ConstraintJudge::Presented;

Result<Presented> presented_name(const GeneralName& name) {
    Presented presented;
    presented.type = name.type;
    presented.text = name.value;
    presented.other_name_oid = name.other_name_oid;
    presented.description = printable(to_text(name));
    if (name.type != GeneralNameType::ip && name.type != GeneralNameType::directory_name) return presented;
    TRY(const Tlv value, read_single(name.der, "alternative name"));
    if (name.type == GeneralNameType::ip) {
        presented.address = to_bytes(value.content);
    } else {
        TRY(presented.directory, Name::from_der(value.content));
    }
    return presented;
}

void judge_subject(ConstraintJudge& judge, const Name& subject, bool has_dns) {
    if (subject.empty()) return;
    judge.judge({.type = GeneralNameType::directory_name,
                 .text = {},
                 .other_name_oid = {},
                 .directory = subject,
                 .address = {},
                 .description = "subject " + printable(subject.text())});
    for (const auto& email : subject.values_of(oid::email_address)) {
        judge.judge({.type = GeneralNameType::email,
                     .text = email,
                     .other_name_oid = {},
                     .directory = {},
                     .address = {},
                     .description = "subject email " + printable(email)});
    }
    if (has_dns) return;
    for (const auto& common_name : subject.values_of("2.5.4.3")) {
        if (!looks_like_host(common_name)) continue;
        judge.judge({.type = GeneralNameType::dns,
                     .text = common_name,
                     .other_name_oid = {},
                     .directory = {},
                     .address = {},
                     .description = "common name " + printable(common_name)});
    }
}

}  // namespace

Result<NameConstraints> NameConstraints::parse(ByteView value) {
    NameConstraints constraints;
    TRY(DerReader reader, enter_single(value, tag::sequence, "name constraints"));
    TRY(const auto permitted, reader.take_if(tag::context_constructed(0), "name constraints"));
    TRY(const auto excluded, reader.take_if(tag::context_constructed(1), "name constraints"));
    CHECK(reader.finish("name constraints"));
    if (!permitted && !excluded) return fail::malformed("name constraints: neither permitted nor excluded subtrees");
    if (permitted) {
        TRY(constraints.permitted_, SubtreeReader::read_all(permitted->content));
    }
    if (excluded) {
        TRY(constraints.excluded_, SubtreeReader::read_all(excluded->content));
    }
    return constraints;
}

Result<std::optional<NameConstraints>> NameConstraints::of(const Certificate& ca) {
    for (const auto& extension : ca.extensions()) {
        if (extension.oid != oid::name_constraints) continue;
        TRY(auto constraints, parse(extension.value));
        return std::optional(std::move(constraints));
    }
    return std::optional<NameConstraints>{};
}

std::vector<std::string> NameConstraints::violations(const Name& subject,
                                                     const std::vector<GeneralName>& alt_names) const {
    ConstraintJudge judge(*this);
    const bool has_dns =
        std::ranges::any_of(alt_names, [](const GeneralName& name) { return name.type == GeneralNameType::dns; });
    judge_subject(judge, subject, has_dns);
    for (const auto& name : alt_names) {
        const auto presented = presented_name(name);
        if (presented)
            judge.judge(*presented);
        else
            judge.violations.push_back(printable(to_text(name)) + " cannot be read");
    }
    return std::move(judge.violations);
}

}  // namespace countersign::crypto
