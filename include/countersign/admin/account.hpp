// Who may use the admin surfaces, and for what. Immutable values; share them among threads.
#pragma once

#include "countersign/core/bytes.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::admin {

enum class Role {
    device_administrator,  // mints challenges, sees and revokes those of the account's own profiles
    officer,               // approves, denies, revokes
    auditor,               // reads
};
std::string_view name(Role role);                                // "device-administrator"
std::set<Role> roles_from(const std::vector<std::string>& names);  // names that are none are left out: the schema refused them

struct Account {
    std::string name;
    std::string password_hash;              // empty: no password opens it
    std::set<Role> roles;
    std::vector<std::string> profiles;      // empty: all
    std::vector<std::string> templates;     // device administrators mint for these alone; empty: all of the profile's
    std::vector<std::string> principals;    // Kerberos "user@REALM" or NTLM "DOMAIN\user", any letter case
    std::vector<std::string> certificates;  // SHA-256 fingerprints of client certificates, hexadecimal
    std::size_t max_outstanding = 0;        // challenges minted and unused at a time; 0: no limit of its own

    bool is(Role role) const { return roles.contains(role); }
    bool works_on(std::string_view profile) const;
    bool mints_for(std::string_view profile) const { return is(Role::device_administrator) && works_on(profile); }
};

class Accounts {
public:
    // `realms`: Kerberos realms and NTLM domains whose users are the accounts of the same name.
    Accounts(std::vector<Account> accounts, std::vector<std::string> realms);

    // As people type it for a password: "user", "user@domain" or "DOMAIN\user" in any letter case. A name that is an account in
    // full wins; else the domain is only decoration, because the password is ours. Null: nobody.
    std::shared_ptr<const Account> by_user_name(std::string_view typed) const;
    // As Kerberos or NTLM proved it: one of an account's principals, or a user of one of the realms. Null: nobody.
    std::shared_ptr<const Account> by_principal(std::string_view principal) const;
    // By the SHA-256 of the certificate's DER. Null: nobody.
    std::shared_ptr<const Account> by_certificate(ByteView der) const;

private:
    using Index = std::map<std::string, std::shared_ptr<const Account>, std::less<>>;
    static std::shared_ptr<const Account> find(const Index& index, std::string_view key);

    Index by_name_;
    Index by_principal_;
    Index by_fingerprint_;
    std::set<std::string, std::less<>> realms_;  // lower case
};

// "user@DOMAIN" and "DOMAIN\user" taken apart; domain empty when there is none.
struct UserName {
    std::string_view user;
    std::string_view domain;
};
UserName take_apart(std::string_view typed);

}  // namespace countersign::admin
