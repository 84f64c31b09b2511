#include "scep_load.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/certificate_builder.hpp"
#include "countersign/keys/file_key.hpp"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <exception>
#include <mutex>
#include <thread>

namespace countersign::test {
namespace {

bool encrypts(const crypto::Certificate& certificate) {
    const auto usage = certificate.key_usage();
    return certificate.public_key().is_rsa() && (!usage || (*usage & crypto::usage::key_encipherment) != 0);
}

std::vector<crypto::Certificate> certificates_in(const HttpReply& reply) {
    if (reply.content_type == "application/x-x509-ca-cert") {
        return {must(crypto::Certificate::from_der(reply.body), "GetCACert")};
    }
    return must(crypto::CertificateBag::from_ber(reply.body), "GetCACert").certificates;
}

}  // namespace

ServerCertificates fetch_certificates(const Endpoint& endpoint) {
    HttpConnection connection(endpoint.host, endpoint.port);
    const auto reply = connection.exchange(get_request(endpoint.host, endpoint.path + "?operation=GetCACert"));
    if (!reply || reply->status != 200) throw std::runtime_error("GetCACert was not answered");
    const auto all = certificates_in(*reply);
    // An RA says so in its key usage; without one, the only certificate does everything.
    const auto encryption = std::ranges::find_if(all, encrypts);
    if (encryption == all.end() && all.size() != 1)
        throw std::runtime_error("GetCACert has no certificate to encrypt to");
    return {all, encryption == all.end() ? all.front() : *encryption};
}

Minter::Minter(const Instance& instance, const std::string& profile)
    : settings_(app::load_or_throw(instance.config, [](const std::string&) {})),
      database_(must(app::open_store(settings_), "opening the store")),
      issuer_(must(app::make_issuer(settings_, profile, *database_, random_), "the issuer")) {}

MintedOtp Minter::mint() {
    return mint_for({});
}

MintedOtp Minter::mint_for(const challenge::Binding& binding) {
    const auto minted = must(issuer_->issue(binding, std::nullopt, "load generator", clock_.now()), "minting");
    return {minted.id, std::string(minted.value.reveal_text())};
}

MintedOtp Minter::mint_expired() {
    constexpr std::chrono::minutes valid{30};
    const Time then = clock_.now() - valid - std::chrono::hours(1);
    const auto minted = must(issuer_->issue({}, valid, "load generator", then), "minting");
    return {minted.id, std::string(minted.value.reveal_text())};
}

void Minter::revoke(const MintedOtp& otp) {
    must(issuer_->revoke(otp.id, clock_.now()), "revoking");
}

std::vector<MintedOtp> Minter::mint(std::size_t count) {
    std::vector<MintedOtp> result(count);
    std::atomic<std::size_t> next{0};
    std::vector<std::jthread> threads;
    std::exception_ptr trouble;
    std::mutex mutex;
    for (int i = 0; i < 32; ++i) {
        threads.emplace_back([&] {
            try {
                for (auto at = next++; at < count; at = next++) result[at] = mint();
            } catch (...) {
                const std::lock_guard lock(mutex);
                trouble = std::current_exception();
            }
        });
    }
    threads.clear();
    if (trouble) std::rethrow_exception(trouble);
    return result;
}

RequestMaker::RequestMaker(Endpoint endpoint, ServerCertificates server, std::size_t keys)
    : endpoint_(std::move(endpoint)), server_(std::move(server)), run_(lower_hex(random_.bytes(6))) {
    for (std::size_t i = 0; i < keys; ++i) clients_.push_back(make_client());
}

RequestMaker::Client RequestMaker::make_client() {
    const auto pem = must(keys::generate_private_key_pem(keys::GeneratedKey::rsa2048), "a client key");
    auto key = must(keys::key_from_pem(pem, "client"), "a client key");
    const auto subject = must(crypto::Name::from_text("CN=load generator"), "a name");
    auto signer = must(scep::self_signed_signer(subject, *key, clock_.now(), random_), "a signer certificate");
    return {std::move(key), std::move(signer)};
}

PreparedRequest RequestMaker::make(const MintedOtp& otp) {
    const auto number = made_++;
    const Client& client = clients_[number % clients_.size()];
    const auto name = run_ + "-" + std::to_string(number);

    crypto::RequestContent content;
    content.subject = must(crypto::Name::from_text("CN=device-" + name + ",O=Load"), "a subject");
    content.spki = to_bytes(client.key->public_key().spki());
    content.challenge_password = otp.value;
    content.scheme = client.key->public_key().scheme_with(crypto::DigestAlgorithm::sha256);
    const auto request =
        must(crypto::build_request(content, [&](ByteView octets) { return client.key->sign(content.scheme, octets); }),
             "a CSR");

    scep::ClientMessage message;
    message.transaction_id = to_upper(name);
    message.sender_nonce = random_.bytes(16);
    message.content = to_bytes(request.der());
    auto octets =
        must(scep::build_client_message(message, server_.encryption, client.signer, *client.key, clock_.now(), random_),
             "a PKCSReq");
    auto http = post_request(endpoint_.host, endpoint_.path + "?operation=PKIOperation", octets);
    return {otp.id,
            message.transaction_id,
            client.signer.public_key().fingerprint(),
            message.content,
            std::move(octets),
            std::move(http),
            client.signer,
            client.key};
}

std::vector<PreparedRequest> RequestMaker::make(const std::vector<MintedOtp>& otps) {
    std::vector<std::optional<PreparedRequest>> made(otps.size());
    in_parallel(otps.size(), [&](std::size_t i) { made[i] = make(otps[i]); });
    std::vector<PreparedRequest> result;
    for (auto& request : made) result.push_back(*std::move(request));
    return result;
}

Result<scep::CertRep> RequestMaker::read(const PreparedRequest& request, ByteView reply) const {
    TRY(auto rep, scep::read_cert_rep(reply, server_.all, request.signer, *request.key));
    if (rep.transaction_id != request.transaction_id) return fail::malformed("the answer to another transaction");
    return rep;
}

LoadResult send_all(const Endpoint& endpoint, std::span<const std::string> requests, std::size_t connections) {
    LoadResult result;
    result.replies.resize(requests.size());
    std::atomic<std::size_t> next{0};
    std::barrier start(static_cast<std::ptrdiff_t>(connections) + 1);
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < connections; ++i) {
        threads.emplace_back([&] {
            HttpConnection connection(endpoint.host, endpoint.port);
            start.arrive_and_wait();
            for (auto at = next++; at < requests.size(); at = next++)
                result.replies[at] = connection.exchange(requests[at]);
        });
    }
    start.arrive_and_wait();
    const auto begun = std::chrono::steady_clock::now();
    threads.clear();
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    return result;
}

void in_parallel(std::size_t count, const std::function<void(std::size_t)>& job) {
    std::atomic<std::size_t> next{0};
    std::exception_ptr trouble;
    std::mutex mutex;
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::max(2U, std::thread::hardware_concurrency()); ++i) {
        threads.emplace_back([&] {
            try {
                for (auto at = next++; at < count; at = next++) job(at);
            } catch (...) {
                const std::lock_guard lock(mutex);
                if (!trouble) trouble = std::current_exception();
                next = count;
            }
        });
    }
    threads.clear();
    if (trouble) std::rethrow_exception(trouble);
}

}  // namespace countersign::test
