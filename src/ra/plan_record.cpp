#include "countersign/ra/plan_record.hpp"

#include <nlohmann/json.hpp>

namespace countersign::ra {
namespace {

using nlohmann::json;

json name_list(const std::vector<crypto::GeneralName>& names) {
    json list = json::array();
    for (const auto& name : names) list.push_back(crypto::to_text(name));
    return list;
}

json extension_list(const std::vector<crypto::Extension>& extensions) {
    json list = json::array();
    for (const auto& extension : extensions) {
        list.push_back(
            {{"oid", extension.oid}, {"critical", extension.critical}, {"value", lower_hex(extension.value)}});
    }
    return list;
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
    const json record = {
        {"subject", lower_hex(plan.subject.der())},
        {"subject_text", plan.subject.text()},
        {"subject_alt_names", lower_hex(sans)},
        {"subject_alt_names_text", name_list(plan.subject_alt_names)},
        {"spki", lower_hex(plan.spki)},
        {"key_usage", plan.key_usage},
        {"extended_key_usage", plan.extended_key_usage},
        {"further_extensions", extension_list(plan.further_extensions)},
        {"not_before", to_milliseconds(plan.not_before)},
        {"not_after", to_milliseconds(plan.not_after)},
    };
    // Foreign names may hold invalid UTF-8 in their text form; the DER beside it is what counts.
    return record.dump(-1, ' ', true, json::error_handler_t::replace);
}

Result<crypto::CertificateContent> read_plan(std::string_view text) {
    try {
        return read_record(json::parse(text));
    } catch (const json::exception& error) {
        return fail::malformed(std::string("a stored plan cannot be read: ") + error.what());
    }
}

}  // namespace countersign::ra
