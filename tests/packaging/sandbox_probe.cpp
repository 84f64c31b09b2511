// Tries what an intruder in the daemon would try next, and says of each whether the system let it. Run by systemd with
// the settings of countersignd.service, everything but the last lines must be refused. What is not refused happens: run
// it in the test's own container and nowhere else. Linked statically, because it runs in a root of its own.
#include <fcntl.h>
#include <linux/reboot.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <initializer_list>

namespace {

int through = 0;
int refused = 0;

// `result` as system calls and C functions have it: -1 with errno, or anything else. Refused is what permission was
// wanting for, or what is not there to be had; a complaint about the arguments means that the call got through.
void tell(const char* what, long result) {
    const int error = errno;
    bool is_refusal = false;
    for (const int one : {EPERM, EACCES, EROFS, EAFNOSUPPORT, EPROTONOSUPPORT, ENOENT}) is_refusal |= error == one;
    is_refusal = is_refusal && result == -1;
    is_refusal ? ++refused : ++through;
    std::printf("%-28s %s%s\n", what, is_refusal ? "" : "WENT THROUGH ", result == -1 ? std::strerror(error) : "");
}

int open_and_close(const char* path, int flags) {
    const int file = ::open(path, flags | O_CLOEXEC, 0600);
    if (file >= 0) ::close(file);
    return file;
}

int socket_of(int family, int type, int protocol = 0) {
    const int descriptor = ::socket(family, type | SOCK_CLOEXEC, protocol);
    if (descriptor >= 0) ::close(descriptor);
    return descriptor;
}

long writable_then_executable() {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? -1 : ::mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

long writable_and_executable() {
    return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? -1
               : 0;
}

long read_another(pid_t child) {
    char here[8];
    iovec local{here, sizeof here};
    iovec remote{here, sizeof here};
    return ::process_vm_readv(child, &local, 1, &remote, 1, 0);
}

void try_other_processes() {
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        _exit(0);
    }
    tell("ptrace", ::ptrace(PTRACE_SEIZE, child, nullptr, nullptr));
    tell("process_vm_readv", read_another(child));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
}

void try_kernel() {
    tell("mount", ::mount("none", "/mnt", "tmpfs", 0, nullptr));
    tell("unshare mounts", ::unshare(CLONE_NEWNS));
    tell("chroot", ::chroot("/"));
    tell("init_module", ::syscall(SYS_init_module, nullptr, 0, ""));
    tell("bpf", ::syscall(SYS_bpf, 0, nullptr, 0));
    tell("perf_event_open", ::syscall(SYS_perf_event_open, nullptr, 0, 0, -1, 0));
    tell("userfaultfd", ::syscall(SYS_userfaultfd, 0));
    tell("swapoff", ::syscall(SYS_swapoff, "/"));
    tell("reboot, the harmless call",
         ::syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF, nullptr));
    tell("personality", ::syscall(SYS_personality, 0x0040000));
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    tell("clock_settime", ::clock_settime(CLOCK_REALTIME, &now));
    char name[64] = "";
    ::gethostname(name, sizeof name - 1);
    tell("sethostname", ::sethostname(name, std::strlen(name)));
    const sched_param first{1};
    tell("sched_setscheduler", ::sched_setscheduler(0, SCHED_FIFO, &first));
    tell("unshare user", ::unshare(CLONE_NEWUSER));  // takes other rights away where it is not refused
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    tell("dump core after all", ::setrlimit(RLIMIT_CORE, &unlimited));
}

void try_files() {
    tell("setuid 0", ::setresuid(0, 0, 0));
    tell("write /etc", open_and_close("/etc/countersign/planted", O_WRONLY | O_CREAT));
    tell("write /usr", open_and_close("/usr/planted", O_WRONLY | O_CREAT));
    tell("list /root", open_and_close("/root", O_RDONLY | O_DIRECTORY));
    tell("read /etc/shadow", open_and_close("/etc/shadow", O_RDONLY));
    tell("read /dev/kmsg", open_and_close("/dev/kmsg", O_RDONLY));
    tell("read another's environment", open_and_close("/proc/1/environ", O_RDONLY));
    tell("make a device", ::mknod("/tmp/device", S_IFBLK | 0600, 0x800));
    open_and_close("/tmp/program", O_WRONLY | O_CREAT);
    tell("make a set-user-id file", ::chmod("/tmp/program", 04755));
}

}  // namespace

int main(int count, char** words) {
    if (count != 2 || std::strcmp(words[1], "--in-the-container") != 0) {
        std::fprintf(stderr, "this mounts, changes limits and makes files wherever it may\n");
        return 2;
    }
    tell("packet socket", socket_of(AF_PACKET, SOCK_DGRAM));
    tell("netlink socket", socket_of(AF_NETLINK, SOCK_RAW));
    tell("vsock socket", socket_of(AF_VSOCK, SOCK_STREAM));
    tell("raw socket", socket_of(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    tell("writable, then executable", writable_then_executable());
    tell("writable and executable", writable_and_executable());
    try_other_processes();
    try_files();
    try_kernel();
    const int wrongly = through;
    // What the daemon needs.
    tell("TCP socket", socket_of(AF_INET6, SOCK_STREAM));
    tell("its own directory", open_and_close("/var/lib/countersign/sandbox-probe", O_WRONLY | O_CREAT));
    ::unlink("/var/lib/countersign/sandbox-probe");
    std::printf("%d went through that should not, %d refused\n", wrongly, refused);
    return wrongly == 0 && through == 2 ? 0 : 1;
}
