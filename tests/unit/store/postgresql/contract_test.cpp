// PostgreSQL through the contract of the store.
#include "../../../contract/store_contract_challenges.hpp"
#include "../../../contract/store_contract_holds.hpp"
#include "../../../contract/store_contract_issued.hpp"
#include "../../../contract/store_contract_outbox.hpp"
#include "../../../contract/store_contract_transactions.hpp"
#include "../../../contract/store_contract_used_challenges.hpp"
#include "server.hpp"

namespace countersign::store {
namespace {

std::shared_ptr<Database> fresh_postgresql() {
    return test::open_postgresql(test::postgresql_server().fresh_url());
}

INSTANTIATE_TEST_SUITE_P(Postgresql, StoreContract, testing::Values(StoreBackend{"server", fresh_postgresql}),
                         backend_name);

}  // namespace
}  // namespace countersign::store
