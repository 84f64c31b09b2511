// An RA whose certificates are renewed: a Station, keys on a shelf, and what is in force read anew before each try, as
// the daemon does.
#pragma once

#include "countersign/ra/renewer.hpp"
#include "station.hpp"

#include <map>

namespace countersign::test {

// Keys by URI; new ones come from the pool, for making RSA keys is slow.
class KeyShelf final : public keys::KeySource {
public:
    std::map<std::string, std::shared_ptr<keys::Key>, std::less<>> keys;
    std::size_t next = 20;

    Result<std::shared_ptr<keys::Key>> open(std::string_view uri) override {
        const auto found = keys.find(uri);
        if (found == keys.end()) return fail::not_found(std::string(uri) + ": no such key");
        return found->second;
    }
    Result<std::shared_ptr<keys::Key>> generate(std::string_view uri, keys::GeneratedKey, keys::KeyUse,
                                                Random&) override {
        if (keys.contains(uri)) return fail::conflict("it exists");
        return keys[std::string(uri)] = pooled_key(next++);
    }
    Result<void> probe() override { return boost::system::in_place_value; }
    void close() override {}
};

class Rollovers : public testing::Test {
protected:
    Rollovers() {
        shelf.keys["file:agent.key"] = station.profile->agent->identity().key;
        shelf.keys["file:encryption.key"] = station.profile->decryption_keys.front().key;
        configured = {
            {ra::Role::agent, {"file:agent.key", station.profile->agent->identity().certificate}},
            {ra::Role::encryption, {"file:encryption.key", station.profile->decryption_keys.front().certificate}}};
        rules.templates = {{ra::Role::agent, "Agent"}, {ra::Role::encryption, "Encryption"}};
    }

    ra::SuccessionFile file() const { return {station.directory, "default"}; }
    ra::Succession succession() const { return must(file().read()); }

    ra::RaInService service() {
        const auto now = succession();
        ra::RaInService made;
        made.name = made.ca_name = "default";
        made.backend = station.backend;
        made.configured = configured;
        for (const auto& [role, identity] : configured)
            made.identities.emplace(role, ra::in_force(now, role, identity));
        const auto& agent = made.identities.at(ra::Role::agent);
        made.agent = std::make_shared<ra::Agent>(scep::ReplySigner{agent.certificate, must(shelf.open(agent.key))});
        made.revision = now.revision;
        made.rules = rules;
        made.directory = station.directory;
        made.key_directory = "ra";
        return made;
    }
    ra::Renewer renewer() {
        return ra::Renewer({station.database->issued(), station.audit, shelf, station.clock, station.random,
                            [this](std::string_view point) {
                                if (on_reach) on_reach(point);
                            }});
    }
    Result<ra::RenewalReport> advance(const std::optional<ra::RenewalWish>& wish = std::nullopt) {
        return renewer().advance(service(), wish);
    }
    ra::RenewalStep step(const std::optional<ra::RenewalWish>& wish = std::nullopt) { return must(advance(wish)).step; }
    ra::RenewalWish both(bool new_key = true) const {
        return {{ra::Role::agent, ra::Role::encryption}, new_key, "operator"};
    }
    // Whatever happened: each pair in force belongs together.
    void expect_matching_pairs() {
        for (const auto& [role, identity] : service().identities) {
            const auto key = shelf.open(identity.key);
            ASSERT_TRUE(key) << identity.key;
            EXPECT_EQ((*key)->public_key(), identity.certificate.public_key());
        }
    }
    void make_due() { station.clock.advance(std::chrono::days{300}); }
    void pass_pause() { station.clock.advance(std::chrono::hours{2}); }

    Station station;
    KeyShelf shelf;
    ra::Identities configured;
    ra::RenewalRules rules;
    ra::CrashPoint on_reach;
};

}  // namespace countersign::test
