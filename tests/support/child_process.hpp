// A forked child that runs one function, told when to start and able to report lines of text. For tests of what
// survives the death of a process. Fork before the parent opens the database under test: SQLite's connections do not
// survive a fork.
#pragma once

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace countersign::test {

class ChildProcess {
public:
    // What the child's function may do with its parent.
    class Link {
    public:
        Link(int go, int report) : go_(go), report_(report) {}
        // Blocks until the parent says start().
        void wait_for_start() const {
            char c = 0;
            while (::read(go_, &c, 1) < 0) {
            }
        }
        // One write of at most PIPE_BUF octets: lines of several threads do not mix.
        void report(std::string line) const {
            line += '\n';
            if (::write(report_, line.data(), line.size()) < 0) ::_exit(99);
        }

    private:
        int go_;
        int report_;
    };

    // The child's exit status is what `work` returns; 98 when it throws.
    explicit ChildProcess(const std::function<int(const Link&)>& work) {
        if (::pipe(go_) != 0 || ::pipe(report_) != 0) throw std::runtime_error("no pipe");
        pid_ = ::fork();
        if (pid_ < 0) throw std::runtime_error("no child");
        if (pid_ == 0) {
            ::close(go_[1]);
            ::close(report_[0]);
            int status = 98;
            try {
                status = work(Link(go_[0], report_[1]));
            } catch (...) {
            }
            ::_exit(status);
        }
        ::close(go_[0]);
        ::close(report_[1]);
    }
    ~ChildProcess() {
        if (pid_ > 0) {
            kill();
            wait();
        }
        start();
        ::close(report_[0]);
    }
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    void start() {
        if (go_[1] >= 0) ::close(go_[1]);
        go_[1] = -1;
    }
    void kill() const { ::kill(pid_, SIGKILL); }
    // The wait status; see WIFEXITED and friends.
    int wait() {
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        return status;
    }
    // The next line the child reported; empty when it is gone.
    std::string next_line() {
        for (;;) {
            if (const auto end = pending_.find('\n'); end != std::string::npos) {
                std::string line = pending_.substr(0, end);
                pending_.erase(0, end + 1);
                return line;
            }
            char buffer[4096];
            const auto size = ::read(report_[0], buffer, sizeof buffer);
            if (size <= 0) return "";
            pending_.append(buffer, static_cast<std::size_t>(size));
        }
    }

private:
    int go_[2] = {-1, -1};
    int report_[2] = {-1, -1};
    pid_t pid_ = -1;
    std::string pending_;
};

inline bool died_of_kill(int status) {
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}
inline bool ended_well(int status) {
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace countersign::test
