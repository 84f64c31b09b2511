#include "schema.hpp"

#include "assign.hpp"

namespace countersign::config {
namespace {

constexpr std::int64_t kibibyte = 1024;
constexpr std::int64_t mebibyte = 1024 * kibibyte;

constexpr Section section_table[] = {
    {"", Shape::table, "Above the first table of the file."},
    {"listener", Shape::list, "A place where the daemon accepts connections. At least one must serve \"scep\".", true},
    {"listener.tls", Shape::optional, "TLS of this listener; without it the listener speaks plain HTTP."},
    {"sign_in", Shape::table,
     "How administrators sign in by Kerberos or NTLM, on the listeners whose sign_in offers it."},
    {"server", Shape::table, "Threads and limits of the HTTP front end."},
    {"store", Shape::table, "The database of attempts, challenges and issued certificates."},
    {"secrets", Shape::table, "Secrets of the instance as a whole, kept in files.", true},
    {"pkcs11", Shape::table, "How tokens are reached that \"pkcs11:\" keys live in. Changes with a restart only."},
    {"ra", Shape::named, "A registration authority: two keys and their certificates.", true},
    {"ra.*.encryption", Shape::table, "The CEP encryption key opens what clients send: RSA, key usage keyEncipherment.",
     true},
    {"ra.*.agent", Shape::table,
     "The enrollment agent key signs replies and countersigns requests: key usage digitalSignature, extended key usage "
     "Certificate Request Agent (1.3.6.1.4.1.311.20.2.1).",
     true},
    {"ra.*.previous_encryption", Shape::list,
     "CEP encryption keys of the past, which still open envelopes after a rollover."},
    {"ca", Shape::named, "A certification authority that requests go to.", true},
    {"ca.*.connection", Shape::table, "How a CA that speaks HTTP is reached: all types but local and exec."},
    {"ca.*.command", Shape::table, "The program that is the CA to us: type exec."},
    {"ca.*.cmp", Shape::table, "How we are known to a CA of type cmp, and it to us."},
    {"ca.*.ejbca", Shape::table, "What a CA of type ejbca is told beside the request."},
    {"ca.*.vault", Shape::table, "Where a CA of type vault is in its server, and who we are there."},
    {"ca.*.step", Shape::table, "As which provisioner we ask a CA of type step."},
    {"profile", Shape::named, "One SCEP endpoint: its paths, challenge mode, RA, CA and templates.", true},
    {"profile.*.challenge", Shape::table, "How clients show that they may enroll.", true},
    {"profile.*.templates", Shape::table, "Which template a request gets; chosen by its key usage, as NDES does.",
     true},
    {"challenge_issuer", Shape::named,
     "Who may sign challenges for profiles of mode \"signed\", an MDM for example, and for which names."},
    {"notification", Shape::named, "Who is told what happened, by signed HTTPS requests (docs/notifications.md)."},
    {"intune", Shape::named,
     "A tenant of Microsoft Intune that judges the challenges of profiles of mode \"intune\" (docs/intune.md)."},
    {"hook", Shape::named,
     "A policy hook: a program or web service of yours that has a say in what is enrolled, see docs/policy-hooks.md."},
    {"hook.*.webhook", Shape::table, "Where the hook is: type webhook."},
    {"hook.*.command", Shape::table, "The program that is the hook: type exec."},
    {"template", Shape::named, "What may be in a certificate. Nothing else of a request reaches the CA.", true},
    {"account", Shape::named, "Who may use the admin surfaces; NAME is the user name."},
    {"audit", Shape::table, "The audit log: one line of JSON for each decision."},
    {"log", Shape::table, "The operations log on standard error."},
};

void put_ntlm(void* section, const Value& value) {
    static_cast<SignInSettings*>(section)->ntlm = !std::get<std::string>(value).empty();
}

void put_plain_admin(void* section, const Value& value) {
    static_cast<ListenerSettings*>(section)->allow_plain_admin = !std::get<std::string>(value).empty();
}

using Pair = KeyPairSettings;
using Ra = RaSettings;
using Tls = TlsSettings;
using Lis = ListenerSettings;
using Sig = SignInSettings;
using Srv = ServerSettings;
using Ca = CaSettings;
using Con = CaConnectionSettings;
using Cmd = CaCommandSettings;
using Cmp = CaCmpSettings;
using Ejb = CaEjbcaSettings;
using Vau = CaVaultSettings;
using Stp = CaStepSettings;
using Cha = ChallengeSettings;
using Iss = ChallengeIssuerSettings;
using Hok = HookSettings;
using Web = HookWebhookSettings;
using Hcm = HookCommandSettings;
using Pro = ProfileSettings;
using Not = NotificationSettings;
using Int = IntuneSettings;
using Tpl = TemplateSettings;
using Acc = AccountSettings;

constexpr std::string_view pair_key_meaning =
    "Where the private key is: \"file:PATH\" (PEM, readable by its owner alone), \"credential:NAME\" or a \"pkcs11:\" "
    "URI (RFC 7512) with "
    "pin-source; never a PIN or a key itself.";

constexpr Key key_table[] = {
    {"", "directory", Kind::file, "", put<&Settings::directory>,
     "Relative paths in this file are below this directory. Absent: that of the file."},

    Key{"listener", "address", Kind::text, "", put<&Lis::address>,
        "\"HOST:PORT\", \"[IPV6]:PORT\", \"unix:/PATH\", or \"systemd:NAME\" for a socket that systemd passes. Port 0 "
        "takes a "
        "free port and logs it."}
        .needed(),
    Key{"listener", "serves", Kind::texts, "", put<&Lis::serves>,
        "What is reachable here. SCEP messages protect themselves; the admin surfaces carry passwords."}
        .among("scep,admin")
        .needed(),
    {"listener", "trusted_proxies", Kind::texts, "[]", put<&Lis::trusted_proxies>,
     "Addresses or CIDR blocks whose X-Forwarded-For and X-Forwarded-Proto are believed."},
    Key{"listener", "sign_in", Kind::texts, "[\"basic\"]", put<&Lis::sign_in>,
        "How administrators show who they are, in the order offered. Some clients take the first of Negotiate, NTLM "
        "and "
        "Basic that is offered and never fall back: offer them Basic alone."}
        .among("basic,negotiate,ntlm,certificate"),
    {"listener", "client_certificate_header", Kind::text, "", put<&Lis::client_certificate_header>,
     "Header in which the trusted proxies of this listener report a client's certificate: PEM with percent escapes "
     "(nginx: $ssl_client_escaped_cert) or base64 of its DER (HAProxy). Nobody else is believed."},
    {"listener", "client_certificate_ca", Kind::file, "", put<&Lis::client_certificate_ca>,
     "PEM certificates of the CAs of the clients in that header; we verify them again."},
    Key{"listener", "plain_http_admin", Kind::text, "", put_plain_admin,
        "Opens the admin surfaces over plain HTTP beyond loopback and trusted proxies. Only these very words do."}
        .among("i understand passwords travel in clear"),
    Key{"listener.tls", "certificate", Kind::file, "", put<&Tls::certificate>, "PEM chain of the server, leaf first."}
        .needed(),
    Key{"listener.tls", "key", Kind::file, "", put<&Tls::key>, "PEM private key, readable by its owner alone."}
        .needed()
        .guarded(),
    {"listener.tls", "client_ca", Kind::file, "", put<&Tls::client_ca>,
     "PEM certificates of the CAs of admin clients, who then need a certificate to connect at all, unless sign_in "
     "offers "
     "certificate among others. Not on a listener that serves scep: asking SCEP clients for a certificate breaks "
     "Windows "
     "and Apple."},

    {"sign_in", "realms", Kind::texts, "[]", put<&Sig::realms>,
     "Kerberos realms and NTLM domains whose users are the accounts of the same name, in any letter case. Every user "
     "of "
     "such a realm can take the name of an account there: list your own alone."},
    {"sign_in", "keytab", Kind::file, "", put<&Sig::keytab>,
     "Keytab of the service, readable by its owner alone; read anew at each use."},
    {"sign_in", "service", Kind::text, "", put<&Sig::service>,
     "The service principal, \"HTTP/HOST@REALM\". Absent: tickets for any key in the keytab are taken."},
    Key{"sign_in", "channel_binding", Kind::text, "\"when-offered\"", put<&Sig::channel_binding>,
        "Whether negotiate must be bound to our own TLS (Extended Protection). required: curl and some libraries send "
        "no binding and are refused. A wrong binding is refused unless the words stand here."}
        .among("required,when-offered,i understand sign-ins can be relayed"),
    Key{"sign_in", "ntlm", Kind::text, "", put_ntlm, "Allows sign_in to offer ntlm. Only these very words do."}.among(
        "i understand ntlm passwords can be guessed offline"),
    Key{"sign_in", "ntlm_users", Kind::file, "", put<&Sig::ntlm_users>,
        "Users of ntlm, a line DOMAIN:user:password for each, readable by its owner alone. Read anew at each sign-in; "
        "another file needs a restart."}
        .guarded(),
    Key{"sign_in", "ntlm_channel_binding", Kind::text, "\"required\"", put<&Sig::ntlm_channel_binding>,
        "Whether ntlm must be bound to our own TLS. With the words, clients that send no binding are let in; a wrong "
        "one "
        "is refused all the same."}
        .among("required,i understand sign-ins can be relayed"),

    Key{"server", "io_threads", Kind::number, "1", put<&Srv::io_threads>, "Threads that carry sockets."}.between(1, 64),
    Key{"server", "workers", Kind::number, "0", put<&Srv::workers>,
        "Threads for keys, tokens and the database. 0: four for each core, at least 8."}
        .between(0, 1024),
    Key{"server", "queue", Kind::number, "1024", put<&Srv::queue>,
        "Requests that may wait for a worker; more are answered 503 with Retry-After."}
        .between(1, 1000000, "requests"),
    Key{"server", "max_body_octets", Kind::number, "2097152", put<&Srv::max_body_octets>, "Longest request body."}
        .between(16 * kibibyte, 64 * mebibyte, "octets"),
    Key{"server", "max_request_line_octets", Kind::number, "65536", put<&Srv::max_request_line_octets>,
        "Longest request line. Clients without POST send whole messages in it; NDES takes 65534 octets."}
        .between(8 * kibibyte, mebibyte, "octets"),
    Key{"server", "max_connections", Kind::number, "10000", put<&Srv::max_connections>,
        "Open connections in all. When there are that many, the one that has waited longest for its client makes room."}
        .between(1, 1000000, "connections"),
    Key{"server", "max_connections_per_client", Kind::number, "1000", put<&Srv::max_connections_per_client>,
        "Open connections of one client address; trusted proxies and Unix sockets are not limited."}
        .between(1, 1000000, "connections"),
    Key{"server", "failures_per_client", Kind::number, "200", put<&Srv::failures_per_client>,
        "SCEP messages of one client address (IPv6: /64) that may fail at once; beyond, its messages get 429 with "
        "Retry-After. One is forgiven a second, and one for each certificate. Loopback is exempt. 0: no limit."}
        .between(0, 1000000, "messages"),
    Key{"server", "header_timeout", Kind::number, "10", put<&Srv::header_timeout>,
        "Time for a client to send its headers."}
        .between(1, 600, "seconds"),
    Key{"server", "body_timeout", Kind::number, "30", put<&Srv::body_timeout>, "Time for a client to send its body."}
        .between(1, 3600, "seconds"),
    Key{"server", "idle_timeout", Kind::number, "15", put<&Srv::idle_timeout>,
        "How long a connection may wait for its next request."}
        .between(1, 3600, "seconds"),
    Key{"server", "answer_timeout", Kind::number, "60", put<&Srv::answer_timeout>, "Time for our own answer; then 503."}
        .between(1, 3600, "seconds"),
    Key{"server", "drain_timeout", Kind::number, "30", put<&Srv::drain_timeout>,
        "How long requests in flight may take to finish after SIGTERM."}
        .between(0, 3600, "seconds"),

    Key{"store", "url", Kind::store_url, "\"sqlite:countersign.db\"", put<&StoreSettings::url>,
        "\"sqlite:PATH\", on a local disk, not on a network file system; or, for several nodes,"
        " \"postgresql://USER@HOST/DATABASE\" as libpq reads it, without a password: that belongs into its passfile"
        " (operations/high-availability.md)."},

    Key{"secrets", "pepper", Kind::file, "", put<&SecretsSettings::pepper>,
        "File of at least 32 random octets. It keys the MACs under which one-time passwords are stored; without it "
        "outstanding passwords are lost."}
        .needed()
        .guarded(),

    {"pkcs11", "module", Kind::file, "", put<&Pkcs11Settings::module>,
     "The PKCS#11 library of the token's vendor, for keys whose URI has no module-path. Absent: every module that "
     "p11-kit "
     "is configured with."},
    Key{"pkcs11", "sessions", Kind::number, "0", put<&Pkcs11Settings::sessions>,
        "Most sessions in use at a time per token. Throughput is sessions divided by the token's latency. 0: as many "
        "as "
        "server.workers."}
        .between(0, 1024, "sessions"),

    {"ra", "ca", Kind::text, "", put<&Ra::ca>,
     "Name of the [ca.NAME] that renews the two certificates. Absent: that of the first profile that uses this RA."},
    Key{"ra", "renew", Kind::text, "\"automatic\"", put<&Ra::renew>,
        "automatic: the daemon renews both certificates ahead of expiry. manual: only `countersign ra renew` does."}
        .among("automatic,manual"),
    Key{"ra", "renew_at_percent", Kind::number, "66", put<&Ra::renew_at_percent>,
        "How much of a certificate's life has passed when it is renewed."}
        .between(1, 99, "percent"),
    Key{"ra", "renew_key", Kind::text, "\"new\"", put<&Ra::renew_key>,
        "Whether renewed certificates are for new keys, made where the old ones are (the token, or files in "
        "directory), "
        "or for the same ones."}
        .among("new,same"),
    Key{"ra", "certificate_days", Kind::number, "730", put<&Ra::certificate_days>,
        "Life of a renewed certificate, as asked for; the CA may cut it, or go by a template of its own."}
        .between(1, 3650, "days"),
    Key{"ra", "overlap_days", Kind::number, "30", put<&Ra::overlap_days>,
        "How long after a rollover the keys before it still serve clients that remember them. 0: not at all."}
        .between(0, 3650, "days"),
    {"ra", "directory", Kind::file, "\"ra\"", put<&Ra::directory>,
     "Where rollovers are kept: NAME.json with the renewed certificates, and new keys in files. The daemon must be "
     "able "
     "to write there."},

    Key{"ra.*.encryption", "key", Kind::key, "", put<&Pair::key>, pair_key_meaning}.needed().guarded(),
    Key{"ra.*.encryption", "certificate", Kind::file, "", put<&Pair::certificate>, "PEM certificate of that key."}
        .needed(),
    {"ra.*.encryption", "template", Kind::text, "\"CEPEncryption\"", put<&Pair::template_name>,
     "What a CA that issues by template is asked for at renewal; its name there."},
    Key{"ra.*.agent", "key", Kind::key, "", put<&Pair::key>, pair_key_meaning}.needed().guarded(),
    Key{"ra.*.agent", "certificate", Kind::file, "", put<&Pair::certificate>, "PEM certificate of that key."}.needed(),
    {"ra.*.agent", "template", Kind::text, "\"EnrollmentAgentOffline\"", put<&Pair::template_name>,
     "What a CA that issues by template is asked for at renewal; its name there."},
    Key{"ra.*.previous_encryption", "key", Kind::key, "", put<&Pair::key>, pair_key_meaning}.needed().guarded(),
    Key{"ra.*.previous_encryption", "certificate", Kind::file, "", put<&Pair::certificate>,
        "PEM certificate of that key."}
        .needed(),

    Key{"ca", "type", Kind::text, "", put<&Ca::type>,
        "Which kind of CA this is. local: the embedded one. exec: a command, see docs/ca-exec.md. adcs-web and "
        "adcs-wstep: Microsoft's, through its web enrollment pages or its enrollment web service, see docs/ca-adcs.md. "
        "cmp: RFC 4210, see docs/ca-cmp.md. est: RFC 7030, see docs/ca-est.md. ejbca, vault (also OpenBao) and step: "
        "their own interfaces, see docs/ca-rest.md."}
        .among("local,exec,adcs-web,adcs-wstep,cmp,est,ejbca,vault,step")
        .needed(),
    Key{"ca", "key", Kind::key, "", put<&Ca::issuer, &Pair::key>,
        "Local: where the CA's private key is, \"file:PATH\" (PEM, readable by its owner alone) or a \"pkcs11:\" URI "
        "(RFC 7512) with pin-source; never a PIN or a key itself."}
        .guarded(),
    Key{"ca", "certificate", Kind::file, "", put<&Ca::issuer, &Pair::certificate>,
        "PEM certificate of the issuing CA. What another CA issued is delivered to nobody. Behind it may stand those "
        "of "
        "keys the CA had before, whose revocation lists still count for what they signed."}
        .needed(),
    {"ca", "chain", Kind::file, "", put<&Ca::chain>,
     "PEM certificates above the issuing CA, root last. Absent: it is the root."},
    {"ca", "successor", Kind::file, "", put<&Ca::successor>,
     "PEM certificates of the CA that takes over, offered by GetNextCACert. Absent: none is announced."},
    Key{"ca", "serial_secret", Kind::file, "", put<&Ca::serial_secret>,
        "Local: file of at least 32 random octets from which serial numbers are derived."}
        .guarded(),
    {"ca", "crl_urls", Kind::texts, "[]", put<&Ca::crl_urls>, "CRL distribution points written into certificates."},
    {"ca", "ca_issuers_urls", Kind::texts, "[]", put<&Ca::ca_issuers_urls>,
     "Where the CA certificate can be fetched; written into certificates."},
    {"ca", "crl_path", Kind::text, "", put<&Ca::crl_path>,
     "HTTP path on the scep listeners where the CRL is published. Absent: nowhere."},
    {"ca", "extended_key_usage", Kind::texts, "[]", put<&Ca::extended_key_usage>,
     "The only extended key usages this CA issues (names or dotted OIDs). Empty: any that its certificate allows."},
    Key{"ca", "max_validity_days", Kind::number, "825", put<&Ca::max_validity_days>,
        "Longest certificate this CA issues."}
        .between(1, 7300, "days"),
    Key{"ca", "crl_validity_hours", Kind::number, "168", put<&Ca::crl_validity_hours>, "How long a CRL is valid."}
        .between(1, 8784, "hours"),
    Key{"ca", "crl_refresh_hours", Kind::number, "12", put<&Ca::crl_refresh_hours>,
        "A CRL older than this is made again; a revocation makes a new one at once."}
        .between(1, 8784, "hours"),
    Key{"ca", "request_format", Kind::text, "\"pkcs7\"", put<&Ca::request_format>,
        "adcs and est: what is submitted. pkcs7: CMS SignedData over the client's PKCS#10, signed by the enrollment "
        "agent; not for est. cmc: a CMC full PKI request with the same signature (est: fullcmc). pkcs10: the client's "
        "request alone, for templates that demand no signature (est: simpleenroll, its default)."}
        .among("pkcs7,cmc,pkcs10"),
    {"ca", "policy_url", Kind::text, "", put<&Ca::policy_url>,
     "adcs: URL of the Certificate Enrollment Policy Web Service (CEP), "
     "\"https://HOST/ADPolicyProvider_CEP_Kerberos/service.svc/CEP\". `countersign check` asks it, signed in as "
     "ca.NAME.connection says, whether the templates demand our agent's signature. Absent: that is not looked at."},
    Key{"ca", "requests_at_once", Kind::number, "8", put<&Ca::requests_at_once>,
        "Not local: how many requests the CA gets at a time. Changes with a restart only."}
        .between(1, 256),
    Key{"ca", "queue", Kind::number, "1000", put<&Ca::queue>,
        "Not local: how many more wait for their turn; beyond that clients are told to come later."}
        .between(0, 100000),
    Key{"ca", "failures_to_open", Kind::number, "5", put<&Ca::failures_to_open>,
        "Not local: after so many failures in a row the CA is left alone for a while."}
        .between(1, 1000),
    Key{"ca", "pause_seconds", Kind::number, "10", put<&Ca::pause_seconds>,
        "Not local: how long; doubled with each failure after it, up to two minutes or this."}
        .between(1, 3600, "seconds"),
    Key{"ca", "poll_seconds", Kind::number, "30", put<&Ca::poll_seconds>,
        "Not local: how often the CA is asked about one request that it holds."}
        .between(1, 3600, "seconds"),
    Key{"ca", "clock_slack_minutes", Kind::number, "60", put<&Ca::clock_slack_minutes>,
        "Not local: how much earlier a certificate may begin, and longer it may last, than was approved."}
        .between(0, 10080, "minutes"),

    {"ca", "crl", Kind::texts, "[]", put<&Ca::crl>,
     "Not local: where the CA publishes its revocation lists, \"http://...\", \"https://...\" or a file. A certificate "
     "on "
     "one of them renews nothing, whoever revoked it. Several: of several keys or distribution points of the CA, or "
     "the "
     "same from several servers; all are fetched. Empty: a certificate that was revoked at the CA, and not through us, "
     "still renews. See docs/ca-revocation.md."},
    Key{"ca", "crl_refresh_minutes", Kind::number, "60", put<&Ca::crl_refresh_minutes>,
        "Not local: how often they are fetched; sooner when one is about to expire."}
        .between(1, 10080, "minutes"),
    {"ca", "crl_directory", Kind::file, "\"crl\"", put<&Ca::crl_directory>,
     "Not local: directory where the last lists are kept for a restart, made if need be. The daemon must be able to "
     "write there."},
    Key{"ca", "renewal_without_crl", Kind::text, "\"refuse\"", put<&Ca::renewal_without_crl>,
        "Not local: what becomes of renewals while crl is set and no current list is to be had. refuse: HTTP 503, "
        "clients come again. allow: our own ledger alone decides, and what was last known of the CA's."}
        .among("refuse,allow"),

    {"ca.*.connection", "url", Kind::text, "", put<&Con::url>,
     "adcs-web: \"https://HOST/certsrv\". adcs-wstep: that of the service, "
     "\"https://HOST/CA_CES_Kerberos/service.svc/CES\". cmp: where messages are posted; http:// is possible. est: "
     "\"https://HOST/.well-known/est\", with the CA's label if it has one. ejbca, vault, step: \"https://HOST:PORT\"."},
    Key{"ca.*.connection", "authentication", Kind::text, "\"none\"", put<&Con::authentication>,
        "How we sign in. negotiate: Kerberos. certificate: TLS client certificate. username-token: WS-Security, for "
        "adcs-wstep alone."}
        .among("none,basic,negotiate,certificate,username-token"),
    {"ca.*.connection", "user", Kind::text, "", put<&Con::user>, "User name: basic and username-token."},
    Key{"ca.*.connection", "password_file", Kind::file, "", put<&Con::password_file>,
        "File with the password, readable by its owner alone; a systemd credential will do."}
        .guarded(),
    {"ca.*.connection", "trust", Kind::file, "", put<&Con::trust>,
     "PEM certificates the server's TLS certificate must chain to. Absent: those of the system."},
    {"ca.*.connection", "client_certificate", Kind::file, "", put<&Con::client_certificate>,
     "PEM chain of our TLS client certificate."},
    Key{"ca.*.connection", "client_key", Kind::file, "", put<&Con::client_key>,
        "PEM private key of it, readable by its owner alone."}
        .guarded(),
    Key{"ca.*.connection", "keytab", Kind::file, "", put<&Con::keytab>,
        "negotiate: keytab of our account, readable by its owner alone; tickets are fetched and renewed from it. The "
        "same for all CAs. Changes with a restart only."}
        .guarded(),
    {"ca.*.connection", "credential_cache", Kind::file, "", put<&Con::credential_cache>,
     "negotiate, instead of keytab: a credential cache that somebody else keeps fresh."},
    {"ca.*.connection", "proxy", Kind::text, "", put<&Con::proxy>,
     "HTTP proxy URL. Absent: none, whatever the environment says."},
    Key{"ca.*.connection", "connect_seconds", Kind::number, "5", put<&Con::connect_seconds>,
        "Time for the connection and its TLS."}
        .between(1, 300, "seconds"),
    Key{"ca.*.connection", "answer_seconds", Kind::number, "60", put<&Con::answer_seconds>,
        "Time for the whole answer. Clients wait no longer than profile.NAME.hold_seconds."}
        .between(1, 3600, "seconds"),

    {"ca.*.command", "program", Kind::file, "", put<&Cmd::program>, "The program; no shell is involved."},
    {"ca.*.command", "arguments", Kind::texts, "[]", put<&Cmd::arguments>, "Its arguments."},
    {"ca.*.command", "environment", Kind::texts, "[]", put<&Cmd::environment>,
     "\"NAME=VALUE\": all of its environment beside PATH and LANG. No place for secrets: name files."},
    Key{"ca.*.command", "seconds", Kind::number, "60", put<&Cmd::seconds>,
        "After that it is killed with all it started, and what became of the request counts as unknown."}
        .between(1, 3600, "seconds"),

    Key{"ca.*.cmp", "protection", Kind::text, "\"signature\"", put<&Cmp::protection>,
        "How messages are protected. signature: by the enrollment agent's key, wherever it is. secret: by a password "
        "based MAC; answers must be protected by it too."}
        .among("signature,secret"),
    {"ca.*.cmp", "ra", Kind::text, "\"default\"", put<&Cmp::ra>, "signature: name of the [ra.NAME] whose agent signs."},
    {"ca.*.cmp", "responders", Kind::file, "", put<&Cmp::responders>,
     "signature: PEM certificates, one of which signs each answer. Absent: the CA itself does."},
    {"ca.*.cmp", "reference", Kind::text, "", put<&Cmp::reference>, "secret: its name at the CA (senderKID)."},
    Key{"ca.*.cmp", "secret_file", Kind::file, "", put<&Cmp::secret_file>,
        "secret: file that holds it, readable by its owner alone; a systemd credential will do."}
        .guarded(),

    {"ca.*.ejbca", "authority", Kind::text, "", put<&Ejb::authority>, "The CA's name in EJBCA."},
    {"ca.*.ejbca", "end_entity_profile", Kind::text, "", put<&Ejb::end_entity_profile>,
     "Name of the end entity profile. The certificate profile is template.NAME.ca_name."},

    {"ca.*.vault", "mount", Kind::text, "\"pki\"", put<&Vau::mount>,
     "Path of the PKI secrets engine. The role is template.NAME.ca_name."},
    {"ca.*.vault", "namespace", Kind::text, "", put<&Vau::namespace_path>, "Namespace it is in. Absent: none."},
    Key{"ca.*.vault", "token_file", Kind::file, "", put<&Vau::token_file>,
        "File with our token, readable by its owner alone; read anew at each use, so that an agent may renew it."}
        .guarded(),

    {"ca.*.step", "provisioner", Kind::text, "", put<&Stp::provisioner>, "Name of our provisioner, of type JWK."},
    Key{"ca.*.step", "key", Kind::key, "", put<&Stp::key>,
        "Its private key: \"file:PATH\" (PEM, readable by its owner alone) or a \"pkcs11:\" URI. P-256 or RSA."}
        .guarded(),
    {"ca.*.step", "key_id", Kind::text, "", put<&Stp::key_id>,
     "Its \"kid\" there. Absent: the thumbprint of the key (RFC 7638), as step-ca names keys."},

    Key{"profile", "paths", Kind::texts, "", put<&Pro::paths>,
        "HTTP paths of the SCEP endpoint, in any letter case. Each also answers with /pkiclient.exe appended and, when "
        "it "
        "ends in a .dll, at its directory."}
        .needed(),
    {"profile", "admin_paths", Kind::texts, "[]", put<&Pro::admin_paths>,
     "HTTP paths of the password page for administrators and MDMs (NDES: /certsrv/mscep_admin)."},
    {"profile", "ra", Kind::text, "\"default\"", put<&Pro::ra>, "Name of the [ra.NAME] that answers."},
    {"profile", "ca", Kind::text, "\"default\"", put<&Pro::ca>, "Name of the [ca.NAME] that issues."},
    Key{"profile", "ciphers", Kind::texts, "[\"AES-128-CBC\", \"AES-192-CBC\", \"AES-256-CBC\"]", put<&Pro::ciphers>,
        "Content ciphers accepted in requests; the reply uses that of its request. The DES ones are for old clients "
        "alone."}
        .among("AES-128-CBC,AES-192-CBC,AES-256-CBC,DES-EDE3-CBC,DES-CBC"),
    Key{"profile", "digests", Kind::texts, "[\"SHA-256\", \"SHA-384\", \"SHA-512\"]", put<&Pro::digests>,
        "Digests accepted in signatures of requests. SHA-1 is for old clients alone; replies never use it."}
        .among("SHA-256,SHA-384,SHA-512,SHA-1"),
    {"profile", "renewal", Kind::boolean, "true", put<&Pro::renewal>,
     "Accept renewals signed by a certificate issued through this profile, and say so in GetCACaps."},
    {"profile", "include_ca_in_reply", Kind::boolean, "false", put<&Pro::include_ca_in_reply>,
     "Put the CA certificate beside the new one in replies. Old Cisco VPN clients need it; Juniper and iOS refuse it."},
    Key{"profile", "unavailable_answer", Kind::text, "\"retry\"", put<&Pro::unavailable_answer>,
        "When the CA is away: HTTP 503, or PENDING so that the client polls."}
        .among("retry,pending"),
    Key{"profile", "hold_seconds", Kind::number, "15", put<&Pro::hold_seconds>,
        "How long a client waits for a CA that is not local before it is told to poll."}
        .between(0, 50, "seconds"),
    {"profile", "get_cert", Kind::boolean, "true", put<&Pro::get_cert>, "Answer GetCert and GetCRL."},
    {"profile", "hook", Kind::text, "", put<&Pro::hook>,
     "Name of the [hook.NAME] that is asked about each request. Absent: none."},

    Key{"profile.*.challenge", "mode", Kind::text, "", put<&Cha::mode>,
        "signed: a statement of a challenge_issuer about what may be enrolled (docs/signed-challenge.md). intune: "
        "Microsoft Intune judges what its own profile brought (docs/intune.md). one-time: a "
        "fresh password for each enrollment. single-password: one for everybody (NDES "
        "UseSinglePassword=1). none: "
        "no password at all (NDES EnforcePassword=0). The last two exist for migration and are warned about at each "
        "start."}
        .among("one-time,single-password,none,signed,intune")
        .needed(),
    Key{"profile.*.challenge", "bytes", Kind::number, "8", put<&Cha::bytes>,
        "Random octets of a one-time password, shown as twice as many hexadecimal digits (NDES PasswordLength)."}
        .between(8, 32, "octets"),
    Key{"profile.*.challenge", "valid_minutes", Kind::number, "60", put<&Cha::valid_minutes>,
        "How long a one-time password is good (NDES PasswordValidity)."}
        .between(1, 43200, "minutes"),
    Key{"profile.*.challenge", "max_outstanding", Kind::number, "10000", put<&Cha::max_outstanding>,
        "Unused one-time passwords kept at a time (NDES PasswordMax)."}
        .between(1, 1000000, "passwords"),
    Key{"profile.*.challenge", "burn_after_refusals", Kind::number, "5", put<&Cha::burn_after_refusals>,
        "A one-time password shown with this many requests that do not match what it was given for is burnt."}
        .between(1, 1000, "requests"),
    Key{"profile.*.challenge", "password_file", Kind::file, "", put<&Cha::password_file>,
        "File with the password of mode single-password."}
        .guarded(),
    Key{"profile.*.challenge", "also", Kind::texts, "[]", put<&Cha::also>,
        "Further kinds accepted beside mode. What a challenge looks like decides which kind it is, and that verdict "
        "stands: a broken signed challenge is never tried as a password."}
        .among("intune,one-time,single-password"),
    {"profile.*.challenge", "intune", Kind::text, "\"default\"", put<&Cha::intune>,
     "Name of the [intune.NAME] that judges challenges of mode intune."},
    Key{"profile.*.challenge", "key", Kind::key, "", put<&Cha::key>,
        "The key that signed challenges are encrypted to: RSA, or P-256 or P-384 in a file. `countersign challenge "
        "key` prints its public half for the issuers."}
        .guarded(),
    Key{"profile.*.challenge", "previous_key", Kind::key, "", put<&Cha::previous_key>,
        "The key before it, which still opens challenges after a rollover."}
        .guarded(),
    {"profile.*.challenge", "audience", Kind::text, "", put<&Cha::audience>,
     "What the claim \"aud\" of signed challenges must say. Absent: the profile's name."},

    Key{"profile.*.templates", "signature", Kind::text, "", put<&Pro::template_signature>,
        "Template for requests with key usage digitalSignature alone."}
        .needed(),
    Key{"profile.*.templates", "encryption", Kind::text, "", put<&Pro::template_encryption>,
        "Template for requests with key usage keyEncipherment alone."}
        .needed(),
    Key{"profile.*.templates", "general_purpose", Kind::text, "", put<&Pro::template_general_purpose>,
        "Template for requests with both, another or no key usage."}
        .needed(),

    Key{"challenge_issuer", "issuer", Kind::text, "", put<&Iss::issuer>, "What its claim \"iss\" says."}.needed(),
    Key{"challenge_issuer", "keys", Kind::file, "", put<&Iss::keys>,
        "Its public keys: PEM (public keys or certificates), a JWK or a JWK set. RSA from 2048 bits, P-256 or Ed25519. "
        "Several let it roll over; then every challenge must name its key (kid)."}
        .needed(),
    Key{"challenge_issuer", "profiles", Kind::texts, "", put<&Iss::profiles>, "Profiles it may sign challenges for."}
        .needed(),
    {"challenge_issuer", "templates", Kind::texts, "[]", put<&Iss::templates>,
     "Templates it may sign challenges for, one of which each challenge must name. Empty: all of the profile's."},
    Key{"challenge_issuer", "subject_patterns", Kind::texts, "", put<&Iss::subject_patterns>,
        "Shell patterns over the subject as text (\"CN=device-*,O=Example\"); one must match. \"**\": any subject."}
        .needed(),
    Key{"challenge_issuer", "san_patterns", Kind::texts, "", put<&Iss::san_patterns>,
        "Shell patterns over names as text (\"dns:*.example.com\"); each name must match one. \"*\": any name."}
        .needed(),
    Key{"challenge_issuer", "max_lifetime_minutes", Kind::number, "1440", put<&Iss::max_lifetime_minutes>,
        "Longest time from issue to expiry of a challenge."}
        .between(1, 43200, "minutes"),

    Key{"notification", "url", Kind::text, "", put<&Not::connection, &Con::url>,
        "Where they are posted: \"https://...\"."}
        .needed(),
    Key{"notification", "events", Kind::texts,
        "[\"issued\", \"failed\", \"pending\", \"held\", \"revoked\", \"expiring\"]", put<&Not::events>,
        "What is told. expiring: a certificate of the RA or CA comes near its end."}
        .among("issued,failed,pending,held,revoked,expiring"),
    {"notification", "profiles", Kind::texts, "[]", put<&Not::profiles>,
     "Profiles whose events are told. Empty: all. What belongs to no profile is told in any case."},
    Key{"notification", "secret", Kind::file, "", put<&Not::secret>,
        "File with the text that keys the signature of each request, at least 32 characters, readable by its owner "
        "alone; the receiver has it too."}
        .needed()
        .guarded(),
    Key{"notification", "give_up_hours", Kind::number, "72", put<&Not::give_up_hours>,
        "For how long delivery is tried; after that a notification is dead: `countersign notification list --state "
        "dead`."}
        .between(1, 8760, "hours"),
    {"notification", "trust", Kind::file, "", put<&Not::connection, &Con::trust>,
     "PEM certificates the server's TLS certificate must chain to. Absent: those of the system."},
    {"notification", "client_certificate", Kind::file, "", put<&Not::connection, &Con::client_certificate>,
     "PEM chain of our TLS client certificate. Absent: none."},
    Key{"notification", "client_key", Kind::file, "", put<&Not::connection, &Con::client_key>,
        "PEM private key of it, readable by its owner alone."}
        .guarded(),
    {"notification", "proxy", Kind::text, "", put<&Not::connection, &Con::proxy>,
     "HTTP proxy URL. Absent: none, whatever the environment says."},
    Key{"notification", "connect_seconds", Kind::number, "5", put<&Not::connection, &Con::connect_seconds>,
        "Time for the connection and its TLS."}
        .between(1, 60, "seconds"),
    Key{"notification", "answer_seconds", Kind::number, "10", put<&Not::connection, &Con::answer_seconds>,
        "Time for the whole answer."}
        .between(1, 60, "seconds"),

    Key{"intune", "tenant", Kind::text, "", put<&Int::tenant>,
        "The tenant's domain or id (\"example.onmicrosoft.com\")."}
        .needed(),
    Key{"intune", "client_id", Kind::text, "", put<&Int::client_id>,
        "Application (client) id of the app registration in Entra."}
        .needed(),
    Key{"intune", "secret", Kind::file, "", put<&Int::secret>,
        "File with its client secret, readable by its owner alone. Instead of certificate and key."}
        .guarded(),
    {"intune", "certificate", Kind::file, "", put<&Int::certificate>,
     "PEM certificate that was uploaded to the app registration. Instead of secret."},
    Key{"intune", "key", Kind::key, "", put<&Int::key>, "The private key of that certificate; RSA."}.guarded(),
    {"intune", "provider", Kind::text, "\"Countersign\"", put<&Int::provider>, "How we name ourselves to Intune."},
    {"intune", "authority", Kind::text, "\"https://login.microsoftonline.com\"", put<&Int::authority>,
     "Where tokens come from; national clouds have their own."},
    {"intune", "graph", Kind::text, "\"https://graph.microsoft.com\"", put<&Int::graph>,
     "Microsoft Graph, which says where the tenant's Intune services are."},
    {"intune", "resource", Kind::text, "\"https://api.manage.microsoft.com/\"", put<&Int::resource>,
     "What tokens for Intune are for; the scope is this and \"/.default\"."},
    {"intune", "service_application", Kind::text, "\"0000000a-0000-0000-c000-000000000000\"",
     put<&Int::service_application>, "Application id of Intune itself, whose service endpoints are asked for."},
    Key{"intune", "requests_at_once", Kind::number, "4", put<&Int::requests_at_once>,
        "Challenges judged by Intune at a time, at most half of server.workers; clients beyond that are told to come "
        "again. Changes with a restart only."}
        .between(1, 256),
    Key{"intune", "revocation_minutes", Kind::number, "0", put<&Int::revocation_minutes>,
        "How often Intune is asked what to revoke. 0: never."}
        .between(0, 1440, "minutes"),
    Key{"intune", "give_up_hours", Kind::number, "72", put<&Int::give_up_hours>,
        "For how long reporting to Intune is tried; see notification.NAME.give_up_hours."}
        .between(1, 8760, "hours"),
    {"intune", "trust", Kind::file, "", put<&Int::connection, &Con::trust>,
     "PEM certificates the servers' TLS certificates must chain to. Absent: those of the system."},
    {"intune", "proxy", Kind::text, "", put<&Int::connection, &Con::proxy>,
     "HTTP proxy URL. Absent: none, whatever the environment says."},
    Key{"intune", "connect_seconds", Kind::number, "5", put<&Int::connection, &Con::connect_seconds>,
        "Time for the connection and its TLS."}
        .between(1, 60, "seconds"),
    Key{"intune", "answer_seconds", Kind::number, "10", put<&Int::connection, &Con::answer_seconds>,
        "Time for the whole answer to one question; judging a challenge takes up to four when nothing is known yet."}
        .between(1, 60, "seconds"),

    Key{"hook", "type", Kind::text, "", put<&Hok::type>,
        "webhook: a signed POST to a URL for each question. exec: one run of a program for each, JSON in, JSON out."}
        .among("webhook,exec")
        .needed(),
    Key{"hook", "calls", Kind::texts, "[\"verify\"]", put<&Hok::calls>,
        "What it is asked. verify: each request that policy would let pass. generate: each one-time password that "
        "somebody wants. notify: what became of requests and certificates. What it must be asked and does not answer "
        "does not happen."}
        .among("verify,generate,notify"),
    Key{"hook", "seconds", Kind::number, "5", put<&Hok::seconds>,
        "Time for a whole answer; a question waits no longer than that for its turn either."}
        .between(1, 30, "seconds"),
    Key{"hook", "at_once", Kind::number, "8", put<&Hok::at_once>,
        "How many questions are on their way to it at a time. The daemon has as many workers more for it, and for the "
        "queue, as were configured at its start."}
        .between(1, 64),
    Key{"hook", "queue", Kind::number, "32", put<&Hok::queue>,
        "How many more wait for their turn; beyond that clients are told to come later."}
        .between(0, 256),
    Key{"hook", "failures_to_open", Kind::number, "5", put<&Hok::failures_to_open>,
        "After so many failures in a row it is left alone for a while, and its profiles enroll nobody meanwhile."}
        .between(1, 1000),
    Key{"hook", "pause_seconds", Kind::number, "10", put<&Hok::pause_seconds>,
        "How long; doubled with each failure after it, up to two minutes or this."}
        .between(1, 3600, "seconds"),

    {"hook.*.webhook", "url", Kind::text, "", put<&Web::url>,
     "\"https://HOST/PATH\"; plain http on this machine alone (127.0.0.1, [::1], localhost)."},
    Key{"hook.*.webhook", "secret", Kind::file, "", put<&Web::secret>,
        "File with the secret that signs questions (HMAC-SHA-256, as Standard Webhooks has it), readable by its owner "
        "alone: echo whsec_$(openssl rand -base64 32). Absent: they are not signed."}
        .guarded(),
    {"hook.*.webhook", "trust", Kind::file, "", put<&Web::trust>,
     "PEM certificates the server's TLS certificate must chain to. Absent: those of the system."},
    {"hook.*.webhook", "client_certificate", Kind::file, "", put<&Web::client_certificate>,
     "PEM chain of our TLS client certificate."},
    Key{"hook.*.webhook", "client_key", Kind::file, "", put<&Web::client_key>,
        "PEM private key of it, readable by its owner alone."}
        .guarded(),
    {"hook.*.webhook", "proxy", Kind::text, "", put<&Web::proxy>,
     "HTTP proxy URL. Absent: none, whatever the environment says."},
    Key{"hook.*.webhook", "connect_seconds", Kind::number, "2", put<&Web::connect_seconds>,
        "Time for the connection and its TLS, within seconds."}
        .between(1, 30, "seconds"),

    {"hook.*.command", "program", Kind::file, "", put<&Hcm::program>, "The program; no shell is involved."},
    {"hook.*.command", "arguments", Kind::texts, "[]", put<&Hcm::arguments>, "Its arguments."},
    {"hook.*.command", "environment", Kind::texts, "[]", put<&Hcm::environment>,
     "\"NAME=VALUE\": all of its environment beside PATH and LANG. No place for secrets: name files."},

    Key{"template", "key_usage", Kind::texts, "[]", put<&Tpl::key_usage>,
        "Key usage of the certificate. Empty: as requested, within digitalSignature and keyEncipherment."}
        .among("digitalSignature,contentCommitment,keyEncipherment,dataEncipherment,keyAgreement"),
    Key{"template", "extended_key_usage", Kind::texts, "", put<&Tpl::extended_key_usage>,
        "Extended key usages written into every certificate: clientAuth, serverAuth, emailProtection, ... or dotted "
        "OIDs."}
        .needed(),
    Key{"template", "validity_days", Kind::number, "365", put<&Tpl::validity_days>, "Life of a certificate."}.between(
        1, 7300, "days"),
    Key{"template", "backdate_minutes", Kind::number, "60", put<&Tpl::backdate_minutes>,
        "How far notBefore lies in the past: clocks of new devices are slow."}
        .between(0, 2880, "minutes"),
    Key{"template", "key_algorithms", Kind::texts, "[\"rsa\", \"p256\", \"p384\"]", put<&Tpl::key_algorithms>,
        "Key algorithms accepted."}
        .among("rsa,p256,p384"),
    Key{"template", "rsa_bits_min", Kind::number, "2048", put<&Tpl::rsa_bits_min>, "Smallest RSA key."}.between(
        2048, 8192, "bits"),
    Key{"template", "rsa_bits_max", Kind::number, "4096", put<&Tpl::rsa_bits_max>, "Largest RSA key."}.between(
        2048, 8192, "bits"),
    {"template", "blocked_keys", Kind::file, "", put<&Tpl::blocked_keys>,
     "File of keys that get no certificate, one a line: SHA-256 of the SubjectPublicKeyInfo (64 hexadecimal digits), "
     "or a line of Debian's openssl-blacklist (20). Read at the start and at a reload. Requests that wait already are "
     "not looked at again. Absent: none."},
    {"template", "subject_attributes", Kind::texts,
     "[\"CN\", \"O\", \"OU\", \"C\", \"ST\", \"L\", \"DC\", \"UID\", \"E\", \"serialNumber\", \"SN\", \"GN\", "
     "\"unstructuredName\", \"unstructuredAddress\"]",
     put<&Tpl::subject_attributes>, "Attribute types a subject may have."},
    {"template", "subject_patterns", Kind::texts, "[]", put<&Tpl::subject_patterns>,
     "Shell patterns over the subject as text (\"CN=*.example.com,O=Example\"); one must match. Empty: any subject."},
    {"template", "allow_empty_subject", Kind::boolean, "false", put<&Tpl::allow_empty_subject>,
     "Accept requests without a subject that have a subject alternative name."},
    Key{"template", "san_types", Kind::texts, "[\"dns\", \"email\", \"uri\", \"ip\", \"upn\"]", put<&Tpl::san_types>,
        "Kinds of subject alternative name accepted."}
        .among("dns,email,uri,ip,upn"),
    {"template", "san_patterns", Kind::texts, "[]", put<&Tpl::san_patterns>,
     "Shell patterns over names as text (\"dns:*.example.com\"); each name must match one. Empty: any name."},
    {"template", "allow_wildcard_dns", Kind::boolean, "false", put<&Tpl::allow_wildcard_dns>,
     "Accept dns names with a wildcard."},
    {"template", "security_identifier_uri", Kind::boolean, "false", put<&Tpl::security_identifier_uri>,
     "Accept the URI name that binds a certificate to an Active Directory account "
     "(tag:microsoft.com,2022-09-14:sid:)."},
    Key{"template", "max_sans", Kind::number, "20", put<&Tpl::max_sans>, "Most subject alternative names."}.between(
        0, 128, "names"),
    {"template", "renewal_allowed", Kind::boolean, "true", put<&Tpl::renewal_allowed>,
     "Certificates of this template may be renewed."},
    Key{"template", "renewal_window_days", Kind::number, "0", put<&Tpl::renewal_window_days>,
        "Renewal is possible only this long before expiry. 0: at any time."}
        .between(0, 7300, "days"),
    {"template", "renewal_allow_expired", Kind::boolean, "false", put<&Tpl::renewal_allow_expired>,
     "An expired certificate may still be renewed."},
    {"template", "renewal_allow_same_key", Kind::boolean, "true", put<&Tpl::renewal_allow_same_key>,
     "A renewal may keep its key, as NDES and many clients do."},
    {"template", "renewal_require_same_subject", Kind::boolean, "true", put<&Tpl::renewal_require_same_subject>,
     "Subject and names of a renewal equal those of the old certificate."},
    {"template", "hold_for_approval", Kind::boolean, "false", put<&Tpl::hold_for_approval>,
     "Hold each first enrollment until an officer approves it; the client polls."},
    {"template", "signer_key_must_match", Kind::boolean, "true", put<&Tpl::signer_key_must_match>,
     "The key that signs the message is the key in the request. False for clients that enroll for others."},
    {"template", "strict_extensions", Kind::boolean, "false", put<&Tpl::strict_extensions>,
     "Refuse a request that asks for an extension the certificate will not have, instead of leaving it out."},
    {"template", "ca_name", Kind::text, "", put<&Tpl::ca_name>,
     "What a CA that is not local calls this template: with AD CS its name, not its display name. Absent: as here."},

    Key{"account", "password_hash", Kind::text, "", put<&Acc::password_hash>,
        "What `countersign hash-password` prints: crypt(5), never the password. Absent: no password opens the account."}
        .guarded(),
    {"account", "principals", Kind::texts, "[]", put<&Acc::principals>,
     "Who this is to Kerberos (\"user@REALM\") and NTLM (\"DOMAIN\\\\user\"), in any letter case, beyond the users of "
     "sign_in.realms."},
    {"account", "certificates", Kind::texts, "[]", put<&Acc::certificates>,
     "SHA-256 fingerprints of the account's client certificates, with or without colons."},
    Key{"account", "roles", Kind::texts, "", put<&Acc::roles>,
        "device-administrator: fetches challenges. officer: approves, denies, revokes. auditor: reads."}
        .among("device-administrator,officer,auditor")
        .needed(),
    {"account", "profiles", Kind::texts, "[]", put<&Acc::profiles>, "Profiles the account works on. Empty: all."},
    {"account", "templates", Kind::texts, "[]", put<&Acc::templates>,
     "Templates a device administrator makes challenges for. Empty: all that the profile uses."},
    Key{"account", "max_outstanding", Kind::number, "5000", put<&Acc::max_outstanding>,
        "Unused challenges of this account at a time, so that one account cannot fill the profile. 0: no limit of its "
        "own."}
        .between(0, 1000000, "passwords"),

    {"audit", "file", Kind::file, "", put<&AuditSettings::file>,
     "Where audit events go. Absent: to the operations log alone."},
    {"audit", "sync", Kind::boolean, "true", put<&AuditSettings::sync>,
     "Force each event to the disk before its decision takes effect."},
    {"audit", "syslog", Kind::file, "", put<&AuditSettings::syslog>,
     "Datagram socket of syslog or journald that gets each event too, like /dev/log. What it does not take is not "
     "recorded, and does not happen."},
    Key{"audit", "key", Kind::key, "", put<&AuditSettings::key>,
        "Private key (URI) that signs checkpoints of the file, for `countersign audit verify`. Absent: none are made."}
        .guarded(),
    Key{"audit", "checkpoint_minutes", Kind::number, "10", put<&AuditSettings::checkpoint_minutes>,
        "How often a checkpoint is made while events come in; also at each start and stop."}
        .between(1, 1440, "minutes"),

    Key{"log", "level", Kind::text, "\"info\"", put<&LogSettings::level>, "Least important messages that are logged."}
        .among("debug,info,warning,error"),
    {"log", "requests", Kind::boolean, "true", put<&LogSettings::requests>, "Log one line for each HTTP request."},
};

}  // namespace

std::span<const Section> sections() {
    return section_table;
}
std::span<const Key> keys() {
    return key_table;
}

std::string shown_key(std::string_view section, std::string_view name) {
    if (section.empty()) return std::string(name);
    std::string key(section);
    for (const Section& known : section_table) {
        // "ca" stands for [ca.NAME]: a named section's own keys lie one level deeper.
        if (known.path == section && known.shape == Shape::named) key += ".NAME";
    }
    if (const auto star = key.find('*'); star != std::string::npos) key.replace(star, 1, "NAME");
    if (!name.empty()) key += "." + std::string(name);
    return key;
}

}  // namespace countersign::config
