// Full PKI responses of RFC 5272, written out by hand from its ASN.1.
#include "countersign/crypto/cmc.hpp"
#include "crypto/der.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace countersign::crypto {
namespace {

struct Told {
    std::uint64_t status;
    std::string text{};
    std::optional<std::uint64_t> failure{};
    std::string control = "1.3.6.1.5.5.7.7.25";
};

Bytes response(const std::vector<Told>& all) {
    const auto control = [](DerWriter& out, const Told& told) {
        out.nest(tag::sequence, [&](DerWriter& attribute) {
            attribute.integer(1).oid(told.control).nest(tag::set, [&](DerWriter& values) {
                values.nest(tag::sequence, [&](DerWriter& info) {
                    info.integer(told.status).nest(tag::sequence, [](DerWriter& list) { list.integer(1); });
                    if (!told.text.empty()) info.string(tag::utf8_string, told.text);
                    if (told.failure) info.integer(*told.failure);
                });
            });
        });
    };
    const auto empty = [](DerWriter&) {};
    return DerWriter()
        .nest(tag::sequence,
              [&](DerWriter& out) {
                  out.nest(tag::sequence, [&](DerWriter& controls) {
                      for (const auto& told : all) control(controls, told);
                  });
                  out.nest(tag::sequence, empty).nest(tag::sequence, empty);
              })
        .take();
}

TEST(CmcResponseTest, StatusAndWordsAreRead) {
    const auto good = read_pki_response(response({{0}}));
    ASSERT_TRUE(good) << describe(good.error());
    EXPECT_EQ(good->status, CmcStatus::success);
    const auto bad = read_pki_response(response({{2, "not today", 2}}));
    ASSERT_TRUE(bad);
    EXPECT_EQ(bad->status, CmcStatus::failed);
    EXPECT_EQ(bad->text, "not today, badRequest");
    EXPECT_EQ(read_pki_response(response({{3, "", {}, "1.3.6.1.5.5.7.7.1"}}))->status, CmcStatus::pending);
}

TEST(CmcResponseTest, TheWorstStatusCounts) {
    EXPECT_EQ(read_pki_response(response({{0}, {2}, {0}}))->status, CmcStatus::failed);
    EXPECT_EQ(read_pki_response(response({{3}, {0}}))->status, CmcStatus::pending);
}

TEST(CmcResponseTest, WithoutStatusItTellsNothing) {
    EXPECT_FALSE(read_pki_response(response({})));
    EXPECT_FALSE(read_pki_response(response({{0, "", {}, "1.3.6.1.5.5.7.7.2"}})));
    EXPECT_FALSE(read_pki_response(response({{9}})));
    EXPECT_FALSE(read_pki_response({}));
    auto cut = response({{0}});
    cut.pop_back();
    EXPECT_FALSE(read_pki_response(cut));
}

}  // namespace
}  // namespace countersign::crypto
