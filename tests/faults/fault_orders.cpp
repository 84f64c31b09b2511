#include "fault_orders.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <algorithm>
#include <fstream>
#include <new>
#include <stdexcept>

namespace countersign::test {

FaultOrders::FaultOrders(std::filesystem::path file) : file_(std::move(file)) {
    std::filesystem::create_directories(file_.parent_path());
    std::ofstream(file_, std::ios::binary | std::ios::trunc) << std::string(sizeof(FaultControl), '\0');
    const int descriptor = ::open(file_.c_str(), O_RDWR | O_CLOEXEC);
    void* mapped = ::mmap(nullptr, sizeof(FaultControl), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    ::close(descriptor);
    if (mapped == MAP_FAILED) throw std::runtime_error("cannot map " + file_.string());
    control_ = new (mapped) FaultControl;
}

FaultOrders::~FaultOrders() {
    ::munmap(control_, sizeof(FaultControl));
}

std::vector<std::string> FaultOrders::environment(const std::string& shim) const {
    return {"LD_PRELOAD=" + shim, std::string(kFaultControlVariable) + "=" + file_.string()};
}

void FaultOrders::arm(const Fault& fault, std::int64_t pass, std::int64_t fail) {
    auto& orders = rule();
    orders.calls.store(0);
    if (fault.prefix.size() >= sizeof orders.prefix) throw std::runtime_error("too long: " + fault.prefix);
    std::ranges::fill(orders.prefix, '\0');
    std::ranges::copy(fault.prefix, orders.prefix);
    orders.error.store(fault.error);
    orders.pass.store(pass);
    orders.fail.store(fail);
    orders.seen.store(0);
    orders.failed.store(0);
    orders.calls.store(fault.calls);
}

}  // namespace countersign::test
