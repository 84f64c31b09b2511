// One call of Renewer::advance: the RA it is about and the succession as it stands, under the lock.
#pragma once

#include "countersign/ra/renewer.hpp"

namespace countersign::ra {

struct Renewer::Work {
    const RaInService& ra;
    const SuccessionFile& file;
    Succession succession;
    Time now;
};

}  // namespace countersign::ra
