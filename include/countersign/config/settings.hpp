// The configuration as typed values, after loading: names resolved, paths absolute, defaults filled in. Plain values; `app` turns
// them into each room's own options. The schema table (config/schema.hpp) is the only description of keys, types, defaults and meaning.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::config {

// Where a value stands, for messages: "countersign.toml:12: profile.default.ca".
struct Place {
    std::string file;
    unsigned line = 0;
    std::string key;
};

struct TlsSettings {
    std::filesystem::path certificate;
    std::filesystem::path key;
    std::filesystem::path client_ca;  // empty: none
};

struct ListenerSettings {
    Place place;
    std::string address;
    std::vector<std::string> serves;           // "scep", "admin"
    std::vector<std::string> trusted_proxies;
    std::optional<TlsSettings> tls;
    std::vector<std::string> sign_in;          // "basic", "negotiate", "ntlm", "certificate", in the order offered
    std::string client_certificate_header;     // lower case; empty: proxies report none
    std::filesystem::path client_certificate_ca;  // of the certificates in that header

    bool offers(std::string_view scheme) const;
    // Whether the connections of all peers, or of some, may be a proxy's.
    bool has_proxies() const;
    bool allow_plain_admin = false;            // key "plain_http_admin = \"i understand passwords travel in clear\""
};

struct SignInSettings {
    Place place;
    std::vector<std::string> realms;           // Kerberos realms and NTLM domains whose users are accounts by their name
    std::filesystem::path keytab;
    std::string service;                       // "HTTP/host" or "HTTP/host@REALM"; empty: any key of the keytab
    std::string channel_binding = "when-offered";  // of Negotiate: "required", "when-offered" or the words that put it off
    bool ntlm = false;                         // key "ntlm = \"i understand ntlm passwords can be guessed offline\""
    std::filesystem::path ntlm_users;
    std::string ntlm_channel_binding = "required";  // "required", or the words that leave it to the client
};

struct ServerSettings {
    unsigned io_threads = 1;
    unsigned workers = 0;                      // 0: four per core, at least 8
    unsigned queue = 1024;
    std::size_t max_body_octets = 2 * 1024 * 1024;
    std::size_t max_request_line_octets = 64 * 1024;
    std::size_t max_connections = 10000;
    std::size_t max_connections_per_client = 1000;
    std::size_t failures_per_client = 200;
    std::chrono::seconds header_timeout{10};
    std::chrono::seconds body_timeout{30};
    std::chrono::seconds idle_timeout{15};
    std::chrono::seconds answer_timeout{60};
    std::chrono::seconds drain_timeout{30};
};

struct StoreSettings {
    Place place;
    std::string url;                           // "sqlite:/absolute/path"
};

struct SecretsSettings {
    Place place;
    std::filesystem::path pepper;              // file of at least 32 random octets; keys the MACs of challenges and derived secrets
};

struct Pkcs11Settings {
    std::filesystem::path module;              // empty: module-path of the URI, or every module p11-kit is configured with
    unsigned sessions = 0;                     // per token; 0: as many as workers
};

struct KeyPairSettings {
    Place place;
    std::string key;                           // URI: "file:/abs/path" or "pkcs11:..."
    std::filesystem::path certificate;
    std::string template_name = {};            // of the RA's own: what a CA that issues by template is asked for
};

struct RaSettings {
    Place place;
    KeyPairSettings encryption;
    KeyPairSettings agent;
    std::vector<KeyPairSettings> previous_encryption;  // still open envelopes after a rollover
    std::string ca;                            // renews the certificates; empty: that of the profiles that use this RA
    std::string renew = "automatic";           // or "manual"
    std::uint32_t renew_at_percent = 66;       // of a certificate's life
    std::string renew_key = "new";             // or "same"
    std::uint32_t certificate_days = 730;
    std::uint32_t overlap_days = 30;
    std::filesystem::path directory;           // what rollovers leave: NAME.json, new keys in files
};

// How a CA that is somewhere else is reached over HTTP.
struct CaConnectionSettings {
    Place place;
    std::string url;
    std::string authentication = "none";       // "none", "basic", "negotiate", "certificate", "username-token"
    std::string user;
    std::filesystem::path password_file;
    std::filesystem::path trust;               // PEM; empty: the system's
    std::filesystem::path client_certificate;
    std::filesystem::path client_key;
    std::filesystem::path keytab;              // negotiate; empty: `credential_cache`
    std::filesystem::path credential_cache;
    std::string proxy;
    std::uint32_t connect_seconds = 5;
    std::uint32_t answer_seconds = 60;
};

// A program that is a CA to us.
struct CaCommandSettings {
    Place place;
    std::filesystem::path program;
    std::vector<std::string> arguments;
    std::vector<std::string> environment;      // "NAME=VALUE"
    std::uint32_t seconds = 60;
};

// How we speak CMP to a CA.
struct CaCmpSettings {
    Place place;
    std::string protection = "signature";      // or "secret"
    std::string ra = "default";                // signature: whose enrollment agent signs
    std::filesystem::path responders;          // PEM; empty: the CA itself
    std::string reference;                     // secret: its name at the CA
    std::filesystem::path secret_file;
};

// What EJBCA's REST interface is told beside the request.
struct CaEjbcaSettings {
    Place place;
    std::string authority;                     // name of the CA there
    std::string end_entity_profile;
};

struct CaVaultSettings {
    Place place;
    std::string mount = "pki";
    std::string namespace_path;                // empty: none
    std::filesystem::path token_file;
};

struct CaStepSettings {
    Place place;
    std::string provisioner;                   // of type JWK
    std::string key;                           // URI
    std::string key_id;                        // empty: the thumbprint of the key
};

struct CaSettings {
    Place place;
    std::string type;                          // "local", "exec", "adcs-web", "adcs-wstep", "cmp", "est", ...
    KeyPairSettings issuer;                    // local: key and certificate of the CA
    std::filesystem::path chain;               // PEM above the CA; empty: self-issued
    std::filesystem::path successor;           // PEM for GetNextCACert; empty: none
    std::filesystem::path serial_secret;
    std::vector<std::string> crl_urls;
    std::vector<std::string> ca_issuers_urls;
    std::string crl_path;                      // HTTP path where we publish the CRL; empty: nowhere
    std::vector<std::string> extended_key_usage;
    std::uint32_t max_validity_days = 825;
    std::uint32_t crl_validity_hours = 168;
    std::uint32_t crl_refresh_hours = 12;
    std::string policy_url;                    // adcs: where `check` asks about templates; empty: nowhere
    CaConnectionSettings connection;
    CaCommandSettings command;
    CaCmpSettings cmp;
    CaEjbcaSettings ejbca;
    CaVaultSettings vault;
    CaStepSettings step;
    std::string request_format = "pkcs7";      // "pkcs7", "cmc" or "pkcs10", where the CA takes several
    std::uint32_t requests_at_once = 8;
    std::uint32_t queue = 1000;
    std::uint32_t failures_to_open = 5;
    std::uint32_t pause_seconds = 10;
    std::uint32_t poll_seconds = 30;
    std::uint32_t clock_slack_minutes = 60;
    std::vector<std::string> crl;              // not local: "http://...", "https://..." or a path; empty: the ledger alone says
    std::uint32_t crl_refresh_minutes = 60;
    std::filesystem::path crl_directory;       // where the lists are kept for a restart
    std::string renewal_without_crl = "refuse";  // or "allow"

    bool local() const { return type == "local"; }
    bool adcs() const { return type == "adcs-web" || type == "adcs-wstep"; }
    // Whether what the agent countersigns is a CMC full PKI request.
    bool asks_by_cmc() const { return (adcs() || type == "est") && request_format == "cmc"; }
};

// Who is told over HTTPS what happened.
struct NotificationSettings {
    Place place;
    std::string name;
    std::vector<std::string> events;           // "issued", "failed", ...
    std::vector<std::string> profiles;         // empty: all
    std::filesystem::path secret;              // keys the signature of what is sent
    std::uint32_t give_up_hours = 72;
    CaConnectionSettings connection;           // url, trust, client_certificate, client_key, proxy and times alone
};

// A tenant of Microsoft Intune whose challenges are taken.
struct IntuneSettings {
    Place place;
    std::string name;
    std::string tenant;
    std::string client_id;
    std::filesystem::path secret;              // client secret; empty: certificate and key
    std::filesystem::path certificate;
    std::string key;                           // URI
    std::string provider;
    std::string authority;
    std::string graph;
    std::string resource;
    std::string service_application;
    std::uint32_t requests_at_once = 4;
    std::uint32_t revocation_minutes = 0;      // 0: none are fetched
    std::uint32_t give_up_hours = 72;
    CaConnectionSettings connection;           // trust, proxy and times alone
};

struct ChallengeSettings {
    Place place;
    std::string mode;                          // "signed", "intune", "one-time", "single-password", "none"
    std::vector<std::string> also;             // further kinds: "intune", "one-time", "single-password"
    std::string intune;                        // intune: the [intune.NAME] that judges
    std::uint32_t bytes = 8;
    std::uint32_t valid_minutes = 60;
    std::uint32_t max_outstanding = 10000;
    std::uint32_t burn_after_refusals = 5;
    std::filesystem::path password_file;       // single-password
    std::string key;                           // signed: URI of the key they are encrypted to
    std::string previous_key;                  // signed: still opens challenges after a rollover; empty: none
    std::string audience;                      // signed: the claim "aud"; empty: the profile's name

    bool accepts(std::string_view kind) const;
};

struct ChallengeIssuerSettings {
    Place place;
    std::string name;
    std::string issuer;                        // the claim "iss"
    std::filesystem::path keys;                // PEM public keys or certificates, a JWK or a JWK set
    std::vector<std::string> profiles;
    std::vector<std::string> templates;        // empty: any
    std::vector<std::string> subject_patterns;
    std::vector<std::string> san_patterns;
    std::uint32_t max_lifetime_minutes = 1440;
};

// A policy hook behind a URL.
struct HookWebhookSettings {
    Place place;
    std::string url;
    std::filesystem::path secret;              // file with "whsec_..."; empty: questions are not signed
    std::filesystem::path trust;               // PEM; empty: the system's
    std::filesystem::path client_certificate;
    std::filesystem::path client_key;
    std::string proxy;
    std::uint32_t connect_seconds = 2;
};

// A policy hook that is a program.
struct HookCommandSettings {
    Place place;
    std::filesystem::path program;
    std::vector<std::string> arguments;
    std::vector<std::string> environment;      // "NAME=VALUE"
};

struct HookSettings {
    Place place;
    std::string name;
    std::string type;                          // "webhook", "exec"
    std::vector<std::string> calls;            // "verify", "generate", "notify"
    std::uint32_t seconds = 5;
    std::uint32_t at_once = 8;
    std::uint32_t queue = 32;
    std::uint32_t failures_to_open = 5;
    std::uint32_t pause_seconds = 10;
    HookWebhookSettings webhook;
    HookCommandSettings command;
};

struct ProfileSettings {
    Place place;
    std::string name;
    std::vector<std::string> paths;
    std::vector<std::string> admin_paths;
    std::string ra;
    std::string ca;
    ChallengeSettings challenge;
    std::string template_signature;
    std::string template_encryption;
    std::string template_general_purpose;
    std::vector<std::string> ciphers;          // "AES-256-CBC", ..., "DES-EDE3-CBC", "DES-CBC"
    std::vector<std::string> digests;          // "SHA-256", ..., "SHA-1"
    bool renewal = true;
    bool include_ca_in_reply = false;
    std::string unavailable_answer = "retry";  // when the CA is away: "retry" (HTTP 503) or "pending"
    bool get_cert = true;                      // answer GetCert and GetCRL
    std::uint32_t hold_seconds = 15;           // wait for the CA before answering PENDING
    std::string hook;                          // policy hook; empty: none
};

struct TemplateSettings {
    Place place;
    std::string name;
    std::vector<std::string> key_usage;            // empty: as requested, within digitalSignature and keyEncipherment
    std::vector<std::string> extended_key_usage;   // names or OIDs
    std::uint32_t validity_days = 365;
    std::uint32_t backdate_minutes = 60;
    std::vector<std::string> key_algorithms;
    std::uint32_t rsa_bits_min = 2048;
    std::uint32_t rsa_bits_max = 4096;
    std::string blocked_keys;                      // file; empty: none
    std::vector<std::string> subject_attributes;
    std::vector<std::string> subject_patterns;
    bool allow_empty_subject = false;
    std::vector<std::string> san_types;
    std::vector<std::string> san_patterns;
    bool allow_wildcard_dns = false;
    bool security_identifier_uri = false;
    std::uint32_t max_sans = 20;
    bool renewal_allowed = true;
    std::uint32_t renewal_window_days = 0;
    bool renewal_allow_expired = false;
    bool renewal_allow_same_key = true;
    bool renewal_require_same_subject = true;
    bool hold_for_approval = false;
    bool signer_key_must_match = true;
    bool strict_extensions = false;
    std::string ca_name;                       // what the CA calls this template; empty: as here
};

struct AccountSettings {
    Place place;
    std::string name;
    std::string password_hash;                 // crypt(5), as `countersign hash-password` prints; empty: no password opens it
    std::vector<std::string> roles;            // "device-administrator", "officer", "auditor"
    std::vector<std::string> profiles;         // empty: all
    std::vector<std::string> templates;        // empty: all of the profile's
    std::uint32_t max_outstanding = 5000;      // 0: no limit of its own
    std::vector<std::string> principals;       // "user@REALM", "DOMAIN\\user"
    std::vector<std::string> certificates;     // SHA-256 fingerprints, hexadecimal
};

struct AuditSettings {
    Place place;
    std::filesystem::path file;                // empty: the operations log only
    bool sync = true;                          // fdatasync each event (shared between concurrent ones)
    std::filesystem::path syslog;              // datagram socket that gets each event too; empty: none
    std::string key;                           // signs checkpoints; empty: none are made
    std::uint32_t checkpoint_minutes = 10;          // between checkpoints
};

struct LogSettings {
    std::string level = "info";                // "debug", "info", "warning", "error"
    bool requests = true;                      // one line per HTTP request
};

struct Settings {
    std::filesystem::path file;                // the configuration file, absolute
    std::filesystem::path directory;           // relative paths in the file are below it
    std::vector<ListenerSettings> listeners;
    SignInSettings sign_in;
    ServerSettings server;
    StoreSettings store;
    SecretsSettings secrets;
    Pkcs11Settings pkcs11;
    std::map<std::string, RaSettings> ra;
    std::map<std::string, CaSettings> ca;
    std::map<std::string, ProfileSettings> profiles;
    std::map<std::string, ChallengeIssuerSettings> challenge_issuers;
    std::map<std::string, NotificationSettings> notifications;
    std::map<std::string, IntuneSettings> intune;
    std::map<std::string, HookSettings> hooks;
    std::map<std::string, TemplateSettings> templates;
    std::map<std::string, AccountSettings> accounts;
    AuditSettings audit;
    LogSettings log;
};

}  // namespace countersign::config
