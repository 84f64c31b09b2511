#include "local_world.hpp"

namespace countersign::contract {

INSTANTIATE_TYPED_TEST_SUITE_P(Local, CaBackendContract, ca::test::LocalWorld);

}  // namespace countersign::contract
