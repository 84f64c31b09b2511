#include "fleet.hpp"

#include <algorithm>

namespace countersign::test {

using namespace std::chrono_literals;

Fleet::Fleet(const Instance& instance, std::size_t connections, std::size_t stock, unsigned seed)
    : endpoint_(instance.endpoint),
      connections_(connections),
      seed_(seed),
      maker_(std::make_unique<RequestMaker>(endpoint_, fetch_certificates(endpoint_), 4)),
      dice_(seed) {
    minter_.emplace(instance, "default");
    const auto otps = minter_->mint(stock);
    // Rivals get a password that a neighbour has too.
    std::vector<MintedOtp> passwords;
    std::vector<bool> shared;
    for (const auto& otp : otps) {
        const bool rivals = dice_() % 8 == 0;
        passwords.insert(passwords.end(), rivals ? 2 : 1, otp);
        shared.insert(shared.end(), rivals ? 2 : 1, rivals);
    }
    auto requests = maker_->make(passwords);
    for (std::size_t i = 0; i < requests.size(); ++i) enlist(std::move(requests[i]), shared[i]);
}

Fleet::~Fleet() {
    finishing_ = true;
    abandoned_ = true;
}

void Fleet::enlist(PreparedRequest request, bool shares_challenge) {
    ClientRecord record{
        request.challenge_id, request.transaction_id, request.signer_key, request.csr, shares_challenge, {}, {}};
    auto& client = clients_.emplace_back(std::make_unique<Client>(std::move(request), std::move(record)));
    errands_.push_back(client.get());
    if (!shares_challenge && dice_() % 8 == 0) errands_.push_back(client.get());  // a twin
}

// Null: nobody is left, and nobody can be made.
Fleet::Client* Fleet::next_client() {
    {
        const std::lock_guard lock(mutex_);
        if (next_errand_ < errands_.size()) return errands_[next_errand_++];
    }
    if (!minter_) return nullptr;
    auto request = maker_->make(minter_->mint());
    const std::lock_guard lock(mutex_);
    enlist(std::move(request), false);
    return errands_[next_errand_++];
}

Fleet::Client* Fleet::somebody_served(std::mt19937& dice) {
    const std::lock_guard lock(mutex_);
    return served_.empty() ? nullptr : served_[dice() % served_.size()];
}

void Fleet::start() {
    for (std::size_t i = 0; i < connections_; ++i) threads_.emplace_back([this, i] { work(i); });
}

void Fleet::finish() {
    finishing_ = true;
    threads_.clear();
    // Who was never sent for has no complaint to make: its password stays as it was.
    const std::lock_guard lock(mutex_);
    errands_.resize(next_errand_);
    std::erase_if(clients_,
                  [&](const auto& client) { return std::ranges::find(errands_, client.get()) == errands_.end(); });
}

void Fleet::work(std::size_t number) {
    std::mt19937 dice(seed_ + 1000 + static_cast<unsigned>(number));
    HttpConnection connection(endpoint_.host, endpoint_.port);
    while (!finishing_) {
        auto* const client = next_client();
        if (client == nullptr) return;
        ask_until_answered(connection, *client);
        if (auto* again = dice() % 4 == 0 ? somebody_served(dice) : nullptr; again != nullptr) ask(connection, *again);
    }
}

void Fleet::ask_again() {
    std::vector<Client*> served;
    {
        const std::lock_guard lock(mutex_);
        served = served_;
    }
    in_parallel(served.size(), [&](std::size_t i) {
        HttpConnection connection(endpoint_.host, endpoint_.port);
        ask_until_answered(connection, *served[i]);
    });
}

void Fleet::ask_until_answered(HttpConnection& connection, Client& client) {
    while (!abandoned_ && ask(connection, client) == Progress::try_again) std::this_thread::sleep_for(3ms);
}

Fleet::Progress Fleet::ask(HttpConnection& connection, Client& client) {
    const auto reply = connection.exchange(client.request.http);
    // Nobody there, gone in the middle, or too busy: the message is sent again as it is.
    if (!reply || reply->status == 503) return Progress::try_again;
    return note_answer(client, *reply);
}

Fleet::Progress Fleet::note_answer(Client& client, const HttpReply& reply) {
    const auto rep = reply.status == 200
                         ? maker_->read(client.request, reply.body)
                         : Result<scep::CertRep>(fail::malformed("HTTP status " + std::to_string(reply.status)));
    if (rep && rep->status == scep::PkiStatus::pending) return Progress::try_again;
    ++answered_;
    const std::lock_guard lock(client.mutex);
    auto& record = client.record;
    if (!rep) {
        record.troubles.push_back("an answer that makes no sense (" + describe(rep.error()) + ")");
    } else if (rep->status == scep::PkiStatus::failure) {
        // Of two rivals one is refused; that it is only one, the verdict sees.
        if (!record.shares_challenge || !record.certificates.empty())
            record.troubles.emplace_back("refused with a valid password");
    } else if (rep->certificates.empty()) {
        record.troubles.emplace_back("success without a certificate");
    } else {
        const Bytes der = to_bytes(rep->certificates.front().der());
        if (record.certificates.empty()) {
            const std::lock_guard fleet_lock(mutex_);
            served_.push_back(&client);
        }
        if (std::ranges::find(record.certificates, der) == record.certificates.end())
            record.certificates.push_back(der);
    }
    return Progress::answered;
}

std::vector<ClientRecord> Fleet::records() const {
    const std::lock_guard lock(mutex_);
    std::vector<ClientRecord> result;
    for (const auto& client : clients_) result.push_back(client->record);
    return result;
}

}  // namespace countersign::test
