// Building a Wiring step by step while collecting findings: each step returns nothing when it failed, having said why.
#pragma once

#include "countersign/app/wire.hpp"
#include "countersign/keys/key.hpp"
#include "notifications.hpp"

#include <optional>
#include <set>

namespace countersign::app {

class Assembly {
public:
    Assembly(const config::Settings& settings, const SharedParts& parts) : settings_(settings), parts_(parts) {}
    Wiring build();
    // One CA by itself.
    Result<std::shared_ptr<ca::Backend>> open_backend(const std::string& name, const config::CaSettings& ca);

private:
    struct Pair {
        std::shared_ptr<keys::Key> key;
        crypto::Certificate certificate;
    };
    struct Identity {
        std::shared_ptr<const ra::Agent> agent;
        std::vector<scep::DecryptionKey> decryption;           // current first
        std::vector<std::shared_ptr<const ra::Agent>> of_old;  // beside decryption; ra::Profile::agents_of_old
    };

    // assembly.cpp
    void build_hooks();
    void build_backend(const std::string& name, const config::CaSettings& ca);
    void build_revocations(const std::string& name, const config::CaSettings& ca);
    void check_revocations(const config::ProfileSettings& settings, const ra::Profile& profile);
    void build_profile(const config::ProfileSettings& profile);
    void build_templates(ra::Profile& profile);
    // The file of a template's blocked keys, read once however many templates of however many profiles name it.
    Result<std::shared_ptr<const policy::BlockedKeys>> blocked_keys_in(const std::string& file);
    std::optional<Identity> identity_of(const config::RaSettings& ra, const ra::RaInService& service,
                                        const config::ProfileSettings& profile,
                                        const std::vector<crypto::Certificate>& chain);
    std::optional<Pair> key_pair(const config::KeyPairSettings& pair, std::string_view what);
    std::optional<Pair> key_pair_of(const config::KeyPairSettings& pair, const ra::Identity& identity,
                                    std::string_view what);
    void check_certificate(const config::KeyPairSettings& pair, const crypto::Certificate& certificate,
                           crypto::KeyUsage needed, std::string_view what,
                           const std::vector<crypto::Certificate>& chain);
    void check_key_use(const config::KeyPairSettings& pair, const keys::Key& key, keys::KeyUse use);
    void check_recorded_agent(const config::KeyPairSettings& pair, const std::string& ca,
                              const crypto::Certificate& agent);
    std::vector<crypto::Certificate> certificates_in(const std::filesystem::path& file, const config::Place& place);

    // ra_assembly.cpp: which certificates of an RA are in force, and which still overlap
    std::shared_ptr<ra::RaInService> ra_in_service(const std::string& name);
    std::optional<ra::Identities> configured_identities(const config::RaSettings& ra);
    void add_overlap(const config::RaSettings& ra, const ra::RaInService& service, Identity& identity);
    void check_renewal(const config::RaSettings& ra, const ra::RaInService& service);
    // Issuing CA first, root last, of a CA whose key is not here. denied: it was said what is wrong.
    Result<std::vector<crypto::Certificate>> anchors_of(const config::CaSettings& ca);

    // wire.cpp: the only names of adapters
    Result<std::shared_ptr<ca::RevocationLists>> open_revocations(const std::string& name,
                                                                  const config::CaSettings& ca);
    Result<std::shared_ptr<keys::Key>> open_key(const std::string& uri);
    struct CaKind;
    Result<std::shared_ptr<ca::Backend>> open_local_ca(const std::string& name, const config::CaSettings& ca);
    Result<std::shared_ptr<ca::Backend>> open_command_ca(const std::string& name, const config::CaSettings& ca);
    Result<std::shared_ptr<ca::Backend>> open_adcs_web_enrollment(const std::string& name,
                                                                  const config::CaSettings& ca);
    Result<std::shared_ptr<ca::Backend>> open_adcs_web_service(const std::string& name, const config::CaSettings& ca);
    Result<std::shared_ptr<ca::Backend>> open_cmp(const std::string& name, const config::CaSettings& ca);
    Result<std::shared_ptr<ca::Backend>> open_est(const std::string& name, const config::CaSettings& ca);
    Result<std::shared_ptr<ca::Backend>> open_ejbca(const std::string& name, const config::CaSettings& ca);
    Result<std::shared_ptr<ca::Backend>> open_vault(const std::string& name, const config::CaSettings& ca);
    Result<std::shared_ptr<ca::Backend>> open_step(const std::string& name, const config::CaSettings& ca);
    Result<std::shared_ptr<challenge::Verifier>> open_verifier(const config::ProfileSettings& profile);
    Result<std::shared_ptr<challenge::Verifier>> open_verifier_of_kind(const config::ProfileSettings& profile,
                                                                       std::string_view kind);

    // notifications.cpp
    void build_receivers();
    Result<std::shared_ptr<notify::Receiver>> open_webhook(const config::NotificationSettings& settings);
    Result<std::shared_ptr<const IntuneTenant>> intune_tenant(const std::string& name);
    Result<std::shared_ptr<challenge::Verifier>> open_intune_verifier(const config::ProfileSettings& profile);

    // signed_challenges.cpp
    Result<std::shared_ptr<challenge::Verifier>> open_signed_verifier(const config::ProfileSettings& profile);

    template <class T>
    std::optional<T> note(const config::Place& place, Result<T> result, std::string remedy) {
        if (result) return *std::move(result);
        error(place, result.error().detail, std::move(remedy));
        return std::nullopt;
    }
    void error(const config::Place& place, std::string problem, std::string remedy);
    void warning(const config::Place& place, std::string problem, std::string remedy);

    const config::Settings& settings_;
    SharedParts parts_;
    std::optional<Secret> pepper_;
    std::map<std::string, std::shared_ptr<ra::RaInService>> services_;
    std::set<std::string> warned_cas_;                                                // that renew by the ledger alone
    std::map<std::string, std::shared_ptr<const policy::BlockedKeys>> blocked_keys_;  // by file
    Wiring wiring_;
};

}  // namespace countersign::app
