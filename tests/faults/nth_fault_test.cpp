// Every call that one enrollment makes to the kernel's files, and every piece of memory it asks for, fails once: the
// first in one enrollment, the second in the next, and so on. Each client then says the same again, undisturbed. At the
// end the verdict of the kill storm.
//
// All allocations take minutes, so a run samples them; COUNTERSIGN_FAULTS=all takes every one.
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

namespace countersign::test {
namespace {

using namespace std::chrono_literals;

bool takes_all() {
    const char* wish = std::getenv("COUNTERSIGN_FAULTS");
    return wish != nullptr && std::string_view(wish) == "all";
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
        orders_->arm(fault, nth, 1);
        const auto first = ask(device);
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
        std::size_t tried = 0;
        for (std::int64_t nth = 0; nth < calls; nth += stride, ++tried) disturb(fault, nth);
        ask_those_who_wait();
        std::cout << what << ": up to " << calls << " calls, " << tried << " tried, " << hit_ << " failed; answers:";
        for (const auto& [answer, times] : answers_) std::cout << " " << answer << " " << times;
        std::cout << "; repeated at once:";
        for (const auto& [answer, times] : repeated_) std::cout << " " << answer << " " << times;
        std::cout << "; deaths: " << deaths_.size() << std::endl;
        EXPECT_GT(hit_, 0U);
    }

    // `forgiven`: complaints that begin so are told and not held against it.
    void expect_good_order(const std::vector<std::string>& forgiven = {}) {
        EXPECT_TRUE(deaths_.empty() || !forgiven.empty()) << testing::PrintToString(deaths_) << end_of(contents(log_));
        for (const auto& death : deaths_) std::cout << "died: " << death << "\n";
        daemon_->signal(SIGTERM);
        EXPECT_EQ(daemon_->wait(60s), 0) << end_of(contents(log_));
        // Minted, and never presented.
        std::vector<ClientRecord> records;
        for (const auto& device : done_) records.push_back(device.record);
        auto complaints = judge(read_ledger(store_), records, contents(settings_->audit.file));
        std::erase_if(complaints, [&](const std::string& complaint) {
            const bool known = std::ranges::any_of(
                forgiven, [&](const std::string& beginning) { return complaint.starts_with(beginning); });
            if (known) std::cout << "known: " << complaint << "\n";
            return known;
        });
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

// OpenSSL reports want of memory as if the input or the key were wrong, and several operations after it may fail too
// (its blinding of RSA keys is suspected): replies and countersignatures that do not verify, envelopes that do not
// open. A password may be lost that way (docs/security-model.md). What must hold all the same: one certificate for one
// password at most, each recorded and audited, and files in order.
TEST_F(NthFault, EveryAllocationFailsOnceAndNothingIsDoubledOrUnrecorded) {
    constexpr std::int64_t prime = 17;
    sweep("allocation", {kAllocate, ENOMEM}, takes_all() ? 1 : prime);
    expect_good_order({"a password consumed for nothing", "at last: FAILURE", "nobody got a certificate",
                       "an answer that makes no sense"});
}

}  // namespace
}  // namespace countersign::test
