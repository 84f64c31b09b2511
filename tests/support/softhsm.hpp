// A SoftHSM of a test's own: token directory, configuration and PIN file in a scratch directory, reached through the
// shim. Sets SOFTHSM2_CONF for this process, so one at a time.
#pragma once

#include "pkcs11_shim.hpp"
#include "scratch_directory.hpp"

#include <dlfcn.h>
#include <sys/stat.h>
#include <cstdlib>
#include <fstream>

namespace countersign::test {

class SoftHsm {
public:
    SoftHsm() {
        std::filesystem::create_directory(directory_ / "tokens");
        write("softhsm2.conf", "directories.tokendir = " + (directory_ / "tokens").string() +
                                   "\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n");
        ::setenv("SOFTHSM2_CONF", (directory_ / "softhsm2.conf").c_str(), 1);
        make_token("ra", "1234");
        write_pin("1234");
        shim().reset();
    }

    void make_token(const std::string& label, const std::string& pin) {
        command("softhsm2-util --init-token --free --label " + label + " --pin " + pin + " --so-pin 12345678");
    }
    // Words of this test's own making: they go through the shell.
    void command(const std::string& line) {
        if (std::system((line + " >/dev/null 2>&1").c_str()) != 0) throw std::runtime_error(line + " failed");
    }
    void pkcs11_tool(const std::string& words) {
        command("pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label ra --login --pin 1234 " + words);
    }
    void write(const std::string& name, const std::string& text, mode_t mode = 0600) {
        std::ofstream(directory_ / name, std::ios::trunc) << text;
        ::chmod((directory_ / name).c_str(), mode);
    }
    void write_pin(const std::string& pin, mode_t mode = 0600) { write("pin", pin + "\n", mode); }

    std::string uri(const std::string& object, const std::string& token = "ra") const {
        return "pkcs11:token=" + token + ";object=" + object + "?pin-source=file:pin";
    }
    const std::filesystem::path& directory() const { return directory_.path(); }

    // The token pulled out and put back, as seen from its module.
    void remove() { std::filesystem::rename(directory_ / "tokens", directory_ / "away"), make_empty(); }
    void restore() {
        std::filesystem::remove_all(directory_ / "tokens");
        std::filesystem::rename(directory_ / "away", directory_ / "tokens");
    }

    static std::filesystem::path module() { return COUNTERSIGN_PKCS11_SHIM; }
    static Pkcs11Shim& shim() {
        static Pkcs11Shim* one = [] {
            void* library = ::dlopen(COUNTERSIGN_PKCS11_SHIM, RTLD_NOW | RTLD_LOCAL);
            if (library == nullptr) throw std::runtime_error(::dlerror());
            return reinterpret_cast<Pkcs11Shim* (*)()>(::dlsym(library, "pkcs11_shim"))();
        }();
        return *one;
    }

private:
    void make_empty() { std::filesystem::create_directory(directory_ / "tokens"); }

    ScratchDirectory directory_;
};

}  // namespace countersign::test
