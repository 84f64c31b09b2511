#include "countersign/admin/account.hpp"

#include "countersign/crypto/digest.hpp"

#include <gtest/gtest.h>

namespace countersign::admin {
namespace {

Account account_called(std::string name) {
    Account account;
    account.name = std::move(name);
    return account;
}

std::string name_of(const std::shared_ptr<const Account>& account) {
    return account ? account->name : "nobody";
}

TEST(Accounts, AreFoundByWhatPeopleTypeForAPassword) {
    const Accounts accounts({account_called("Alice"), account_called("bob@corp.example"), account_called("bob")}, {});
    EXPECT_EQ(name_of(accounts.by_user_name("alice")), "Alice");
    EXPECT_EQ(name_of(accounts.by_user_name("ALICE@any.example")), "Alice");
    EXPECT_EQ(name_of(accounts.by_user_name("CORP\\alice")), "Alice");
    EXPECT_EQ(name_of(accounts.by_user_name("Bob@Corp.Example")), "bob@corp.example") << "a full name wins";
    EXPECT_EQ(name_of(accounts.by_user_name("bob@other.example")), "bob");
    EXPECT_EQ(name_of(accounts.by_user_name("")), "nobody");
    EXPECT_EQ(name_of(accounts.by_user_name("carol")), "nobody");
    EXPECT_EQ(name_of(accounts.by_user_name("alice\\carol")), "nobody");
}

TEST(Accounts, AreFoundByAProvenPrincipalOnlyWhenItsRealmOrTheAccountSaysSo) {
    auto alice = account_called("alice");
    alice.principals = {"Service/Host@OTHER.EXAMPLE"};
    const Accounts accounts({alice, account_called("bob")}, {"CORP.EXAMPLE"});
    EXPECT_EQ(name_of(accounts.by_principal("bob@CORP.EXAMPLE")), "bob");
    EXPECT_EQ(name_of(accounts.by_principal("corp.example\\bob")), "bob");
    EXPECT_EQ(name_of(accounts.by_principal("service/host@other.example")), "alice");
    EXPECT_EQ(name_of(accounts.by_principal("bob@OTHER.EXAMPLE")), "nobody");
    EXPECT_EQ(name_of(accounts.by_principal("bob")), "nobody");
    EXPECT_EQ(name_of(accounts.by_principal("")), "nobody");
    EXPECT_EQ(name_of(accounts.by_principal("bob@CORP.EXAMPLE@OTHER.EXAMPLE")), "nobody");
}

TEST(Accounts, AreFoundByTheFingerprintOfACertificateHoweverItIsWritten) {
    const Bytes der{1, 2, 3};
    auto colons = account_called("colons");
    const std::string print = crypto::sha256_hex(der);
    for (std::size_t i = 0; i < print.size(); i += 2)
        colons.certificates.resize(1),
            colons.certificates[0] +=
            (i == 0 ? "" : ":") + std::string{static_cast<char>(std::toupper(print[i])), print[i + 1]};
    const Accounts accounts({colons}, {});
    EXPECT_EQ(name_of(accounts.by_certificate(der)), "colons");
    EXPECT_EQ(name_of(accounts.by_certificate(Bytes{1, 2, 4})), "nobody");
    EXPECT_EQ(name_of(accounts.by_certificate({})), "nobody");
}

TEST(Account, MintsForItsProfilesInItsRoleAlone) {
    auto account = account_called("a");
    account.roles = roles_from({"auditor", "nonsense"});
    EXPECT_EQ(account.roles, (std::set{Role::auditor}));
    EXPECT_FALSE(account.mints_for("default"));
    account.roles = roles_from({"device-administrator", "officer"});
    EXPECT_TRUE(account.mints_for("default"));
    account.profiles = {"phones"};
    EXPECT_FALSE(account.mints_for("default"));
    EXPECT_TRUE(account.mints_for("phones"));
    for (const Role role : {Role::device_administrator, Role::officer, Role::auditor})
        EXPECT_EQ(roles_from({std::string(name(role))}), (std::set{role}));
}

}  // namespace
}  // namespace countersign::admin
