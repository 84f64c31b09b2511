#include "tables.hpp"

#include <array>

namespace countersign::store {
namespace {

constexpr std::array challenges{Column{"mac", 't'},        Column{"id", 't'},       Column{"profile", 't'},
                                Column{"subject", 't'},    Column{"sans", 't'},     Column{"template", 't'},
                                Column{"created_by", 't'}, Column{"created", 'i'},  Column{"expires", 'i'},
                                Column{"state", 't'},      Column{"refusals", 'i'}, Column{"attempt", 't'},
                                Column{"changed", 'i'}};
constexpr std::array attempts{Column{"sequence", 'i'},
                              Column{"id", 't'},
                              Column{"profile", 't'},
                              Column{"signer_key", 't'},
                              Column{"transaction_id", 't'},
                              Column{"kind", 't'},
                              Column{"request_digest", 't'},
                              Column{"csr", 't'},
                              Column{"plan", 't'},
                              Column{"template", 't'},
                              Column{"subject", 't'},
                              Column{"client", 't'},
                              Column{"challenge_mac", 't'},
                              Column{"state", 't'},
                              Column{"reason", 't'},
                              Column{"ca_handle", 't'},
                              Column{"certificate_serial", 't'},
                              Column{"created", 'i'},
                              Column{"updated", 'i'},
                              Column{"challenge_kind", 't'}};
constexpr std::array certificates{
    Column{"sequence", 'i'},   Column{"serial", 't'},      Column{"ca", 't'},
    Column{"profile", 't'},    Column{"attempt", 't'},     Column{"kind", 't'},
    Column{"subject", 't'},    Column{"sans", 't'},        Column{"template", 't'},
    Column{"public_key", 't'}, Column{"fingerprint", 't'}, Column{"not_before", 'i'},
    Column{"not_after", 'i'},  Column{"revoked", 'i'},     Column{"revocation_reason", 'i'},
    Column{"der", 't'}};
constexpr std::array revocation_lists{Column{"ca", 't'}, Column{"version", 'i'}, Column{"crl_number", 'i'}};
constexpr std::array used_challenges{Column{"mac", 't'},     Column{"issuer", 't'},  Column{"id", 't'},
                                     Column{"profile", 't'}, Column{"attempt", 't'}, Column{"state", 't'},
                                     Column{"expires", 'i'}, Column{"changed", 'i'}};
constexpr std::array notifications{
    Column{"sequence", 'i'}, Column{"id", 't'},       Column{"receiver", 't'}, Column{"event", 't'},
    Column{"profile", 't'},  Column{"attempt", 't'},  Column{"ca", 't'},       Column{"serial", 't'},
    Column{"detail", 't'},   Column{"occurred", 'i'}, Column{"state", 't'},    Column{"tries", 'i'},
    Column{"next_try", 'i'}, Column{"changed", 'i'},  Column{"problem", 't'},  Column{"since", 'i'}};

constexpr std::array all{Table{"challenges", challenges},           Table{"attempts", attempts},
                         Table{"certificates", certificates},       Table{"revocation_lists", revocation_lists},
                         Table{"used_challenges", used_challenges}, Table{"notifications", notifications}};

}  // namespace

std::span<const Table> tables_in_order() {
    return all;
}

}  // namespace countersign::store
