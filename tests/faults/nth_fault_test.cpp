// Every call that one enrollment makes to the kernel's files and sockets, and every piece of memory it asks for, fails
// once: the first in one enrollment, the second in the next, and so on. Each client then says the same again,
// undisturbed. At the end the verdict of the kill storm.
//
// All allocations take minutes, so a run samples them, from a place that differs each time and is printed:
// COUNTERSIGN_FAULTS=all takes every one, COUNTERSIGN_FAULTS_FROM=N repeats a sample.
#include "countersign/app/wire.hpp"
#include "fault_orders.hpp"
#include "scep_load.hpp"
#include "verdict.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <algorithm>
#include <csignal>
#include <map>
#include <random>
#include <set>

namespace countersign::test {
namespace {

using namespace std::chrono_literals;

bool takes_all() {
    const char* wish = std::getenv("COUNTERSIGN_FAULTS");
    return wish != nullptr && std::string_view(wish) == "all";
}

// Where a sample of every `stride`th begins.
std::int64_t first_of(std::int64_t stride) {
    if (stride == 1) return 0;
    const char* wish = std::getenv("COUNTERSIGN_FAULTS_FROM");
    return wish != nullptr ? std::stoll(wish) : static_cast<std::int64_t>(std::random_device{}()) % stride;
}

std::string integrity_of(const std::string& database) {
    sqlite3* handle = nullptr;
    std::string said = "cannot be opened";
    if (sqlite3_open_v2(database.c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK) {
        said.clear();
        const auto note = [](void* into, int, char** values, char**) {
            *static_cast<std::string*>(into) += values[0];
            return 0;
        };
        sqlite3_exec(handle, "PRAGMA integrity_check", note, &said, nullptr);
    }
    sqlite3_close(handle);
    return said;
}

class NthFault : public testing::Test {
protected:
    NthFault() : directory_(std::filesystem::path(COUNTERSIGN_FAULTS_DIRECTORY) / name()) {
        std::filesystem::remove_all(directory_);
        std::filesystem::remove_all(directory_.string() + ".control");
        instance_ = make_instance(COUNTERSIGN_PROGRAM, directory_);
        orders_ = std::make_unique<FaultOrders>(directory_.string() + ".control");
        settings_ = app::load_or_throw(instance_.config, [](const std::string&) {});
        store_ = settings_->store.url.substr(std::string("sqlite:").size());
        log_ = directory_ / "daemon.log";
        start();
        minter_ = std::make_unique<Minter>(instance_, "default");
        maker_ = std::make_unique<RequestMaker>(instance_.endpoint, fetch_certificates(instance_.endpoint), 2);
    }

    static std::string name() {
        return std::string("nth-") + testing::UnitTest::GetInstance()->current_test_info()->name();
    }

    void start() {
        daemon_ = std::make_unique<ServerProcess>(
            std::vector<std::string>{COUNTERSIGN_FAULTS_DAEMON, "--config", instance_.config.string()},
            orders_->environment(COUNTERSIGN_FAULT_SHIM), log_);
        if (!daemon_->wait_until_ready(instance_.endpoint, 30s))
            throw std::runtime_error("the daemon does not come up: " + end_of(contents(log_)));
    }

    struct Device {
        PreparedRequest request;
        ClientRecord record;
    };

    Device new_device() {
        if (stock_.empty()) {
            for (auto& request : maker_->make(minter_->mint(64))) stock_.push_back(std::move(request));
        }
        Device device{std::move(stock_.back()), {}};
        stock_.pop_back();
        const auto& request = device.request;
        device.record = {request.challenge_id, request.transaction_id, request.signer_key, request.csr, false, {}, {}};
        return device;
    }

    // What the device was told, in a word; a certificate goes to its record.
    std::string ask(Device& device) {
        HttpConnection connection(instance_.endpoint.host, instance_.endpoint.port);
        const auto reply = connection.exchange(device.request.http);
        if (!reply) return "no answer";
        if (reply->status != 200) return "HTTP " + std::to_string(reply->status);
        const auto rep = maker_->read(device.request, reply->body);
        if (!rep) {
            device.record.troubles.push_back("an answer that makes no sense: " + describe(rep.error()));
            return "nonsense";
        }
        if (rep->status == scep::PkiStatus::pending) return "PENDING";
        if (rep->status == scep::PkiStatus::failure) return "FAILURE";
        if (rep->certificates.empty()) {
            device.record.troubles.emplace_back("success without a certificate");
            return "nonsense";
        }
        Bytes der = to_bytes(rep->certificates.front().der());
        auto& held = device.record.certificates;
        if (std::ranges::find(held, der) == held.end()) held.push_back(std::move(der));
        return "SUCCESS";
    }

    // False: the daemon is gone; it was started again.
    bool is_alive() {
        const auto status = daemon_->wait(0ms);
        if (!status) return true;
        deaths_.push_back((WIFSIGNALED(*status) ? "signal " + std::to_string(WTERMSIG(*status))
                                                : "exit " + std::to_string(WEXITSTATUS(*status))));
        start();
        return false;
    }

    void disturb(const FaultOrders::Fault& fault, std::int64_t nth) {
        auto device = new_device();
        const auto begun = std::chrono::steady_clock::now();
        orders_->arm(fault, nth, 1);
        const auto first = ask(device);
        slowest_ = std::max(slowest_, std::chrono::steady_clock::now() - begun);
        // Something else in its place would be an answer about the client, who has done nothing wrong.
        static const std::set<std::string> clean{"SUCCESS", "PENDING", "HTTP 503", "no answer"};
        if (!clean.contains(first))
            device.record.troubles.push_back("told " + first + " at call " + std::to_string(nth));
        orders_->disarm();
        if (orders_->failed() > 0) ++hit_;
        if (first == "no answer") std::this_thread::sleep_for(5ms);  // a process takes a moment to die
        if (!is_alive()) deaths_.back() += " at call " + std::to_string(nth);
        ++answers_[first];
        const auto again = ask(device);
        if (again != "SUCCESS") ++repeated_[again];
        (again == "SUCCESS" ? done_ : waiting_).push_back(std::move(device));
        if (waiting_.size() >= 200) ask_those_who_wait();
    }

    // A password that was good before the fault is good for a certificate after it.
    void ask_those_who_wait() {
        for (auto& device : waiting_) {
            std::string said;
            const auto deadline = std::chrono::steady_clock::now() + 60s;
            do {
                said = ask(device);
                if (said == "FAILURE") break;
                if (said != "SUCCESS") std::this_thread::sleep_for(50ms);
            } while (said != "SUCCESS" && std::chrono::steady_clock::now() < deadline);
            if (said != "SUCCESS") device.record.troubles.push_back("at last: " + said);
            done_.push_back(std::move(device));
        }
        waiting_.clear();
    }

    // Whether the daemon came up, or ended and said so, though the call after the first `nth` of its start failed;
    // false when it makes no more of them.
    bool start_disturbed(const FaultOrders::Fault& fault, std::int64_t nth) {
        SCOPED_TRACE("errno " + std::to_string(fault.error) + " at call " + std::to_string(nth));
        orders_->arm(fault, nth, 1);
        daemon_ = std::make_unique<ServerProcess>(
            std::vector<std::string>{COUNTERSIGN_FAULTS_DAEMON, "--config", instance_.config.string()},
            orders_->environment(COUNTERSIGN_FAULT_SHIM), log_);
        const bool ready = daemon_->wait_until_ready(instance_.endpoint, 60s);
        orders_->disarm();
        ++answers_[ready ? "came up" : "ended"];
        if (ready) daemon_->signal(SIGTERM);
        const auto status = daemon_->wait(60s);
        EXPECT_EQ(status.value_or(-1), ready ? 0 : 1 << 8) << end_of(contents(log_));  // exit codes 0 and 1
        return orders_->failed() > 0;
    }

    // Each call fails with one of the errors, in turn.
    void sweep_start(const char* what, FaultOrders::Fault fault, const std::vector<int>& errors) {
        answers_.clear();
        std::int64_t nth = 0;
        for (bool hit = true; hit && !HasFailure(); ++nth) {
            fault.error = errors[static_cast<std::size_t>(nth) % errors.size()];
            hit = start_disturbed(fault, nth);
        }
        std::cout << what << " at the start: " << nth - 1 << " calls;";
        for (const auto& [answer, times] : answers_) std::cout << " " << answer << " " << times;
        std::cout << std::endl;
        EXPECT_GT(nth, 1) << "this fault hits nothing";
    }

    // As many calls as an enrollment makes once everything is warm, and some more for the slow ones.
    std::int64_t count(const FaultOrders::Fault& fault) {
        std::uint64_t most = 0;
        for (int i = 0; i < 5; ++i) {
            auto device = new_device();
            orders_->arm(fault, 0, 0);
            EXPECT_EQ(ask(device), "SUCCESS");
            orders_->disarm();
            most = std::max(most, orders_->seen());
            done_.push_back(std::move(device));
        }
        EXPECT_GT(most, 0U) << "this fault hits nothing";
        return static_cast<std::int64_t>(most + most / 10 + 2);
    }

    void sweep(const char* what, const FaultOrders::Fault& fault, std::int64_t stride = 1) {
        const auto calls = count(fault);
        answers_.clear();
        repeated_.clear();
        hit_ = 0;
        slowest_ = {};
        std::size_t tried = 0;
        const auto from = first_of(stride);
        for (std::int64_t nth = from; nth < calls; nth += stride, ++tried) disturb(fault, nth);
        ask_those_who_wait();
        if (stride > 1) std::cout << "every " << stride << "th from COUNTERSIGN_FAULTS_FROM=" << from << "; ";
        std::cout << what << ": up to " << calls << " calls, " << tried << " tried, " << hit_ << " failed; answers:";
        for (const auto& [answer, times] : answers_) std::cout << " " << answer << " " << times;
        std::cout << "; repeated at once:";
        for (const auto& [answer, times] : repeated_) std::cout << " " << answer << " " << times;
        std::cout << "; slowest " << std::chrono::duration_cast<std::chrono::milliseconds>(slowest_).count()
                  << " ms; deaths: " << deaths_.size() << std::endl;
        EXPECT_GT(hit_, 0U);
    }

    void expect_good_order() {
        EXPECT_TRUE(deaths_.empty()) << testing::PrintToString(deaths_) << end_of(contents(log_));
        daemon_->signal(SIGTERM);
        EXPECT_EQ(daemon_->wait(60s), 0) << end_of(contents(log_));
        // Minted, and never presented.
        std::vector<ClientRecord> records;
        for (const auto& device : done_) records.push_back(device.record);
        const auto complaints = judge(read_ledger(*settings_), records, contents(settings_->audit.file));
        EXPECT_TRUE(complaints.empty()) << complaints.size() << " complaints";
        for (std::size_t i = 0; i < std::min<std::size_t>(20, complaints.size()); ++i) ADD_FAILURE() << complaints[i];
        EXPECT_EQ(integrity_of(store_), "ok");
        ServerProcess verify({COUNTERSIGN_PROGRAM, "audit", "verify", "--config", instance_.config.string()}, {},
                             directory_ / "verify.log");
        EXPECT_EQ(verify.wait(120s), 0) << contents(directory_ / "verify.log");
    }

    std::filesystem::path directory_;
    Instance instance_;
    std::unique_ptr<FaultOrders> orders_;
    std::optional<config::Settings> settings_;
    std::string store_;
    std::filesystem::path log_;
    std::unique_ptr<ServerProcess> daemon_;
    std::unique_ptr<Minter> minter_;
    std::unique_ptr<RequestMaker> maker_;
    std::vector<PreparedRequest> stock_;
    std::vector<Device> done_;
    std::vector<Device> waiting_;
    std::size_t hit_ = 0;
    std::chrono::steady_clock::duration slowest_{};
    std::map<std::string, std::size_t> answers_;
    std::map<std::string, std::size_t> repeated_;
    std::vector<std::string> deaths_;
};

TEST_F(NthFault, EveryCallToTheStoresAndTheAuditsFilesFailsOnce) {
    for (const auto& file : {store_, settings_->audit.file.string()}) {
        sweep(("write " + file).c_str(), {kWrite | kTruncate, ENOSPC, file});
        sweep(("sync " + file).c_str(), {kSync, EIO, file});
    }
    // The pages are in SQLite's own cache; what is left are the log's and the shared index's.
    sweep("read", {kRead, EIO, directory_.string()});
    expect_good_order();
}

TEST_F(NthFault, EveryCallToAFileIsInterruptedOrMovesOneOctetOnce) {
    const auto here = directory_.string();
    sweep("interrupted write", {kWrite | kTruncate, EINTR, here});
    sweep("interrupted read", {kRead, EINTR, here});
    sweep("interrupted sync", {kSync, EINTR, here});
    sweep("write of one octet", {kWrite, kShort, here});
    sweep("read of one octet", {kRead, kShort, here});
    expect_good_order();
}

TEST_F(NthFault, EveryCallToASocketFailsOnce) {
    for (const int error : {ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM, EINTR})
        sweep(("accept, " + std::to_string(error)).c_str(), {kAccept, error});
    for (const int error : {ECONNRESET, ENOMEM, EINTR, int{kShort}})
        sweep(("receive, " + std::to_string(error)).c_str(), {kReceive, error});
    for (const int error : {EPIPE, ECONNRESET, ENOBUFS, EINTR, int{kShort}})
        sweep(("send, " + std::to_string(error)).c_str(), {kSend, error});
    for (const int error : {ENOMEM, ENOSPC}) sweep(("watch, " + std::to_string(error)).c_str(), {kWatch, error});
    expect_good_order();
}

TEST_F(NthFault, EveryFileAndSocketOpenedAtTheStartFailsOnce) {
    daemon_->signal(SIGTERM);
    EXPECT_EQ(daemon_->wait(60s), 0);
    const auto here = directory_.string();
    sweep_start("open", {kOpen | kOpenToRead, 0, here}, {EMFILE, EACCES, ENOSPC, ENFILE});
    sweep_start("socket", {kSocket | kWatch, 0}, {EMFILE, ENOMEM});
    start();
    auto device = new_device();
    EXPECT_EQ(ask(device), "SUCCESS");
    done_.push_back(std::move(device));
    expect_good_order();
}

TEST_F(NthFault, EveryAllocationFailsOnce) {
    constexpr std::int64_t prime = 7;
    sweep("allocation", {kAllocate, ENOMEM}, takes_all() ? 1 : prime);
    expect_good_order();
}

}  // namespace
}  // namespace countersign::test
