#include "countersign/core/source.hpp"

#include <gtest/gtest.h>

namespace countersign {
namespace {

TEST(SourceOf, AnIpv6SiteIsOneSource) {
    EXPECT_EQ(source_of("192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(source_of("2001:db8:1:2:3:4:5:6"), source_of("2001:db8:1:2::1"));
    EXPECT_NE(source_of("2001:db8:1:2::1"), source_of("2001:db8:1:3::1"));
    EXPECT_EQ(source_of("unix"), "unix");
}

TEST(ThisMachine, IsLoopbackAndUnixSocketsAlone) {
    for (const auto* here : {"unix", "::1", "127.0.0.1", "127.3.2.1"}) EXPECT_TRUE(is_this_machine(here)) << here;
    for (const auto* elsewhere : {"192.0.2.1", "::2", "::1:1", "128.0.0.1", "12.7.0.1", "", "unix2"})
        EXPECT_FALSE(is_this_machine(elsewhere)) << elsewhere;
}

}  // namespace
}  // namespace countersign
