// The daemon with a bomb in it: COUNTERSIGN_CRASH_AT=NAME:N has it kill itself, as kill -9 does, the Nth time the crash
// point NAME is reached. Without the variable it is the plain daemon. Everything but this main is what countersignd
// runs.
#include "countersign/app/lifecycle.hpp"

#include <unistd.h>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

namespace {

countersign::ra::CrashPoint crash_point_from_environment() {
    const char* wanted = std::getenv("COUNTERSIGN_CRASH_AT");
    if (wanted == nullptr) return {};
    const std::string text = wanted;
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) throw std::runtime_error("COUNTERSIGN_CRASH_AT must be NAME:N");
    const auto left = std::make_shared<std::atomic<long>>(std::stol(text.substr(colon + 1)));
    return [name = text.substr(0, colon), left](std::string_view reached) {
        if (reached == name && --*left == 0) ::kill(::getpid(), SIGKILL);
    };
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3 || std::string(argv[1]) != "--config") {
        std::cerr << "usage: countersignd_faults --config FILE\n";
        return 2;
    }
    try {
        return countersign::app::run_daemon({argv[2], "faults", crash_point_from_environment()});
    } catch (const std::exception& error) {
        std::cerr << "countersignd_faults: " << error.what() << '\n';
        return 1;
    }
}
