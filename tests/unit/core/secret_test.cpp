#include "countersign/core/secret.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <type_traits>

namespace countersign {
namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
    out << value;
};

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(!std::is_convertible_v<std::string_view, Secret>, "a secret is made on purpose");
static_assert(!Printable<Secret>, "a secret never reaches a stream");

TEST(Secret, HoldsACopy) {
    std::string source = "hunter2";
    const Secret secret{std::string_view(source)};
    source.assign("xxxxxxx");
    EXPECT_EQ(secret.reveal_text(), "hunter2");
    EXPECT_EQ(secret.size(), 7U);
    EXPECT_FALSE(secret.empty());
}

TEST(Secret, MovingLeavesNothingBehind) {
    Secret first{std::string_view("hunter2")};
    Secret second(std::move(first));
    EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): that is the point
    EXPECT_EQ(second.reveal_text(), "hunter2");
    Secret third{std::string_view("old")};
    third = std::move(second);
    EXPECT_TRUE(second.empty());  // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(third.reveal_text(), "hunter2");
}

TEST(Secret, MovingOntoItselfKeepsIt) {
    Secret secret{std::string_view("hunter2")};
    Secret& alias = secret;
    secret = std::move(alias);
    EXPECT_EQ(secret.reveal_text(), "hunter2");
}

TEST(Secret, DuplicateIsIndependent) {
    Secret first{std::string_view("hunter2")};
    const Secret copy = first.duplicate();
    first.wipe();
    EXPECT_TRUE(first.empty());
    EXPECT_EQ(copy.reveal_text(), "hunter2");
}

TEST(Secret, WipingOverwritesTheOctetsWhereTheyWere) {
    Secret secret{std::string_view("hunter2")};
    const std::uint8_t* where = secret.reveal().data();
    const std::size_t size = secret.size();
    secret.wipe();
    // The secret keeps its memory, so it may still be looked at.
    for (std::size_t i = 0; i < size; ++i) EXPECT_EQ(where[i], 0) << i;
}

TEST(Secret, TruncateWipesTheTailAndNeverGrows) {
    Secret secret{std::string_view("hunter2")};
    const auto before = secret.writable();
    secret.truncate(3);
    EXPECT_EQ(secret.reveal_text(), "hun");
    EXPECT_EQ(secret.reveal().data(), before.data());
    secret.truncate(100);
    EXPECT_EQ(secret.size(), 3U);
    secret.truncate(0);
    EXPECT_TRUE(secret.empty());
}

TEST(Secret, OfSizeIsZeroAndWritable) {
    Secret secret = Secret::of_size(4);
    EXPECT_TRUE(secret.equals(Bytes{0, 0, 0, 0}));
    secret.writable()[2] = 7;
    EXPECT_TRUE(secret.equals(Bytes{0, 0, 7, 0}));
}

TEST(Secret, EqualityNeedsEveryOctetAndTheLength) {
    const Secret secret{std::string_view("hunter2")};
    EXPECT_TRUE(secret.equals(as_bytes("hunter2")));
    EXPECT_FALSE(secret.equals(as_bytes("Hunter2")));
    EXPECT_FALSE(secret.equals(as_bytes("hunter3")));
    EXPECT_FALSE(secret.equals(as_bytes("hunter")));
    EXPECT_FALSE(secret.equals(as_bytes("hunter22")));
    EXPECT_FALSE(secret.equals({}));
    EXPECT_TRUE(Secret().equals({}));
}

TEST(Secret, WipeMemoryOverwrites) {
    Bytes octets{1, 2, 3};
    wipe_memory(octets.data(), 2);
    EXPECT_EQ(octets, (Bytes{0, 0, 3}));
    wipe_memory(nullptr, 0);
}

}  // namespace
}  // namespace countersign
