// store::Transactions in SQL. Borrows the writer, the readers and the subscribers. Private to the store.
#pragma once

#include "countersign/store/transactions.hpp"
#include "readers.hpp"
#include "request_seal.hpp"
#include "subscribers.hpp"
#include "writer.hpp"

namespace countersign::store {

class SqlTransactions final : public Transactions {
public:
    SqlTransactions(Writer& writer, Readers& readers, const Subscribers& subscribers, RequestSeal seal)
        : writer_(writer), readers_(readers), subscribers_(subscribers), seal_(std::move(seal)) {}

    Result<std::optional<Attempt>> latest(const TransactionKey& key) override;
    Result<Attempt> find(const std::string& attempt_id) override;
    Result<void> record_intent(const Attempt& attempt) override;
    Result<void> record_issued(const std::string& attempt_id, const IssuedCertificate& certificate, Time now) override;
    Result<void> record_pending(const std::string& attempt_id, const std::string& ca_handle, Time now,
                                bool told = true) override;
    Result<void> record_waiting(const std::string& attempt_id, const std::string& reason, Time now) override;
    Result<void> record_submitting(const std::string& attempt_id, Time now) override;
    Result<void> record_failed(const std::string& attempt_id, const std::string& reason, ChallengeFate fate,
                               Time now) override;
    Result<void> approve(const std::string& attempt_id, const std::string& officer, Time now) override;
    Result<void> deny(const std::string& attempt_id, const std::string& officer, const std::string& reason,
                      Time now) override;
    Result<std::vector<Attempt>> in_state(AttemptState state, std::size_t limit) override;
    Result<std::vector<Attempt>> recent(std::size_t limit) override;
    Result<std::vector<Attempt>> list(const AttemptFilter& filter) override;
    Result<std::size_t> count(AttemptState state) override;

private:
    Result<std::vector<Attempt>> select(const Sql& sql, Parameters parameters);

    Writer& writer_;
    Readers& readers_;
    const Subscribers& subscribers_;
    const RequestSeal seal_;
};

}  // namespace countersign::store
