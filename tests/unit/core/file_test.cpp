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

TEST(File, IsReadWholeOrNotAtAll) {
    const test::ScratchDirectory directory;
    const auto path = directory / "file";
    EXPECT_EQ(read_whole_file(path, 10).error().kind, ErrorKind::not_found);
    std::ofstream(path) << std::string(200'000, 'A');
    EXPECT_EQ(read_whole_file(path, 200'000).value(), Bytes(200'000, 0x41));
    EXPECT_EQ(read_whole_file(path, 199'999).error().kind, ErrorKind::malformed);
    EXPECT_EQ(read_whole_file(directory.path(), 10).error().kind, ErrorKind::unavailable) << "a directory";
}

TEST(File, IsReplacedAsAWhole) {
    const test::ScratchDirectory directory;
    const auto path = directory / "file";
    for (const auto& content : {Bytes{1, 2, 3}, Bytes{4}, Bytes{}}) {
        ASSERT_TRUE(replace_file(path, content));
        EXPECT_EQ(read_whole_file(path, 10).value(), content);
    }
    EXPECT_EQ(std::filesystem::status(path).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1) << "nothing is left behind";
    const auto nowhere = replace_file(directory / "none" / "file", Bytes{1});
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().kind, ErrorKind::unavailable);
    EXPECT_NE(nowhere.error().detail.find("none/file"), std::string::npos);
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
