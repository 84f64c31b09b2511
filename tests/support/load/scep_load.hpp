// SCEP clients by the hundred: messages made beforehand, so that what is measured (or killed) is the server.
//
// A few RSA keys are shared by all requests, because making keys is dear and the server keys its transactions by
// signer *and* transactionID. Everything here blocks; RequestMaker and Minter are safe on many threads. Throws
// std::runtime_error when something that a test stands on does not work.
#pragma once

#include "countersign/app/wire.hpp"
#include "countersign/core/random.hpp"
#include "countersign/scep/client_message.hpp"
#include "http_connection.hpp"
#include "instance.hpp"

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace countersign::test {

// What GetCACert of a running server says.
struct ServerCertificates {
    std::vector<crypto::Certificate> all;
    crypto::Certificate encryption;  // whom requests are encrypted to
};
ServerCertificates fetch_certificates(const Endpoint& endpoint);

struct MintedOtp {
    std::string id;
    std::string value;
};

// Mints one-time passwords straight into an instance's store, as the command line does.
class Minter {
public:
    Minter(const Instance& instance, const std::string& profile);
    MintedOtp mint();
    // Many at once on several threads, so that they share commits.
    std::vector<MintedOtp> mint(std::size_t count);
    MintedOtp mint_for(const challenge::Binding& binding);
    // Expired an hour ago.
    MintedOtp mint_expired();
    void revoke(const MintedOtp& otp);

private:
    config::Settings settings_;
    SystemClock clock_;
    SystemRandom random_;
    std::unique_ptr<store::Database> database_;
    std::unique_ptr<challenge::Issuer> issuer_;
};

// A PKCSReq ready to be sent, and what it takes to judge the answer.
struct PreparedRequest {
    std::string challenge_id;
    std::string transaction_id;
    std::string signer_key;  // fingerprint
    Bytes csr;
    Bytes message;
    std::string http;  // the whole POST
    crypto::Certificate signer;
    std::shared_ptr<keys::Key> key;
};

class RequestMaker {
public:
    RequestMaker(Endpoint endpoint, ServerCertificates server, std::size_t keys);
    // Each has a subject, a nonce and a transactionID of its own.
    PreparedRequest make(const MintedOtp& otp);
    std::vector<PreparedRequest> make(const std::vector<MintedOtp>& otps);
    // malformed, unauthenticated: not an answer to this request by this server.
    Result<scep::CertRep> read(const PreparedRequest& request, ByteView reply) const;
    const ServerCertificates& server() const { return server_; }

private:
    struct Client {
        std::shared_ptr<keys::Key> key;
        crypto::Certificate signer;
    };
    Client make_client();

    Endpoint endpoint_;
    ServerCertificates server_;
    SystemClock clock_;
    SystemRandom random_;
    std::vector<Client> clients_;
    std::atomic<std::size_t> made_{0};
    std::string run_;  // makes subjects differ between makers
};

struct LoadResult {
    double seconds = 0;
    std::vector<std::optional<HttpReply>> replies;  // one for each request sent
};
// Sends the requests over `connections` connections, a thread each, as fast as answers come.
LoadResult send_all(const Endpoint& endpoint, std::span<const std::string> requests, std::size_t connections);

// Runs the job for every index below `count` on a few threads, and rethrows the first exception.
void in_parallel(std::size_t count, const std::function<void(std::size_t)>& job);

template <class T>
T must(Result<T> result, std::string_view what) {
    if (!result) throw std::runtime_error(std::string(what) + ": " + describe(result.error()));
    return *std::move(result);
}

}  // namespace countersign::test
