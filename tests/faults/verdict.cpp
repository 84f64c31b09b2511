#include "verdict.hpp"

#include "countersign/core/text.hpp"
#include "countersign/crypto/certificate.hpp"
#include "countersign/crypto/certificate_request.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace countersign::test {
namespace {

class Judge {
public:
    Judge(const Ledger& ledger, const std::vector<ClientRecord>& clients) : ledger_(ledger), clients_(clients) {
        for (const auto& attempt : ledger.attempts) {
            attempts_.emplace(attempt.id, &attempt);
            by_challenge_[attempt.challenge_mac].push_back(&attempt);
            by_transaction_[attempt.signer_key + "/" + attempt.transaction_id].push_back(&attempt);
        }
        for (const auto& certificate : ledger.certificates) by_attempt_[certificate.attempt].push_back(&certificate);
    }

    std::vector<std::string> complaints() && { return std::move(complaints_); }

    void attempts_are_final() {
        for (const auto& attempt : ledger_.attempts) {
            if (attempt.state == "failed" && by_attempt_.contains(attempt.id))
                complain("failed, yet a certificate was issued", attempt.id);
            if (attempt.state == "failed") continue;
            if (attempt.state != "issued") complain("left in state " + attempt.state, attempt.id);
            const auto issued = by_attempt_.find(attempt.id);
            if (issued == by_attempt_.end()) {
                complain("issued, but the certificate is not in the ledger", attempt.id);
            } else if (issued->second.size() != 1) {
                complain("two certificates for one request", attempt.id);
            } else if (issued->second.front()->serial != attempt.certificate_serial) {
                complain("issued under another serial number than the ledger's", attempt.id);
            }
        }
    }

    void challenges_are_spent_once() {
        for (const auto& challenge : ledger_.challenges) {
            std::size_t certificates = 0;
            std::size_t issued = 0;
            for (const auto* attempt : by_challenge_[challenge.mac]) {
                if (attempt->state == "issued") ++issued;
                if (const auto found = by_attempt_.find(attempt->id); found != by_attempt_.end())
                    certificates += found->second.size();
            }
            if (certificates > 1) complain("one password, several certificates", challenge.id);
            if (issued > 1) complain("one password, several issued requests", challenge.id);
            if (challenge.state == "reserved") complain("a password still reserved", challenge.id);
            if (challenge.state == "consumed" && issued == 0) complain("a password consumed for nothing", challenge.id);
            if (challenge.state != "consumed" && issued > 0) complain("a password used and not consumed", challenge.id);
        }
    }

    void certificates_belong_to_requests() {
        std::set<std::string> serials;
        for (const auto& row : ledger_.certificates) {
            if (!serials.insert(row.ca + "/" + row.serial).second) complain("a serial number given twice", row.serial);
            const auto certificate = crypto::Certificate::from_der(row.der);
            if (!certificate) {
                complain("an unreadable certificate in the ledger", row.serial);
                continue;
            }
            if (certificate->serial_hex() != row.serial)
                complain("the certificate has another serial number than its row", row.serial);
            if (row.attempt.empty()) continue;
            const auto attempt = attempts_.find(row.attempt);
            if (attempt == attempts_.end()) {
                complain("a certificate that no request asked for", row.serial);
                continue;
            }
            const auto request = crypto::CertificateRequest::from_der(attempt->second->csr);
            if (!request || !(request->public_key() == certificate->public_key())) {
                complain("a certificate for another key than the request's", row.serial);
            }
        }
    }

    void clients_have_what_the_ledger_says() {
        std::map<std::string, std::size_t> served;  // by challenge
        std::size_t certificates = 0;
        for (const auto& client : clients_) {
            for (const auto& trouble : client.troubles) complain(trouble, client.transaction_id);
            if (client.certificates.size() > 1)
                complain("different certificates for the same request", client.transaction_id);
            for (const auto& der : client.certificates) recorded_for(client, der);
            certificates += client.certificates.size();
            served[client.challenge_id] += client.certificates.empty() ? 0 : 1;
        }
        for (const auto& [challenge, count] : served) {
            if (count == 0) complain("nobody got a certificate for a valid password", challenge);
            if (count > 1) complain("several clients got a certificate for one password", challenge);
        }
        std::size_t enrolled = 0;
        for (const auto& row : ledger_.certificates) enrolled += row.attempt.empty() ? 0 : 1;
        if (enrolled != certificates) {
            complain("the ledger has " + std::to_string(enrolled) + " enrolled certificates, clients hold",
                     std::to_string(certificates));
        }
    }

    void audit_tells_the_same(const std::string& audit, std::size_t torn_lines) {
        std::set<std::string> accepted;
        std::set<std::string> issued;
        std::size_t unreadable = 0;
        for (const auto& line : split(audit, '\n')) {
            if (line.empty()) continue;
            const auto event = nlohmann::json::parse(line, nullptr, false);
            if (event.is_discarded() || !event.is_object()) {
                ++unreadable;
                continue;
            }
            const auto id = event.value("event", "");
            if (id == "enrollment.accepted") accepted.insert(event.value("request", ""));
            if (id == "enrollment.issued") issued.insert(event.value("serial", ""));
        }
        // One write(2) a line: a kill tears nothing, only the last line of a file may lack its end.
        const std::size_t tail = !audit.empty() && audit.back() != '\n' ? 1 : 0;
        if (unreadable > torn_lines + tail) complain("unreadable lines in the audit file", std::to_string(unreadable));
        for (const auto& attempt : ledger_.attempts) {
            if (!accepted.contains(attempt.id)) complain("accepted without an audit event", attempt.id);
        }
        for (const auto& row : ledger_.certificates) {
            if (!row.attempt.empty() && !issued.contains(row.serial))
                complain("issued without an audit event", row.serial);
        }
    }

private:
    void complain(const std::string& what, const std::string& which) { complaints_.push_back(what + ": " + which); }

    void recorded_for(const ClientRecord& client, const Bytes& der) {
        const auto attempts = by_transaction_.find(client.signer_key + "/" + client.transaction_id);
        bool found = false;
        if (attempts != by_transaction_.end()) {
            for (const auto* attempt : attempts->second) {
                const auto rows = by_attempt_.find(attempt->id);
                if (rows == by_attempt_.end()) continue;
                found = found || std::ranges::any_of(rows->second, [&](const auto* row) { return row->der == der; });
                if (attempt->csr != client.csr)
                    complain("the store has another CSR under the client's transaction", attempt->id);
            }
        }
        if (!found)
            complain("a certificate was delivered that is not in the ledger for this client", client.transaction_id);
    }

    const Ledger& ledger_;
    const std::vector<ClientRecord>& clients_;
    std::map<std::string, const AttemptRow*> attempts_;
    std::map<std::string, std::vector<const AttemptRow*>> by_challenge_;
    std::map<std::string, std::vector<const AttemptRow*>> by_transaction_;
    std::map<std::string, std::vector<const CertificateRow*>> by_attempt_;
    std::vector<std::string> complaints_;
};

}  // namespace

std::vector<std::string> judge(const Ledger& ledger, const std::vector<ClientRecord>& clients, const std::string& audit,
                               std::size_t torn_lines) {
    Judge judge(ledger, clients);
    judge.attempts_are_final();
    judge.challenges_are_spent_once();
    judge.certificates_belong_to_requests();
    judge.clients_have_what_the_ledger_says();
    judge.audit_tells_the_same(audit, torn_lines);
    return std::move(judge).complaints();
}

}  // namespace countersign::test
