#include "ledger.hpp"

#include "countersign/crypto/aead.hpp"
#include "countersign/crypto/digest.hpp"
#include "countersign/crypto/encoding.hpp"
#include "load/instance.hpp"

#include <sqlite3.h>
#include <functional>
#include <memory>
#include <stdexcept>

namespace countersign::test {
namespace {

using Database = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;
using Columns = std::function<std::string(int)>;

Database open_database(const std::filesystem::path& path) {
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr);
    Database database(handle, sqlite3_close);
    if (code != SQLITE_OK) throw std::runtime_error("cannot open " + path.string());
    sqlite3_busy_timeout(handle, 10000);
    return database;
}

void for_each_row(sqlite3* database, const std::string& sql, const std::function<void(const Columns&)>& each) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(database, sql.c_str(), -1, &raw, nullptr) != SQLITE_OK) {
        throw std::runtime_error(sql + ": " + sqlite3_errmsg(database));
    }
    const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(raw, sqlite3_finalize);
    const Columns columns = [raw](int i) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(raw, i));
        return text == nullptr ? std::string() : std::string(text);
    };
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(raw)) == SQLITE_ROW) each(columns);
    if (code != SQLITE_DONE) throw std::runtime_error(sql + ": " + sqlite3_errmsg(database));
}

Bytes octets(std::string_view base64) {
    auto decoded = crypto::from_base64(base64);
    if (!decoded) throw std::runtime_error("a column of the store is not base64");
    return *std::move(decoded);
}

// As docs/security-model.md describes it: AES-256-GCM under a key of the pepper's for each attempt. Empty: it does not
// open, as when a row was copied.
Bytes opened(const Bytes& pepper, const std::string& id, const std::string& column) {
    constexpr std::string_view mark = "sealed:";
    if (!column.starts_with(mark)) throw std::runtime_error("a request that is not sealed: " + id);
    const Bytes text = octets(std::string_view(column).substr(mark.size()));
    const auto tag = text.end() - static_cast<std::ptrdiff_t>(crypto::gcm_tag_size);
    const auto all = crypto::hmac_sha256(pepper, as_bytes("countersign requests in the store"));
    const auto key = crypto::hmac_sha256(all, as_bytes("countersign request of " + id));
    const auto request = crypto::open_aes256_gcm(key, Bytes(crypto::gcm_iv_size, 0), as_bytes(id),
                                                 {Bytes(text.begin(), tag), Bytes(tag, text.end())});
    return request ? to_bytes(request->reveal()) : Bytes{};
}

}  // namespace

Ledger read_ledger(const config::Settings& settings) {
    const auto database = open_database(settings.store.url.substr(std::string("sqlite:").size()));
    const auto pepper = to_bytes(as_bytes(contents(settings.secrets.pepper)));
    Ledger ledger;
    std::string integrity;
    for_each_row(database.get(), "PRAGMA integrity_check", [&](const Columns& column) { integrity += column(0); });
    if (integrity != "ok") throw std::runtime_error("the store is corrupt: " + integrity);
    for_each_row(database.get(),
                 "SELECT id, signer_key, transaction_id, state, challenge_mac, certificate_serial, csr FROM attempts",
                 [&](const Columns& column) {
                     ledger.attempts.push_back({column(0), column(1), column(2), column(3), column(4), column(5),
                                                opened(pepper, column(0), column(6))});
                 });
    for_each_row(database.get(), "SELECT mac, id, state, attempt FROM challenges", [&](const Columns& column) {
        ledger.challenges.push_back({column(0), column(1), column(2), column(3)});
    });
    for_each_row(database.get(), "SELECT serial, ca, attempt, der FROM certificates", [&](const Columns& column) {
        ledger.certificates.push_back({column(0), column(1), column(2), octets(column(3))});
    });
    return ledger;
}

void run_sql(const std::filesystem::path& path, const std::string& sql) {
    const auto database = open_database(path);
    char* message = nullptr;
    if (sqlite3_exec(database.get(), ("PRAGMA foreign_keys = OFF;" + sql).c_str(), nullptr, nullptr, &message) ==
        SQLITE_OK)
        return;
    const std::string text = message == nullptr ? "" : message;
    sqlite3_free(message);
    throw std::runtime_error(sql + ": " + text);
}

}  // namespace countersign::test
