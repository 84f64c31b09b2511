// Takes the place of fsync(2) and fdatasync(2) for the whole test program, libraries included: counts them, holds them
// up or lets them fail. Include in exactly one .cpp of an executable.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>

namespace countersign::test {

class SyncFault {
public:
    static SyncFault& of_this_program() {
        static SyncFault fault;
        return fault;
    }

    void count_from_zero() { count_ = 0; }
    int count() const { return count_; }
    // The next `times` calls fail with EIO, without syncing.
    void fail_next(int times) { failing_ = times; }
    // Calls wait from now on; let_go() frees them.
    void hold() {
        const std::lock_guard lock(mutex_);
        held_ = true;
    }
    void let_go() {
        {
            const std::lock_guard lock(mutex_);
            held_ = false;
        }
        changed_.notify_all();
    }
    // Until a call has arrived and waits.
    void wait_until_held() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return waiting_ > 0; });
    }

    int call(long number, int descriptor) {
        ++count_;
        {
            std::unique_lock lock(mutex_);
            ++waiting_;
            changed_.notify_all();
            changed_.wait(lock, [this] { return !held_; });
            --waiting_;
        }
        if (failing_ > 0) {
            --failing_;
            errno = EIO;
            return -1;
        }
        return static_cast<int>(::syscall(number, descriptor));
    }

private:
    std::atomic<int> count_{0};
    std::atomic<int> failing_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
    bool held_ = false;
    int waiting_ = 0;
};

}  // namespace countersign::test

extern "C" int fdatasync(int descriptor) {
    return countersign::test::SyncFault::of_this_program().call(SYS_fdatasync, descriptor);
}
extern "C" int fsync(int descriptor) {
    return countersign::test::SyncFault::of_this_program().call(SYS_fsync, descriptor);
}
