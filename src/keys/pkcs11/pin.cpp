#include "pin.hpp"

#include "../private_file.hpp"

#include <cstdlib>

namespace countersign::keys::pkcs11 {

namespace {

constexpr std::size_t largest_file = 4096;

Result<std::filesystem::path> credential(const std::string& name) {
    if (name.find('/') != std::string::npos || name == "." || name == "..")
        return fail::malformed("pin-source=credential:" + name + " is no credential's name");
    const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
    if (directory == nullptr || *directory == '\0') {
        return fail::not_found("pin-source=credential:" + name +
                               " needs systemd: add LoadCredential= or LoadCredentialEncrypted=" + name +
                               " to the unit, or write pin-source=file:PATH");
    }
    return std::filesystem::path(directory) / name;
}

}  // namespace

Result<Secret> read_pin(const std::string& source, const std::filesystem::path& directory) {
    const bool from_systemd = source.starts_with("credential:");
    std::filesystem::path path;
    if (from_systemd) {
        TRY(path, credential(source.substr(11)));
    } else {
        std::string name = source.substr(5);  // "file:", as Uri made sure
        if (name.starts_with("///")) name.erase(0, 2);
        if (name.starts_with("//")) return fail::malformed("pin-source names a host; write pin-source=file:/PATH");
        path = directory / name;
    }
    // systemd lets the service in through an access control list, which shows as group permissions.
    const mode_t forbidden = from_systemd ? S_IRWXO : S_IRWXG | S_IRWXO;
    TRY(Secret pin, read_private_file(path, largest_file, "PIN", forbidden));
    if (pin.reveal_text().ends_with('\n')) pin.truncate(pin.size() - 1);
    if (pin.reveal_text().ends_with('\r')) pin.truncate(pin.size() - 1);
    if (pin.empty()) return fail::malformed(path.string() + ": there is no PIN in this file");
    return pin;
}

std::string PinLatch::refusal(const std::string& token, const Secret& pin) const {
    const auto found = refused_.find(token);
    return found != refused_.end() && found->second.pin.equals(pin.reveal()) ? found->second.reason : std::string();
}

void PinLatch::remember(const std::string& token, const Secret& pin, std::string reason) {
    refused_.insert_or_assign(token, Refused{pin.duplicate(), std::move(reason)});
}

}  // namespace countersign::keys::pkcs11
