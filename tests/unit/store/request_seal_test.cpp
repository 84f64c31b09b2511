// Certification requests as they lie in the database.
#include "countersign/crypto/encoding.hpp"
#include "sqlite_fixture.hpp"
#include "store_samples.hpp"
#include "vectors.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

namespace countersign::store {
namespace {

using test::open_sqlite;
using test::sample_attempt;

class RequestSeal : public testing::Test {
protected:
    RequestSeal() : options_(test::sqlite_options(directory_)), database_(open_sqlite(options_)) {}

    std::unique_ptr<Database> open_with(std::shared_ptr<const Secret> key) {
        auto options = options_;
        options.request_key = std::move(key);
        return open_sqlite(options);
    }
    // What the statement selects, or nothing.
    std::string sql(const std::string& statement) {
        sqlite3* handle = nullptr;
        EXPECT_EQ(sqlite3_open((directory_ / "test.db").c_str(), &handle), SQLITE_OK);
        std::string found;
        const auto note = [](void* into, int, char** values, char**) {
            static_cast<std::string*>(into)->append(values[0] == nullptr ? "" : values[0]);
            return 0;
        };
        EXPECT_EQ(sqlite3_exec(handle, statement.c_str(), note, &found, nullptr), SQLITE_OK) << statement;
        sqlite3_close(handle);
        return found;
    }
    Attempt recorded(unsigned number) {
        auto attempt = sample_attempt(number);
        attempt.csr = request_;
        EXPECT_TRUE(database_->transactions().record_intent(attempt));
        return attempt;
    }

    const Bytes request_ =
        crypto::from_pem(test::vector_text("crypto/request.pem"), "CERTIFICATE REQUEST").value().front();
    test::ScratchDirectory directory_;
    DatabaseOptions options_;
    std::unique_ptr<Database> database_;
};

TEST_F(RequestSeal, ARequestIsReadBackAndItsOctetsAreNotInTheDatabase) {
    const auto attempt = recorded(1);
    EXPECT_EQ(database_->transactions().find(attempt.id)->csr, request_);
    const auto column = sql("SELECT csr FROM attempts");
    ASSERT_TRUE(column.starts_with("sealed:"));
    const auto octets = crypto::from_base64(column.substr(7)).value();
    EXPECT_EQ(as_text(octets).find("3AB7C1DE9F024586"), std::string_view::npos) << "the password of the vector";
    EXPECT_NE(as_text(request_).find("3AB7C1DE9F024586"), std::string_view::npos) << "which is there to be found";
}

TEST_F(RequestSeal, EachRowIsSealedForItself) {
    const auto first = recorded(1);
    const auto second = recorded(2);
    const auto column = [&](const Attempt& one) { return sql("SELECT csr FROM attempts WHERE id = '" + one.id + "'"); };
    EXPECT_NE(column(first), column(second)) << "the same request twice";
    sql("UPDATE attempts SET csr = '" + column(first) + "' WHERE id = '" + second.id + "'");
    EXPECT_EQ(database_->transactions().find(second.id)->csr, Bytes{}) << "another row's";
    EXPECT_EQ(database_->transactions().find(first.id)->csr, request_);
}

TEST_F(RequestSeal, WithoutItsKeyARequestIsEmptyAndTheRowIsReadAllTheSame) {
    const auto attempt = recorded(1);
    for (const auto& key :
         {std::shared_ptr<const Secret>(), std::make_shared<const Secret>("not the key of these requests here")}) {
        const auto found = open_with(key)->transactions().find(attempt.id);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->csr, Bytes{});
        EXPECT_EQ(found->subject, attempt.subject);
    }
}

TEST_F(RequestSeal, ASpoiltOneIsEmptyAndNotAnotherRequest) {
    const auto attempt = recorded(1);
    auto octets = crypto::from_base64(sql("SELECT csr FROM attempts").substr(7)).value();
    octets[octets.size() / 2] ^= 1;
    sql("UPDATE attempts SET csr = 'sealed:" + crypto::base64(octets) + "'");
    EXPECT_EQ(database_->transactions().find(attempt.id)->csr, Bytes{});
    sql("UPDATE attempts SET csr = 'sealed:AAAA'");
    EXPECT_EQ(database_->transactions().find(attempt.id)->csr, Bytes{}) << "shorter than a tag";
}

TEST_F(RequestSeal, RowsOfOlderReleasesAreReadAsTheyAre) {
    const auto attempt = recorded(1);
    sql("UPDATE attempts SET csr = '" + crypto::base64(request_) + "'");
    EXPECT_EQ(database_->transactions().find(attempt.id)->csr, request_);
}

}  // namespace
}  // namespace countersign::store
