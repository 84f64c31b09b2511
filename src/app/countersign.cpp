// The administrator's main: arguments in, exit code out.
#include "commands/command_line.hpp"

#include <csignal>
#include <iostream>

int main(int argc, char** argv) {
    // A closed pipe is an error of the write, not a death without a word.
    std::signal(SIGPIPE, SIG_IGN);
    const countersign::SystemClock clock;
    countersign::SystemRandom random;
    countersign::app::Console console{std::cin, std::cout, std::cerr, clock, random};
    return countersign::app::run_command_line({argv + 1, argv + argc}, COUNTERSIGN_VERSION, console);
}
