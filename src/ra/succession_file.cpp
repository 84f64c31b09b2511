// The succession as JSON in a file that is replaced as a whole.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "countersign/core/file.hpp"
#include "countersign/crypto/encoding.hpp"
#include "countersign/ra/succession.hpp"

namespace countersign::ra {
namespace {

using nlohmann::json;

constexpr std::size_t largest_file = 4 * 1024 * 1024;
constexpr int format = 1;

Error trouble(const std::filesystem::path& path, int error) {
    return fail::unavailable(path.string() + ": " + std::error_code(error, std::system_category()).message());
}

json to_json(const Identity& identity) {
    return {{"key", identity.key}, {"certificate", identity.certificate.pem()}};
}

json to_json(const Renewal& renewal) {
    json value{{"role", name(renewal.role)}, {"key", renewal.key},
               {"id", renewal.id},           {"request", crypto::base64(renewal.request)},
               {"plan", renewal.plan},       {"submitted", renewal.submitted},
               {"handle", renewal.handle},   {"submitted_at", to_milliseconds(renewal.submitted_at)}};
    if (renewal.issued) value["issued"] = renewal.issued->pem();
    return value;
}

json to_json(const Rollover& rollover) {
    json renewals = json::array();
    for (const auto& one : rollover.renewals) renewals.push_back(to_json(one));
    return {{"renewals", renewals},
            {"asked_by", rollover.asked_by},
            {"started", to_milliseconds(rollover.started)},
            {"tries", rollover.tries},
            {"next_try", to_milliseconds(rollover.next_try)},
            {"trouble", rollover.trouble}};
}

Time time_of(const json& value) {
    return from_milliseconds(value.get<std::int64_t>());
}

Result<Role> role_of(const std::string& text) {
    for (const auto role : {Role::agent, Role::encryption}) {
        if (name(role) == text) return role;
    }
    return fail::malformed("no role of an RA: " + text);
}

Result<Identity> read_identity(const json& value) {
    TRY(auto certificate, crypto::Certificate::from_pem(value.at("certificate").get<std::string>()));
    return Identity{value.at("key").get<std::string>(), std::move(certificate)};
}

Result<Renewal> read_renewal(const json& value) {
    Renewal renewal;
    TRY(renewal.role, role_of(value.at("role").get<std::string>()));
    renewal.key = value.at("key").get<std::string>();
    renewal.id = value.at("id").get<std::string>();
    TRY(renewal.request, crypto::from_base64(value.at("request").get<std::string>()));
    renewal.plan = value.at("plan").get<std::string>();
    renewal.submitted = value.at("submitted").get<bool>();
    renewal.handle = value.at("handle").get<std::string>();
    // Files of versions that did not write it: not before now, as far as anybody knows.
    renewal.submitted_at = value.contains("submitted_at") ? time_of(value.at("submitted_at")) : SystemClock().now();
    if (value.contains("issued")) {
        TRY(auto issued, crypto::Certificate::from_pem(value.at("issued").get<std::string>()));
        renewal.issued = std::move(issued);
    }
    return renewal;
}

Result<Rollover> read_rollover(const json& value) {
    Rollover rollover;
    for (const auto& entry : value.at("renewals")) {
        TRY(auto renewal, read_renewal(entry));
        rollover.renewals.push_back(std::move(renewal));
    }
    rollover.asked_by = value.at("asked_by").get<std::string>();
    rollover.started = time_of(value.at("started"));
    rollover.tries = value.at("tries").get<unsigned>();
    rollover.next_try = time_of(value.at("next_try"));
    rollover.trouble = value.at("trouble").get<std::string>();
    return rollover;
}

Result<void> read_heirs(const json& value, Succession& succession) {
    for (const auto& [text, entry] : value.items()) {
        TRY(const auto role, role_of(text));
        TRY(auto identity, read_identity(entry));
        succession.heirs.emplace(role, Heir{std::move(identity), entry.at("origin").get<std::string>()});
    }
    return boost::system::in_place_value;
}

Result<void> read_retired(const json& value, Succession& succession) {
    for (const auto& entry : value) {
        Retired retired;
        retired.at = time_of(entry.at("at"));
        for (const auto& [text, identity] : entry.at("identities").items()) {
            TRY(const auto role, role_of(text));
            TRY(auto one, read_identity(identity));
            retired.identities.emplace(role, std::move(one));
        }
        succession.retired.push_back(std::move(retired));
    }
    return boost::system::in_place_value;
}

Result<Succession> read_value(const json& value) {
    if (value.at("format").get<int>() != format) return fail::malformed("it was written by another version");
    Succession succession;
    succession.revision = value.at("revision").get<std::uint64_t>();
    CHECK(read_heirs(value.at("in_force"), succession));
    CHECK(read_retired(value.at("retired"), succession));
    if (value.contains("rollover")) {
        TRY(succession.rollover, read_rollover(value.at("rollover")));
    }
    if (value.contains("last")) {
        const auto& last = value.at("last");
        succession.last =
            LastOutcome{last.at("success").get<bool>(), time_of(last.at("at")), last.at("detail").get<std::string>()};
    }
    return succession;
}

}  // namespace

std::string write_succession(const Succession& succession) {
    json heirs = json::object();
    for (const auto& [role, heir] : succession.heirs) {
        auto entry = to_json(heir.identity);
        entry["origin"] = heir.origin;
        heirs[std::string(name(role))] = std::move(entry);
    }
    json retired = json::array();
    for (const auto& one : succession.retired) {
        json identities = json::object();
        for (const auto& [role, identity] : one.identities) identities[std::string(name(role))] = to_json(identity);
        retired.push_back({{"at", to_milliseconds(one.at)}, {"identities", std::move(identities)}});
    }
    json value{{"format", format}, {"revision", succession.revision}, {"in_force", heirs}, {"retired", retired}};
    if (succession.rollover) value["rollover"] = to_json(*succession.rollover);
    if (const auto& last = succession.last) {
        value["last"] = {{"success", last->success}, {"at", to_milliseconds(last->at)}, {"detail", last->detail}};
    }
    return value.dump(1, ' ', true, json::error_handler_t::replace) + "\n";
}

Result<Succession> read_succession(std::string_view text) {
    try {
        return read_value(json::parse(text));
    } catch (const json::exception& error) {
        return fail::malformed(error.what());
    }
}

SuccessionFile::SuccessionFile(const std::filesystem::path& directory, const std::string& ra_name)
    : path_(directory / (ra_name + ".json")) {}

Result<Succession> SuccessionFile::read() const {
    const auto text = read_whole_file(path_, largest_file);
    if (!text && text.error().kind == ErrorKind::not_found) return Succession{};
    if (!text) return text.error();
    auto succession = read_succession(as_text(*text));
    if (!succession) return within(path_.string(), succession.error());
    return succession;
}

Result<void> SuccessionFile::write(const Succession& succession) const {
    return replace_file(path_, as_bytes(write_succession(succession)));
}

Result<std::unique_ptr<SuccessionFile::Lock>> SuccessionFile::lock() const {
    auto path = path_;
    path.replace_extension(".lock");
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file.get() < 0) return trouble(path, errno);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return std::make_unique<Lock>(file.release());
    if (errno == EWOULDBLOCK) return fail::conflict("another process is at work on " + path_.string());
    return trouble(path, errno);
}

SuccessionFile::Lock::~Lock() {
    ::close(descriptor_);
}

}  // namespace countersign::ra
