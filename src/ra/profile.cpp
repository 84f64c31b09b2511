#include "countersign/ra/profile.hpp"

namespace countersign::ra {

policy::TemplateSet Profile::template_set() const {
    const auto named = [this](const std::string& wanted) -> const policy::Template* {
        const auto found = templates.find(wanted);
        return found == templates.end() ? nullptr : &found->second;
    };
    return {named(template_signature), named(template_encryption), named(template_general_purpose)};
}

const Agent& Profile::replying_agent(std::size_t recipient, Time now) const {
    if (recipient >= agents_of_old.size() || !agents_of_old[recipient]) return *agent;
    const auto& of_old = agents_of_old[recipient];
    return of_old->identity().certificate.valid_at(now) ? *of_old : *agent;
}

}  // namespace countersign::ra
