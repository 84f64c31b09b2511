#include "countersign/ra/profile.hpp"

namespace countersign::ra {

policy::TemplateSet Profile::template_set() const {
    const auto named = [this](const std::string& wanted) -> const policy::Template* {
        const auto found = templates.find(wanted);
        return found == templates.end() ? nullptr : &found->second;
    };
    return {named(template_signature), named(template_encryption), named(template_general_purpose)};
}

}  // namespace countersign::ra
