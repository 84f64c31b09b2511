#include "station.hpp"

#include "countersign/crypto/digest.hpp"
#include "countersign/crypto/oid.hpp"
#include "countersign/scep/capabilities.hpp"
#include "countersign/store/ledger_entry.hpp"

#include <algorithm>
#include <map>

namespace countersign::test {
namespace {

std::shared_ptr<keys::Key> new_key() {
    return must(keys::key_from_pem(must(keys::generate_private_key_pem(keys::GeneratedKey::rsa2048)), "test key"));
}

constexpr std::size_t ca_key_index = 1000;
constexpr std::size_t agent_key_index = 1001;
constexpr std::size_t encryption_key_index = 1002;

crypto::Certificate root(Random& random, Time now) {
    ca::NewCaOptions options;
    options.subject = "CN=Test CA,O=Example";
    return must(ca::make_root_certificate(options, *pooled_key(ca_key_index), now, random));
}

policy::Template device_template() {
    policy::Template rules;
    rules.name = "device";
    rules.extended_key_usage = {std::string(oid::client_auth)};
    return rules;
}

std::filesystem::path make_directory(Random& random) {
    auto path = std::filesystem::temp_directory_path() / ("countersign-ra-" + lower_hex(random.bytes(8)));
    std::filesystem::create_directories(path);
    return path;
}

}  // namespace

std::shared_ptr<keys::Key> pooled_key(std::size_t index) {
    static std::mutex mutex;
    static std::map<std::size_t, std::shared_ptr<keys::Key>> pool;
    const std::lock_guard lock(mutex);
    auto& key = pool[index >= ca_key_index ? index : index % 6];
    if (!key) key = new_key();
    return key;
}

Result<void> MemorySink::record(const audit::Event& event) {
    const std::lock_guard lock(mutex_);
    if (broken_for(event.id)) return fail::unavailable("the disk is full");
    lines_.emplace_back(std::string(event.id), audit::to_json_line(event, clock_.now()));
    return boost::system::in_place_value;
}

std::size_t MemorySink::count(std::string_view id) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count_if(lines_, [&](const auto& line) { return line.first == id; }));
}

std::string MemorySink::last() const {
    const std::lock_guard lock(mutex_);
    return lines_.empty() ? "" : lines_.back().second;
}

std::string MemorySink::all() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& [id, line] : lines_) text += line + "\n";
    return text;
}

Station::Station() : ca_certificate(root(random, clock.now())) {
    directory = make_directory(random);
    store::DatabaseOptions store_options;
    store_options.url = "sqlite:" + (directory / "test.db").string();
    must(store::Database::migrate(store_options));
    database = must(store::Database::open(store_options));

    ca_key = pooled_key(ca_key_index);
    const Secret serial_secret(random.bytes(32));
    ca::LocalCaOptions ca_options{"default", ca_certificate, {}, {}, {}, {}, {}};
    local_ca = must(ca::LocalCa::create(ca_options, ca_key, serial_secret.duplicate(), database->issued(), clock));
    backend = std::make_shared<ScriptedBackend>(*local_ca);

    const auto ra_certificate = [&](ca::RaRole role, std::size_t index) {
        auto certificate =
            must(ca::make_ra_certificate(role, "CN=Test RA", pooled_key(index)->public_key(), std::chrono::days{365},
                                         ca_certificate, *ca_key, {}, clock.now(), random));
        must(database->issued().insert(store::ledger_entry(certificate, "default", "ra")));
        return certificate;
    };
    challenge::OneTimeOptions otp;
    otp.profile = "default";
    passwords =
        std::make_shared<challenge::OneTimePasswords>(otp, Secret(random.bytes(32)), database->challenges(), random);

    profile = std::make_shared<ra::Profile>();
    profile->name = "default";
    profile->decryption_keys.push_back(
        {ra_certificate(ca::RaRole::encryption, encryption_key_index), pooled_key(encryption_key_index)});
    profile->agent = std::make_shared<ra::Agent>(
        scep::ReplySigner{ra_certificate(ca::RaRole::agent, agent_key_index), pooled_key(agent_key_index)});
    profile->verifier = passwords;
    profile->ca_name = "default";
    profile->backend = backend;
    profile->ca_chain = local_ca->chain();
    profile->templates.emplace("device", device_template());
    profile->template_signature = profile->template_encryption = profile->template_general_purpose = "device";
    profile->substitute_secret = Secret(random.bytes(32));
    enrollment = std::make_unique<ra::Enrollment>(ra::EnrollmentParts{
        database->transactions(), database->issued(), database->holds(), audit, clock, random, [this](std::string_view point) {
            if (on_reach) on_reach(point);
        }});
}

Station::~Station() {
    enrollment.reset();
    profile.reset();
    passwords.reset();
    backend.reset();
    local_ca.reset();
    database.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
}

Device Station::device(const std::string& subject) {
    static std::atomic<std::size_t> next{0};
    Device device;
    device.key = pooled_key(next++);
    device.signer =
        must(scep::self_signed_signer(must(crypto::Name::from_text(subject)), *device.key, clock.now(), random));
    device.transaction_id = upper_hex(random.bytes(16));
    return device;
}

std::string Station::mint(const challenge::Binding& binding) {
    return std::string(must(passwords->issue(binding, std::nullopt, "test", clock.now())).value.reveal_text());
}

Bytes Station::request_der(const Device& device, const MessageOptions& options) {
    auto& key = options.request_key ? *options.request_key : *device.key;
    crypto::RequestContent content;
    content.subject = must(crypto::Name::from_text(options.subject));
    content.spki = to_bytes(key.public_key().spki());
    if (options.challenge) content.challenge_password = *options.challenge;
    content.extensions = options.extensions;
    content.scheme = key.public_key().scheme_with(crypto::DigestAlgorithm::sha256);
    const auto sign = [&](ByteView octets) { return key.sign(content.scheme, octets); };
    return to_bytes(must(crypto::build_request(content, sign)).der());
}

Bytes Station::envelop(const Device& device, const std::string& type, Bytes content) {
    scep::ClientMessage message;
    message.message_type = type;
    message.transaction_id = device.transaction_id;
    message.sender_nonce = random.bytes(16);
    message.content = std::move(content);
    return must(scep::build_client_message(message, profile->decryption_keys.front().certificate, *device.signer,
                                           *device.key, clock.now(), random));
}

Bytes Station::message(const Device& device, const MessageOptions& options) {
    return envelop(device, options.message_type, request_der(device, options));
}

scep::CertRep Station::read(const Device& device, ByteView reply) {
    return must(scep::read_cert_rep(reply, {profile->agent->identity().certificate}, *device.signer, *device.key));
}

crypto::Certificate Station::enroll(const Device& device, const MessageOptions& options) {
    const auto reply = exchange(device, message(device, options));
    if (reply.certificates.empty()) throw std::runtime_error("no certificate: " + audit.all());
    return reply.certificates.front();
}

std::size_t Station::certificates() const {
    store::IssuedFilter filter;
    filter.limit = 100000;
    const auto all = must(database->issued().list(filter));
    return static_cast<std::size_t>(
        std::ranges::count_if(all, [](const auto& entry) { return entry.kind == "enroll" || entry.kind == "renew"; }));
}

}  // namespace countersign::test
