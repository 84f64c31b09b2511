#include "pin.hpp"

#include "../private_file.hpp"
#include "countersign/core/credential.hpp"

namespace countersign::keys::pkcs11 {

namespace {

constexpr std::size_t largest_file = 4096;

}  // namespace

Result<Secret> read_pin(const std::string& source, const std::filesystem::path& directory) {
    std::filesystem::path path;
    if (const auto name = credential_name(source)) {
        TRY(path, credential_path(*name));
    } else {
        std::string file = source.substr(5);  // "file:", as Uri made sure
        if (file.starts_with("///")) file.erase(0, 2);
        if (file.starts_with("//")) return fail::malformed("pin-source names a host; write pin-source=file:/PATH");
        path = directory / file;
    }
    TRY(Secret pin, read_private_file(path, largest_file, "PIN"));
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
