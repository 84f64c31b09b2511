#include "gss.hpp"

#include "countersign/core/text.hpp"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include <array>

namespace countersign::admin::gss {
namespace {

// [MS-NLMP]'s mechanism, 1.3.6.1.4.1.311.2.2.10.
gss_OID_desc ntlm_oid{10, const_cast<char*>("\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a")};
// SPNEGO (RFC 4178), 1.3.6.1.5.5.2.
gss_OID_desc spnego_oid{6, const_cast<char*>("\x2b\x06\x01\x05\x05\x02")};

gss_OID oid_of(Mechanism mechanism) {
    return mechanism == Mechanism::kerberos ? const_cast<gss_OID>(gss_mech_krb5) : &ntlm_oid;
}

bool same_oid(const gss_OID_desc* a, const gss_OID_desc* b) {
    return a != nullptr && gss_oid_equal(a, b) != 0;
}

class Buffer {
public:
    Buffer() = default;
    ~Buffer() {
        OM_uint32 minor = 0;
        gss_release_buffer(&minor, &value_);
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    gss_buffer_t out() { return &value_; }
    ByteView view() const { return {static_cast<const std::uint8_t*>(value_.value), value_.length}; }

private:
    gss_buffer_desc value_ = GSS_C_EMPTY_BUFFER;
};

class Name {
public:
    Name() = default;
    ~Name() {
        OM_uint32 minor = 0;
        if (value_ != GSS_C_NO_NAME) gss_release_name(&minor, &value_);
    }
    Name(const Name&) = delete;
    Name& operator=(const Name&) = delete;
    gss_name_t* out() { return &value_; }
    gss_name_t get() const { return value_; }

private:
    gss_name_t value_ = GSS_C_NO_NAME;
};

constexpr std::size_t longest_principal = 300;  // octets

// The name as text; empty: there is none, or none to be trusted.
std::string_view name_in(const Buffer& buffer) {
    auto name = as_text(buffer.view());
    // gss-ntlmssp counts the C string's terminator in.
    if (name.ends_with('\0')) name.remove_suffix(1);
    const bool odd = name.size() > longest_principal || name.find('\0') != std::string_view::npos;
    return odd ? std::string_view() : name;
}

// What the library borrows for the length of a call, and does not write to.
gss_buffer_desc borrowed(ByteView octets) {
    return {octets.size(), const_cast<std::uint8_t*>(octets.data())};
}

void append_status(std::string& text, OM_uint32 status, int type, gss_OID mechanism) {
    OM_uint32 more = 0;
    for (int line = 0; line < 4 && (line == 0 || more != 0); ++line) {
        OM_uint32 minor = 0;
        Buffer words;
        if (gss_display_status(&minor, status, type, mechanism, &more, words.out()) != GSS_S_COMPLETE) return;
        if (!text.empty()) text += "; ";
        text += as_text(words.view());
    }
}

std::string words_for(OM_uint32 major, OM_uint32 minor, Mechanism mechanism) {
    std::string text;
    append_status(text, major, GSS_C_GSS_CODE, GSS_C_NO_OID);
    if (minor != 0) append_status(text, minor, GSS_C_MECH_CODE, oid_of(mechanism));
    return printable(text, 300);
}

Result<void> import_service(const std::string& service, Name& name) {
    auto text = borrowed(as_bytes(service));
    OM_uint32 minor = 0;
    const auto major = gss_import_name(&minor, &text, const_cast<gss_OID>(GSS_KRB5_NT_PRINCIPAL_NAME), name.out());
    if (!GSS_ERROR(major)) return {};
    return fail::malformed(printable(service, 100) +
                           " is no service principal: " + words_for(major, minor, Mechanism::kerberos));
}

}  // namespace

Result<std::shared_ptr<const Acceptor>> Acceptor::for_kerberos(const std::string& keytab, const std::string& service) {
    Name name;
    if (!service.empty()) CHECK(import_service(service, name));
    std::array<gss_OID_desc, 2> wanted{*gss_mech_krb5, spnego_oid};
    gss_OID_set_desc both{wanted.size(), wanted.data()};
    gss_OID_set_desc kerberos_alone{1, wanted.data()};
    const std::string where = "FILE:" + keytab;
    gss_key_value_element_desc element{"keytab", where.c_str()};
    const gss_key_value_set_desc store{1, &element};

    // By itself first: with SPNEGO beside it the library is content when some other mechanism can be used.
    OM_uint32 minor = 0;
    OM_uint32 major = GSS_S_COMPLETE;
    std::shared_ptr<Acceptor> acceptor;
    for (auto* mechanisms : {&kerberos_alone, &both}) {
        acceptor.reset(new Acceptor(Mechanism::kerberos));
        major = gss_acquire_cred_from(&minor, name.get(), GSS_C_INDEFINITE, mechanisms, GSS_C_ACCEPT, &store,
                                      &acceptor->credential_, nullptr, nullptr);
        if (!GSS_ERROR(major)) continue;
        return fail::denied("keytab " + keytab + (service.empty() ? "" : " for " + printable(service, 100)) + ": " +
                            words_for(major, minor, Mechanism::kerberos));
    }
    major = gss_set_neg_mechs(&minor, acceptor->credential_, &kerberos_alone);
    if (GSS_ERROR(major))
        return fail::unavailable("SPNEGO cannot be limited to Kerberos: " +
                                 words_for(major, minor, Mechanism::kerberos));
    return std::shared_ptr<const Acceptor>(std::move(acceptor));
}

Result<std::shared_ptr<const Acceptor>> Acceptor::for_ntlm() {
    gss_OID_set_desc wanted{1, &ntlm_oid};
    std::shared_ptr<Acceptor> acceptor(new Acceptor(Mechanism::ntlm));
    OM_uint32 minor = 0;
    const auto major = gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &wanted, GSS_C_ACCEPT,
                                        &acceptor->credential_, nullptr, nullptr);
    if (GSS_ERROR(major))
        return fail::unavailable("the GSSAPI mechanism for NTLM cannot be used (Debian package gss-ntlmssp): " +
                                 words_for(major, minor, Mechanism::ntlm));
    return std::shared_ptr<const Acceptor>(std::move(acceptor));
}

Acceptor::~Acceptor() {
    OM_uint32 minor = 0;
    if (credential_ != GSS_C_NO_CREDENTIAL) gss_release_cred(&minor, &credential_);
}

Conversation::Conversation(std::shared_ptr<const Acceptor> acceptor, ByteView binding)
    : acceptor_(std::move(acceptor)) {
    if (!binding.empty()) binding_ = "tls-server-end-point:" + std::string(as_text(binding));
}

Conversation::~Conversation() {
    OM_uint32 minor = 0;
    if (context_ != GSS_C_NO_CONTEXT) gss_delete_sec_context(&minor, &context_, GSS_C_NO_BUFFER);
}

Step Conversation::take(ByteView token) {
    ++rounds_;
    auto input = borrowed(token);
    gss_channel_bindings_struct bindings{};
    bindings.application_data = borrowed(as_bytes(binding_));
    Name client;
    Buffer output;
    OM_uint32 flags = 0;
    OM_uint32 minor = 0;
    const auto major = gss_accept_sec_context(&minor, &context_, acceptor_->credential(), &input,
                                              binding_.empty() ? GSS_C_NO_CHANNEL_BINDINGS : &bindings, client.out(),
                                              nullptr, output.out(), &flags, nullptr, nullptr);
    if (GSS_ERROR(major)) return Refused{words_for(major, minor, acceptor_->mechanism())};
    if ((major & GSS_S_CONTINUE_NEEDED) != 0) return GoOn{to_bytes(output.view())};
    return complete(client.get(), flags, to_bytes(output.view()));
}

Step Conversation::complete(gss_name_t client, OM_uint32 flags, Bytes token) const {
    OM_uint32 minor = 0;
    gss_OID used = GSS_C_NO_OID;
    auto major = gss_inquire_context(&minor, context_, nullptr, nullptr, nullptr, &used, nullptr, nullptr, nullptr);
    if (GSS_ERROR(major)) return Refused{words_for(major, minor, acceptor_->mechanism())};
    if (!same_oid(used, oid_of(acceptor_->mechanism()))) return Refused{"another mechanism was used than is offered"};
    if ((flags & GSS_C_ANON_FLAG) != 0 || client == GSS_C_NO_NAME) return Refused{"the client is anonymous"};
    Buffer name;
    gss_OID type = GSS_C_NO_OID;
    major = gss_display_name(&minor, client, name.out(), &type);
    if (GSS_ERROR(major)) return Refused{words_for(major, minor, acceptor_->mechanism())};
    if (same_oid(type, GSS_C_NT_ANONYMOUS) || name_in(name).empty()) return Refused{"the client has no usable name"};
    return Accepted{std::string(name_in(name)), (flags & GSS_C_CHANNEL_BOUND_FLAG) != 0, std::move(token)};
}

}  // namespace countersign::admin::gss
