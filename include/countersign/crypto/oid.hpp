// Object identifiers as dotted text, named once. Values only.
#pragma once

#include <string_view>

namespace countersign::oid {

using Oid = std::string_view;

// RFC 8017 appendix C
inline constexpr Oid rsa_encryption = "1.2.840.113549.1.1.1";
// RFC 5652 content types
inline constexpr Oid data = "1.2.840.113549.1.7.1";
inline constexpr Oid signed_data = "1.2.840.113549.1.7.2";
inline constexpr Oid enveloped_data = "1.2.840.113549.1.7.3";
// RFC 5652 section 11 attributes
inline constexpr Oid content_type = "1.2.840.113549.1.9.3";
inline constexpr Oid message_digest = "1.2.840.113549.1.9.4";
inline constexpr Oid signing_time = "1.2.840.113549.1.9.5";
// PKCS#9 attributes of a certification request
inline constexpr Oid challenge_password = "1.2.840.113549.1.9.7";
inline constexpr Oid extension_request = "1.2.840.113549.1.9.14";
inline constexpr Oid unstructured_name = "1.2.840.113549.1.9.2";
inline constexpr Oid email_address = "1.2.840.113549.1.9.1";
// Microsoft
inline constexpr Oid ms_extension_request = "1.3.6.1.4.1.311.2.1.14";
inline constexpr Oid ms_certificate_request_agent = "1.3.6.1.4.1.311.20.2.1";
inline constexpr Oid ms_template_name = "1.3.6.1.4.1.311.20.2";
inline constexpr Oid ms_template = "1.3.6.1.4.1.311.21.7";
inline constexpr Oid ms_application_policies = "1.3.6.1.4.1.311.21.10";
inline constexpr Oid ms_security_identifier = "1.3.6.1.4.1.311.25.2";
inline constexpr Oid ms_upn = "1.3.6.1.4.1.311.20.2.3";
inline constexpr Oid ms_enrollment_name_value_pair = "1.3.6.1.4.1.311.13.2.1";
inline constexpr Oid ms_renewal_certificate = "1.3.6.1.4.1.311.13.1";
// RFC 8894 section 3.2.1 (VeriSign arc)
inline constexpr Oid scep_message_type = "2.16.840.1.113733.1.9.2";
inline constexpr Oid scep_pki_status = "2.16.840.1.113733.1.9.3";
inline constexpr Oid scep_fail_info = "2.16.840.1.113733.1.9.4";
inline constexpr Oid scep_sender_nonce = "2.16.840.1.113733.1.9.5";
inline constexpr Oid scep_recipient_nonce = "2.16.840.1.113733.1.9.6";
inline constexpr Oid scep_transaction_id = "2.16.840.1.113733.1.9.7";
inline constexpr Oid scep_fail_info_text = "1.3.6.1.5.5.7.24.1";
// X.509 extensions
inline constexpr Oid subject_key_identifier = "2.5.29.14";
inline constexpr Oid key_usage = "2.5.29.15";
inline constexpr Oid subject_alt_name = "2.5.29.17";
inline constexpr Oid basic_constraints = "2.5.29.19";
inline constexpr Oid crl_number = "2.5.29.20";
inline constexpr Oid crl_reason = "2.5.29.21";
inline constexpr Oid delta_crl_indicator = "2.5.29.27";
inline constexpr Oid issuing_distribution_point = "2.5.29.28";
inline constexpr Oid name_constraints = "2.5.29.30";
inline constexpr Oid crl_distribution_points = "2.5.29.31";
inline constexpr Oid certificate_policies = "2.5.29.32";
inline constexpr Oid authority_key_identifier = "2.5.29.35";
inline constexpr Oid extended_key_usage = "2.5.29.37";
inline constexpr Oid authority_information_access = "1.3.6.1.5.5.7.1.1";
// Extended key usages
inline constexpr Oid any_extended_key_usage = "2.5.29.37.0";
inline constexpr Oid server_auth = "1.3.6.1.5.5.7.3.1";
inline constexpr Oid client_auth = "1.3.6.1.5.5.7.3.2";
inline constexpr Oid code_signing = "1.3.6.1.5.5.7.3.3";
inline constexpr Oid email_protection = "1.3.6.1.5.5.7.3.4";
inline constexpr Oid ocsp_signing = "1.3.6.1.5.5.7.3.9";
inline constexpr Oid smart_card_logon = "1.3.6.1.4.1.311.20.2.2";

}  // namespace countersign::oid
