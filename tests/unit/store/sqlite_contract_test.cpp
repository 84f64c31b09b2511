// SQLite through the contract of the store.
#include "../../contract/store_contract_challenges.hpp"
#include "../../contract/store_contract_holds.hpp"
#include "../../contract/store_contract_issued.hpp"
#include "../../contract/store_contract_outbox.hpp"
#include "../../contract/store_contract_transactions.hpp"
#include "../../contract/store_contract_used_challenges.hpp"
#include "sqlite_fixture.hpp"

namespace countersign::store {
namespace {

std::shared_ptr<Database> fresh_sqlite() {
    struct Home {
        test::ScratchDirectory directory;
        std::unique_ptr<Database> database;
    };
    auto home = std::make_shared<Home>();
    home->database = test::open_sqlite(home->directory);
    return {home, home->database.get()};
}

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(StoreBackend{"file", fresh_sqlite}), backend_name);

}  // namespace
}  // namespace countersign::store
