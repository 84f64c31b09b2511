// A whole registration authority in one process, with everything real but the clock: SQLite store, local CA, one-time
// passwords, file keys. And a client for it.
#pragma once

#include "countersign/audit/sinks.hpp"
#include "countersign/ca/local.hpp"
#include "countersign/challenge/one_time.hpp"
#include "countersign/keys/file_key.hpp"
#include "countersign/ra/enrollment.hpp"
#include "countersign/scep/client_message.hpp"
#include "countersign/store/database.hpp"
#include "fixed_clock.hpp"
#include "scripted_backend.hpp"

#include <gtest/gtest.h>
#include <filesystem>
#include <mutex>

namespace countersign::test {

// Throws when a Result is an error, with its words: for steps a test does not test.
template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(describe(result.error()));
    return *std::move(result);
}
inline void must(Result<void> result) {
    if (!result) throw std::runtime_error(describe(result.error()));
}

// Remembers every line; refuses to when told, as a full disk would.
class MemorySink final : public audit::Sink {
public:
    explicit MemorySink(const Clock& clock) : clock_(clock) {}
    Result<void> record(const audit::Event& event) override;
    bool broken_for(std::string_view id) const { return id == broken; }
    std::size_t count(std::string_view id) const;
    std::string all() const;
    std::string last() const;
    std::string broken;  // events with this id are refused

private:
    const Clock& clock_;
    mutable std::mutex mutex_;
    std::vector<std::pair<std::string, std::string>> lines_;
};

struct Device {
    std::shared_ptr<keys::Key> key;
    std::optional<crypto::Certificate> signer;  // what it signs messages with
    std::string transaction_id;
};

struct MessageOptions {
    std::string message_type = "19";
    std::optional<std::string> challenge{};
    std::string subject = "CN=device-7,O=Example";
    std::vector<crypto::Extension> extensions{};
    std::shared_ptr<keys::Key> request_key{};  // null: the device's own
};

class Station {
public:
    Station();
    ~Station();

    // A device with a fresh transaction and a self-signed certificate; RSA keys come from a small pool.
    Device device(const std::string& subject = "CN=device-7,O=Example");
    std::string mint(const challenge::Binding& binding = {});

    Bytes request_der(const Device& device, const MessageOptions& options);
    Bytes message(const Device& device, const MessageOptions& options);
    Bytes query(const Device& device, const std::string& type, Bytes content);
    Bytes envelop(const Device& device, const std::string& type, Bytes content);

    Result<Bytes> send(ByteView message) {
        TRY(auto reply, enrollment->answer(*profile, message, "192.0.2.7"));
        return std::move(reply.message);
    }
    scep::CertRep read(const Device& device, ByteView reply);
    scep::CertRep exchange(const Device& device, ByteView message) { return read(device, must(send(message))); }
    // A certificate, or the test's exception.
    crypto::Certificate enroll(const Device& device, const MessageOptions& options);
    std::size_t certificates() const;

    std::filesystem::path directory;
    FixedClock clock;
    SystemRandom random;
    MemorySink audit{clock};
    std::unique_ptr<store::Database> database;
    std::unique_ptr<ca::LocalCa> local_ca;
    std::shared_ptr<ScriptedBackend> backend;
    std::shared_ptr<challenge::OneTimePasswords> passwords;
    std::shared_ptr<ra::Profile> profile;
    std::unique_ptr<ra::Enrollment> enrollment;
    std::shared_ptr<keys::Key> ca_key;
    crypto::Certificate ca_certificate;
    ra::CrashPoint on_reach;

private:
    Station(std::shared_ptr<keys::Key> ca_key, const FixedClock& start);
};

// One of a few RSA 2048 keys made once per process.
std::shared_ptr<keys::Key> pooled_key(std::size_t index);

}  // namespace countersign::test
