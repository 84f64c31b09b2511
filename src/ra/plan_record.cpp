#include "countersign/ra/plan_record.hpp"

#include "countersign/core/taken_apart.hpp"

#include <nlohmann/json.hpp>

namespace countersign::ra {
namespace {

using nlohmann::json;

// Written in place and member by member: braces make values on the way, whose ends want memory.
void write_names(json& list, const std::vector<crypto::GeneralName>& names) {
    list = json::array();
    for (const auto& name : names) list.push_back(crypto::to_text(name));
}

void write_extensions(json& list, const std::vector<crypto::Extension>& extensions) {
    list = json::array();
    list.get_ref<json::array_t&>().resize(extensions.size());
    for (std::size_t i = 0; i < extensions.size(); ++i) {
        list[i]["oid"] = extensions[i].oid;
        list[i]["critical"] = extensions[i].critical;
        list[i]["value"] = lower_hex(extensions[i].value);
    }
}

Result<void> read_names(const json& record, crypto::CertificateContent& plan) {
    TRY(const Bytes subject, from_hex(record.at("subject").get<std::string>()));
    TRY(plan.subject, crypto::Name::from_der(subject));
    TRY(const Bytes sans, from_hex(record.at("subject_alt_names").get<std::string>()));
    if (!sans.empty()) {
        TRY(plan.subject_alt_names, crypto::parse_general_names(sans));
    }
    return boost::system::in_place_value;
}

Result<void> read_extensions(const json& record, crypto::CertificateContent& plan) {
    for (const json& entry : record.at("further_extensions")) {
        TRY(Bytes value, from_hex(entry.at("value").get<std::string>()));
        plan.further_extensions.push_back(
            {entry.at("oid").get<std::string>(), entry.at("critical").get<bool>(), std::move(value)});
    }
    return boost::system::in_place_value;
}

Result<crypto::CertificateContent> read_record(const json& record) {
    crypto::CertificateContent plan;
    CHECK(read_names(record, plan));
    TRY(plan.spki, from_hex(record.at("spki").get<std::string>()));
    plan.key_usage = record.at("key_usage").get<crypto::KeyUsage>();
    plan.extended_key_usage = record.at("extended_key_usage").get<std::vector<std::string>>();
    CHECK(read_extensions(record, plan));
    plan.not_before = from_milliseconds(record.at("not_before").get<std::int64_t>());
    plan.not_after = from_milliseconds(record.at("not_after").get<std::int64_t>());
    return plan;
}

}  // namespace

std::string write_plan(const crypto::CertificateContent& plan) {
    const Bytes sans = plan.subject_alt_names.empty() ? Bytes{} : crypto::encode_general_names(plan.subject_alt_names);
    json record = json::object();
    const TakenApart at_the_end(record);
    record["subject"] = lower_hex(plan.subject.der());
    record["subject_text"] = plan.subject.text();
    record["subject_alt_names"] = lower_hex(sans);
    write_names(record["subject_alt_names_text"], plan.subject_alt_names);
    record["spki"] = lower_hex(plan.spki);
    record["key_usage"] = plan.key_usage;
    record["extended_key_usage"] = plan.extended_key_usage;
    write_extensions(record["further_extensions"], plan.further_extensions);
    record["not_before"] = to_milliseconds(plan.not_before);
    record["not_after"] = to_milliseconds(plan.not_after);
    // Foreign names may hold invalid UTF-8 in their text form; the DER beside it is what counts.
    return record.dump(-1, ' ', true, json::error_handler_t::replace);
}

Result<crypto::CertificateContent> read_plan(std::string_view text) {
    try {
        json record = json::parse(text);
        const TakenApart at_the_end(record);
        return read_record(record);
    } catch (const json::exception& error) {
        return fail::malformed(std::string("a stored plan cannot be read: ") + error.what());
    }
}

}  // namespace countersign::ra
