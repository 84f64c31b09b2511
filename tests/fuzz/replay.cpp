// Runs one fuzz target over files and the files of directories, without a fuzzer: what a corpus has found stays found.
// An argument that is not there is an error, so that a moved corpus cannot pass unseen.
#include "fuzz.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

namespace {

namespace fs = std::filesystem;

void run_file(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    const std::vector<char> octets{std::istreambuf_iterator<char>(stream), {}};
    // A copy of just this size, so that reading beyond the end is seen.
    const std::vector<std::uint8_t> input(octets.begin(), octets.end());
    LLVMFuzzerTestOneInput(input.data(), input.size());
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t files = 0;
    for (int i = 1; i < argc; ++i) {
        if (!fs::exists(argv[i])) {
            std::cerr << argv[i] << " does not exist\n";
            return 1;
        }
        if (!fs::is_directory(argv[i])) {
            run_file(argv[i]);
            ++files;
            continue;
        }
        for (const auto& entry : fs::directory_iterator(argv[i])) {
            if (!entry.is_regular_file()) continue;
            run_file(entry.path());
            ++files;
        }
    }
    std::cout << files << " inputs\n";
    return files > 0 ? 0 : 1;
}
