// Clients that do not give up: each sends its one message until it is answered, over whatever connection can be had,
// and remembers every certificate it was given.
//
// A fleet owns its threads. Among the plain clients are twins (the same message on two connections at once) and rivals
// (two requests that share one password).
#pragma once

#include "scep_load.hpp"
#include "verdict.hpp"

#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

namespace countersign::test {

class Fleet {
public:
    // `stock`: how many requests are made beforehand; more are made as they are needed.
    Fleet(const Instance& instance, std::size_t connections, std::size_t stock, unsigned seed);
    ~Fleet();

    // Lets go of the store: from now on the stock is all there is.
    void close_store() { minter_.reset(); }
    void start();
    // Takes up no further clients, waits until those under way are answered (a server must be running), and ends the
    // threads.
    void finish();
    // Every client that has a certificate asks once more; likewise needs a server.
    void ask_again();

    std::size_t answered() const { return answered_; }
    std::vector<ClientRecord> records() const;

private:
    struct Client {
        Client(PreparedRequest prepared, ClientRecord facts) : request(std::move(prepared)), record(std::move(facts)) {}
        const PreparedRequest request;
        std::mutex mutex;
        ClientRecord record;
    };
    enum class Progress { answered, try_again };

    void enlist_some();
    void enlist(PreparedRequest request, bool shares_challenge);
    Client* next_client();
    Client* somebody_served(std::mt19937& dice);
    void work(std::size_t number);
    void ask_until_answered(HttpConnection& connection, Client& client);
    Progress ask(HttpConnection& connection, Client& client);
    Progress note_answer(Client& client, const HttpReply& reply);

    Endpoint endpoint_;
    std::size_t connections_;
    unsigned seed_;
    std::optional<Minter> minter_;
    std::unique_ptr<RequestMaker> maker_;

    mutable std::mutex mutex_;
    std::deque<std::unique_ptr<Client>> clients_;
    std::vector<Client*> errands_;  // a client stands here once for each connection that speaks for it
    std::size_t next_errand_ = 0;
    std::vector<Client*> served_;
    std::mt19937 dice_;

    std::atomic<bool> finishing_{false};
    std::atomic<bool> abandoned_{false};
    std::atomic<std::size_t> answered_{0};
    std::vector<std::jthread> threads_;
};

}  // namespace countersign::test
