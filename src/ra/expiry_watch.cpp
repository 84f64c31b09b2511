#include "countersign/ra/expiry_watch.hpp"

#include <array>

namespace countersign::ra {

std::optional<int> threshold_passed(const WatchedCertificate& certificate, Time now) {
    if (now > certificate.not_after) return 0;
    const auto life = certificate.not_after - certificate.not_before;
    for (const int days : std::array{7, 30, 60}) {
        const std::chrono::days threshold{days};
        if (threshold <= life / 2 && certificate.not_after - now < threshold) return days;
    }
    return std::nullopt;
}

std::vector<ExpiryNotice> ExpiryWatch::look(const std::vector<WatchedCertificate>& certificates, Time now) {
    std::vector<ExpiryNotice> notices;
    std::map<std::string, int> said;
    for (const auto& one : certificates) {
        const auto passed = threshold_passed(one, now);
        if (!passed) continue;
        const std::string id = one.kind + "/" + one.name + "/" + one.serial;
        const auto before = said_.find(id);
        if (before == said_.end() || before->second > *passed) notices.push_back({one, *passed});
        said.emplace(id, *passed);
    }
    said_ = std::move(said);
    return notices;
}

}  // namespace countersign::ra
