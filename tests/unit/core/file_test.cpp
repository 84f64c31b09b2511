#include "countersign/core/file.hpp"

#include "scratch_directory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <fstream>
#include <iterator>

namespace countersign {
namespace {

TEST(File, IsWrittenWhole) {
    const test::ScratchDirectory directory;
    const auto path = directory / "file";
    const Bytes content(200'000, 0x41);
    {
        const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        ASSERT_TRUE(write_all(file, content, path));
    }
    std::ifstream stream(path, std::ios::binary);
    const Bytes read{std::istreambuf_iterator<char>(stream), {}};
    EXPECT_EQ(read, content);
}

TEST(File, ThatCannotBeWrittenIsNamed) {
    const Descriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    const auto wrote = write_all(full, Bytes{1, 2, 3}, "/somewhere/audit.log");
    ASSERT_FALSE(wrote);
    EXPECT_EQ(wrote.error().kind, ErrorKind::unavailable);
    EXPECT_NE(wrote.error().detail.find("/somewhere/audit.log"), std::string::npos);
}

TEST(File, DescriptorsAreClosedOnceAndByOne) {
    int number = -1;
    {
        Descriptor first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        number = first.get();
        const Descriptor second(std::move(first));
        EXPECT_EQ(second.get(), number);
        EXPECT_GE(::fcntl(number, F_GETFD), 0);
    }
    EXPECT_LT(::fcntl(number, F_GETFD), 0);
}

TEST(Directory, IsForcedToTheDisk) {
    const test::ScratchDirectory directory;
    EXPECT_TRUE(sync_directory(directory.path()));
    EXPECT_TRUE(sync_directory(""));
    const auto absent = sync_directory(directory / "absent");
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().kind, ErrorKind::unavailable);
}

}  // namespace
}  // namespace countersign
