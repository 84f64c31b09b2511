#include "countersign/process/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace countersign::process {
namespace {

using Deadline = std::chrono::steady_clock::time_point;
constexpr std::size_t errors_kept = 4096;

class Descriptor {
public:
    explicit Descriptor(int number = -1) : number_(number) {}
    ~Descriptor() { close(); }
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        close();
        number_ = std::exchange(other.number_, -1);
        return *this;
    }
    int number() const { return number_; }
    void close() {
        if (number_ >= 0) ::close(std::exchange(number_, -1));
    }

private:
    int number_;
};

Error trouble(const char* doing, int error) {
    return fail::unavailable(std::string(doing) + ": " + std::strerror(error));
}

// A file in memory: the child may read it at its leisure, and open it anew as /dev/stdin.
Result<Descriptor> as_file(const std::string& input) {
    Descriptor file(::memfd_create("countersign-question", MFD_CLOEXEC));
    if (file.number() < 0) return trouble("memfd_create", errno);
    for (std::size_t written = 0; written < input.size();) {
        const auto some = ::write(file.number(), input.data() + written, input.size() - written);
        if (some < 0 && errno != EINTR) return trouble("writing the question", errno);
        if (some > 0) written += static_cast<std::size_t>(some);
    }
    if (::lseek(file.number(), 0, SEEK_SET) != 0) return trouble("lseek", errno);
    return file;
}

struct Pipe {
    Descriptor read_end;
    Descriptor write_end;
    static Result<Pipe> make() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) return trouble("pipe", errno);
        Pipe pipe{Descriptor(ends[0]), Descriptor(ends[1])};
        ::fcntl(pipe.read_end.number(), F_SETFL, O_NONBLOCK);
        return pipe;
    }
};

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> all;
    for (auto& word : words) all.push_back(word.data());
    all.push_back(nullptr);
    return all;
}

struct Attributes {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
    Attributes() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
    }
    ~Attributes() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
};

// A group of its own, no descriptor but three, and signals as any program expects them: our threads block some.
Result<pid_t> spawn(const std::filesystem::path& program, std::vector<std::string> arguments,
                    std::vector<std::string> environment, const std::filesystem::path& directory, int in, int out,
                    int err) {
    Attributes how;
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setflags(&how.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawnattr_setpgroup(&how.attributes, 0);
    ::posix_spawnattr_setsigmask(&how.attributes, &none);
    ::posix_spawnattr_setsigdefault(&how.attributes, &all);
    ::posix_spawn_file_actions_addchdir_np(&how.actions, directory.c_str());
    ::posix_spawn_file_actions_adddup2(&how.actions, in, 0);
    ::posix_spawn_file_actions_adddup2(&how.actions, out, 1);
    ::posix_spawn_file_actions_adddup2(&how.actions, err, 2);
    ::posix_spawn_file_actions_addclosefrom_np(&how.actions, 3);
    arguments.insert(arguments.begin(), program.string());
    const auto argv = pointers(arguments);
    const auto envp = pointers(environment);
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, program.c_str(), &how.actions, &how.attributes, argv.data(), envp.data());
    if (error != 0) return trouble(("starting " + program.string()).c_str(), error);
    return pid;
}

// Appends what is there. False at the end.
bool drain(Descriptor& from, std::string& into, std::size_t keep) {
    std::array<char, 16384> buffer{};
    for (;;) {
        const auto some = ::read(from.number(), buffer.data(), buffer.size());
        if (some < 0 && errno == EINTR) continue;
        if (some < 0) return true;  // nothing now
        if (some == 0) return false;
        const auto room = keep > into.size() ? keep - into.size() : 0;
        into.append(buffer.data(), std::min(room, static_cast<std::size_t>(some)));
        if (room == 0) return true;
    }
}

int milliseconds_left(Deadline deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

enum class Watched { ended, too_late, too_much };

// Until the program itself ends; what it may have left behind could hold the pipes open for ever.
Watched watch(int process, Pipe& out, Pipe& err, ChildEnd& end, const ChildLimits& limits, Deadline deadline) {
    bool out_open = true;
    bool err_open = true;
    for (;;) {
        std::array<pollfd, 3> watched{{{process, POLLIN, 0},
                                       {out_open ? out.read_end.number() : -1, POLLIN, 0},
                                       {err_open ? err.read_end.number() : -1, POLLIN, 0}}};
        const int ready = ::poll(watched.data(), watched.size(), milliseconds_left(deadline));
        if (out_open) out_open = drain(out.read_end, end.output, limits.output + 1);
        if (err_open) err_open = drain(err.read_end, end.errors, errors_kept);
        if (end.output.size() > limits.output) return Watched::too_much;
        if (ready > 0 && watched[0].revents != 0) {
            // What it wrote last may have come after the look above.
            if (out_open) drain(out.read_end, end.output, limits.output + 1);
            if (err_open) drain(err.read_end, end.errors, errors_kept);
            return end.output.size() > limits.output ? Watched::too_much : Watched::ended;
        }
        if (std::chrono::steady_clock::now() >= deadline) return Watched::too_late;
    }
}

}  // namespace

Result<ChildEnd> run_child(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                           const std::vector<std::string>& environment, const std::filesystem::path& directory,
                           const std::string& input, const ChildLimits& limits) {
    const auto deadline = std::chrono::steady_clock::now() + limits.time;
    TRY(const auto in, as_file(input));
    TRY(auto out, Pipe::make());
    TRY(auto err, Pipe::make());
    TRY(const pid_t pid,
        spawn(program, arguments, environment, directory, in.number(), out.write_end.number(), err.write_end.number()));
    out.write_end.close();
    err.write_end.close();

    ChildEnd end;
    // By its number: the header of Debian's C library misses its extern "C".
    const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    const auto watched =
        process.number() < 0 ? Watched::too_late : watch(process.number(), out, err, end, limits, deadline);
    // Before it is reaped its number is nobody else's.
    ::kill(-pid, SIGKILL);
    int status = 0;
    pid_t reaped = 0;
    while ((reaped = ::waitpid(pid, &status, 0)) < 0 && errno == EINTR) {
    }
    if (watched == Watched::too_late) {
        return fail::outcome_unknown(program.string() + " took longer than " + std::to_string(limits.time.count()) +
                                     " ms and was killed");
    }
    if (watched == Watched::too_much) {
        return fail::outcome_unknown(program.string() + " wrote more than " + std::to_string(limits.output) +
                                     " octets and was killed");
    }
    // Where SIGCHLD is ignored the kernel reaps it, and nobody knows how it ended.
    if (reaped != pid) return fail::outcome_unknown(program.string() + " ended and nobody can say how");
    if (!WIFEXITED(status)) {
        return fail::outcome_unknown(program.string() + " was ended by signal " + std::to_string(WTERMSIG(status)));
    }
    end.exit_code = WEXITSTATUS(status);
    return end;
}

}  // namespace countersign::process
