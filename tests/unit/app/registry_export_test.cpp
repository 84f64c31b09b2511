#include "app/migration/registry_export.hpp"

#include "vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace countersign::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string head = "Windows Registry Editor Version 5.00\r\n\r\n";

std::vector<RegistryKey> parsed(const std::string& text) {
    auto keys = parse_registry_export(as_bytes(text));
    EXPECT_TRUE(keys) << describe(keys.error());
    return keys ? *std::move(keys) : std::vector<RegistryKey>{};
}

RegistryValue value_of(const std::string& line) {
    const auto keys = parsed(head + "[HKEY_X\\Y]\r\n" + line + "\r\n");
    if (keys.size() == 1 && keys[0].values.size() == 1) return keys[0].values[0];
    ADD_FAILURE() << line;
    return {};
}

std::string refusal(const std::string& text) {
    const auto keys = parse_registry_export(as_bytes(text));
    if (keys) return "accepted";
    EXPECT_EQ(keys.error().kind, ErrorKind::malformed);
    return keys.error().detail;
}

std::string in_utf16(const std::string& ascii) {
    std::string text;
    for (const char c : ascii) text += {c, '\0'};
    return text;
}

TEST(RegistryExport, ReadsEveryTypeNdesUses) {
    EXPECT_EQ(value_of("\"a\"=dword:0000003c").number, 60u);
    EXPECT_EQ(value_of("\"a\"=DWORD:FFFFFFFF").number, 4294967295u);
    EXPECT_EQ(value_of("\"a\"=hex(4):05,00,00,00").number, 5u);
    EXPECT_EQ(value_of("\"a\"=hex(b):00,00,00,00,01,00,00,00").number, 4294967296u);
    EXPECT_EQ(value_of("\"a\"=\"CertSrv/mscep_admin\"").text, "CertSrv/mscep_admin");
    EXPECT_EQ(value_of("\"a\"=hex(2):41,00,42,00,00,00").text, "AB");
    EXPECT_THAT(value_of("\"a\"=hex(7):41,00,00,00,42,00,00,00,00,00").texts, ElementsAre("A", "B"));
    EXPECT_EQ(value_of("\"a\"=hex(7):").texts.size(), 0u);
    EXPECT_EQ(value_of("\"a\"=hex:01,02,ff").octets, (Bytes{1, 2, 0xff}));
    EXPECT_EQ(value_of("\"a\"=hex(0):").type, RegistryType::octets);
}

TEST(RegistryExport, UndoesEscapesAndLineContinuations) {
    EXPECT_EQ(value_of(R"("a\"b"="ca\\Example \"CA\"")").name, "a\"b");
    EXPECT_EQ(value_of(R"("a"="ca\\Example \"CA\"")").text, "ca\\Example \"CA\"");
    EXPECT_EQ(value_of("\"a\"=hex:01,\\\r\n  02,\\\r\n  03").octets, (Bytes{1, 2, 3}));
    EXPECT_EQ(value_of("\"a\"=hex:01,\\\n\t02").octets, (Bytes{1, 2}));
    EXPECT_EQ(value_of("\"a\"=\"two\r\nlines\"").text, "two\r\nlines");
    EXPECT_EQ(value_of("@=\"default\"").name, "");
}

TEST(RegistryExport, ReadsKeysCommentsRemovalsAndRepetitions) {
    const auto keys = parsed(
        head + "; made by hand\r\n[HKEY_A\\B [1]]\r\n\"x\"=dword:1\r\n\"X\"=dword:2\r\n\"y\"=-\r\n[-HKEY_C]\r\n");
    ASSERT_EQ(keys.size(), 2u);
    EXPECT_EQ(keys[0].path, "HKEY_A\\B [1]");
    ASSERT_EQ(keys[0].values.size(), 2u);
    EXPECT_EQ(keys[0].values[0].number, 2u);
    EXPECT_TRUE(keys[0].values[1].removal);
    EXPECT_TRUE(keys[1].removal);
    EXPECT_EQ(keys[1].path, "HKEY_C");
}

TEST(RegistryExport, ReadsTheThreeSpellings) {
    const std::string body = head + "[HKEY_X]\r\n\"a\"=\"b\"\r\n";
    EXPECT_EQ(parsed(body)[0].values[0].text, "b");
    EXPECT_EQ(parsed("\xef\xbb\xbf" + body)[0].values[0].text, "b");
    EXPECT_EQ(parsed("\xff\xfe" + in_utf16(body))[0].values[0].text, "b");
    EXPECT_EQ(parsed(in_utf16(body))[0].values[0].text, "b");
    EXPECT_EQ(parsed("REGEDIT4\n[HKEY_X]\n\"a\"=\"M\xfcller\"\n")[0].values[0].text, "Müller");
    EXPECT_EQ(parsed("REGEDIT4\n[HKEY_X]\n\"a\"=hex(2):4d,fc,00\n")[0].values[0].text, "Mü");
}

TEST(RegistryExport, KeepsDataThatDoNotFitTheirType) {
    EXPECT_EQ(value_of("\"a\"=hex(4):05").type, RegistryType::unreadable);
    EXPECT_EQ(value_of("\"a\"=hex(7):41").type, RegistryType::unreadable);
    EXPECT_EQ(value_of("\"a\"=hex(2):00,d8,00,00").type, RegistryType::unreadable);
    EXPECT_EQ(value_of("\"a\"=hex(2):41,00,00,00,42,00,00,00").type, RegistryType::unreadable);
    EXPECT_THAT(shown(value_of("\"a\"=hex(4):05")), HasSubstr("unreadable"));
}

TEST(RegistryExport, RefusesWhatIsNoExport) {
    EXPECT_THAT(refusal(""), HasSubstr("no registry export"));
    EXPECT_THAT(refusal("<html>"), HasSubstr("no registry export"));
    EXPECT_THAT(refusal("\xfe\xff"), HasSubstr("wrong way round"));
    EXPECT_THAT(refusal("\xff\xfe"
                        "a"),
                HasSubstr("UTF-16LE"));
    EXPECT_THAT(refusal(head + "[HKEY_X]\n\"a\"=\"\xff\"\n"), HasSubstr("UTF-8"));
    EXPECT_THAT(refusal(head + std::string("[HKEY_X]\0\n", 10)), HasSubstr("NUL"));
    EXPECT_THAT(refusal(std::string(1024 * 1024 + 1, ' ')), HasSubstr("1 MiB"));
}

TEST(RegistryExport, RefusesLinesItCannotRead) {
    for (const char* line : {"\"a\"=dword:",
                             "\"a\"=dword:123456789",
                             "\"a\"=dword:xyz",
                             "\"a\"=dword:-1",
                             "\"a\"",
                             "\"a\"=",
                             "\"a\"=hex(:01",
                             "\"a\"=hex(zz):01",
                             "\"a\"=hex:0",
                             "\"a\"=hex:01,",
                             "\"a\"=hex:01 02",
                             "\"a\"=hex:01,\\",
                             "\"a\"=hexa:01",
                             "\"a\"=qword:1",
                             "\"a\"=\"b",
                             "\"a\"=\"b\\",
                             "\"a\"=\"b\" c",
                             "a=dword:1",
                             "[HKEY_Y",
                             "[]",
                             "junk"}) {
        EXPECT_THAT(refusal(head + "[HKEY_X]\r\n" + line), HasSubstr("line 4")) << line;
    }
    EXPECT_THAT(refusal(head + "\"a\"=dword:1"), HasSubstr("before the first key"));
}

TEST(RegistryExport, BoundsCounts) {
    std::string keys = head;
    for (int i = 0; i < 4097; ++i) keys += "[K]\n";
    EXPECT_THAT(refusal(keys), HasSubstr("4096 keys"));
    EXPECT_THAT(refusal(head + "[" + std::string(5000, 'k') + "]"), HasSubstr("no name of a key"));
    EXPECT_THAT(refusal(head + "[K]\n\"" + std::string(2000, 'n') + "\"=dword:1"), HasSubstr("too long"));
}

// Cut anywhere, a file is refused or yields keys that were in it; nothing else may happen.
TEST(RegistryExport, SurvivesTruncationEverywhere) {
    for (const char* name :
         {"registry/default-utf16.reg", "registry/hardened-utf8.reg", "registry/single-password-regedit4.reg"}) {
        const Bytes whole = test::vector_octets(name);
        ASSERT_TRUE(parse_registry_export(whole)) << name;
        const auto all = parse_registry_export(whole)->size();
        for (std::size_t length = 0; length < whole.size(); ++length) {
            const auto keys = parse_registry_export(ByteView(whole).first(length));
            if (keys) {
                EXPECT_LE(keys->size(), all) << name << " cut at " << length;
            } else {
                EXPECT_EQ(keys.error().kind, ErrorKind::malformed) << name << " cut at " << length;
            }
        }
    }
}

TEST(RegistryExport, SurvivesChangedOctets) {
    const Bytes whole = test::vector_octets("registry/hardened-utf8.reg");
    for (std::size_t at = 0; at < whole.size(); ++at) {
        Bytes changed = whole;
        changed[at] = static_cast<std::uint8_t>(at * 31 + 7);
        const auto keys = parse_registry_export(changed);
        if (!keys) {
            EXPECT_EQ(keys.error().kind, ErrorKind::malformed);
        }
    }
}

TEST(RegistryExport, ShowsForeignTextPrintable) {
    EXPECT_EQ(shown(value_of("\"a\"=\"x\r\ny\"")), "\"x\\x0d\\x0ay\"");
    EXPECT_EQ(shown(value_of("\"a\"=hex:01,02")), "2 octets");
    EXPECT_EQ(shown(value_of("\"a\"=-")), "(to be removed)");
}

}  // namespace
}  // namespace countersign::app
