// From a checked value to a member of Settings: put<&ServerSettings::workers>, put<&CaSettings::issuer,
// &KeyPairSettings::key>.
#pragma once

#include "schema.hpp"

#include <chrono>
#include <filesystem>
#include <type_traits>

namespace countersign::config {

template <class Field>
void store_value(Field& field, const Value& value) {
    if constexpr (std::is_same_v<Field, std::string>) {
        field = std::get<std::string>(value);
    } else if constexpr (std::is_same_v<Field, std::filesystem::path>) {
        field = std::get<std::string>(value);
    } else if constexpr (std::is_same_v<Field, bool>) {
        field = std::get<bool>(value);
    } else if constexpr (std::is_integral_v<Field>) {
        field = static_cast<Field>(std::get<std::int64_t>(value));
    } else if constexpr (std::is_same_v<Field, std::chrono::seconds>) {
        field = std::chrono::seconds{std::get<std::int64_t>(value)};
    } else {
        field = std::get<std::vector<std::string>>(value);
    }
}

template <class>
struct MemberOf;
template <class Owner, class Field>
struct MemberOf<Field Owner::*> {
    using owner = Owner;
};

template <auto First, auto... Rest>
void put(void* section, const Value& value) {
    auto& owner = *static_cast<typename MemberOf<decltype(First)>::owner*>(section);
    if constexpr (sizeof...(Rest) == 0) {
        store_value(owner.*First, value);
    } else {
        put<Rest...>(&(owner.*First), value);
    }
}

}  // namespace countersign::config
