// What `init` does for an instance that a service runs: state that belongs to the service's user, and the configuration
// at a place of its own. One thread; every failure is a StartupError.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace countersign::app {

struct Owner {
    uid_t user = 0;
    gid_t group = 0;
};

// The user of that name and its own group. StartupError: there is none, or we may give nothing away (only root may).
Owner owner_named(const std::string& name);

// Everything below `directory`, and itself, belongs to `owner` from here on.
void give_to(const std::filesystem::path& directory, const Owner& owner);

// StartupError unless the file is absent or holds nothing but comments, as a package ships it.
void require_unused(const std::filesystem::path& config);

// Puts `text` there in one step: readable by the owner's group (0640, root's) or, without an owner, by us alone.
void put_config(const std::filesystem::path& config, std::string_view text, const std::optional<Owner>& owner);

}  // namespace countersign::app
