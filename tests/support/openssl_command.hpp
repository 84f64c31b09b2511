// The openssl command line as a second opinion, run in a scratch directory.
#pragma once

#include "countersign/core/bytes.hpp"
#include "scratch_directory.hpp"

#include <sys/wait.h>
#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace countersign::test {

class OpensslCommand {
public:
    struct Answer {
        int status = 0;
        std::string text;  // both outputs
    };

    void write(const std::string& name, ByteView octets) const {
        std::ofstream file(directory_ / name, std::ios::binary);
        file << as_text(octets);
        if (!file.flush()) throw std::runtime_error("cannot write " + name);
    }
    void write(const std::string& name, std::string_view text) const { write(name, as_bytes(text)); }
    Bytes read(const std::string& name) const {
        std::ifstream file(directory_ / name, std::ios::binary);
        if (!file) throw std::runtime_error("openssl did not write " + name);
        const std::string content{std::istreambuf_iterator<char>(file), {}};
        return to_bytes(as_bytes(content));
    }

    // `arguments` are words of this test's own making: they go through the shell.
    Answer run(const std::string& arguments) const {
        const std::string line = "cd '" + directory_.path().string() + "' && openssl " + arguments + " 2>&1";
        std::FILE* pipe = ::popen(line.c_str(), "r");
        if (pipe == nullptr) throw std::runtime_error("no openssl");
        Answer answer;
        std::array<char, 4096> buffer{};
        for (std::size_t size = 0; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
            answer.text.append(buffer.data(), size);
        }
        const int status = ::pclose(pipe);
        answer.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        return answer;
    }

private:
    ScratchDirectory directory_;
};

}  // namespace countersign::test
