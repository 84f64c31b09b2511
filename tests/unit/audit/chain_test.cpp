// A history that was changed is found out, wherever and however; one that was not is not suspected.
#include "countersign/audit/catalogue.hpp"
#include "countersign/audit/sinks.hpp"
#include "countersign/audit/verification.hpp"
#include "countersign/core/text.hpp"
#include "countersign/keys/file_key.hpp"
#include "fixed_clock.hpp"
#include "scratch_directory.hpp"

#include <gmock/gmock.h>
#include <fstream>
#include <nlohmann/json.hpp>

namespace countersign::audit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t kLines = 40;

class Chain : public testing::Test {
protected:
    std::unique_ptr<JsonLinesSink> open() {
        return *JsonLinesSink::open(path_, clock_,
                                    {false, [this](const std::string& what) { broken_.push_back(what); }});
    }
    static void record(JsonLinesSink& sink, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            ASSERT_TRUE(sink.record(Event(event::enrollment_issued).with("serial", "01ab")));
    }
    static std::vector<std::string> lines_of(const std::filesystem::path& path) {
        std::ifstream file(path);
        std::vector<std::string> lines;
        for (std::string line; std::getline(file, line);) lines.push_back(line);
        return lines;
    }
    void write(const std::vector<std::string>& lines) const {
        std::ofstream file(path_, std::ios::trunc);
        for (const auto& line : lines) file << line << '\n';
    }
    Verification verified(std::vector<ChainHead> expected = {}) const {
        return *verify({path_}, {key_->public_key(), std::move(expected)});
    }
    std::shared_ptr<keys::Key> new_key(const std::string& name) {
        keys::FileKeySource source(directory_.path());
        return *source.generate("file:" + name, keys::GeneratedKey::ec_p256, keys::KeyUse::sign, random_);
    }

    test::ScratchDirectory directory_;
    std::filesystem::path path_ = directory_ / "audit.jsonl";
    test::FixedClock clock_;
    SystemRandom random_;
    std::shared_ptr<keys::Key> key_ = new_key("audit.key");
    std::vector<std::string> broken_;
};

TEST_F(Chain, AnUntouchedHistoryIsNotSuspected) {
    const auto first = open();
    record(*first, kLines);
    ASSERT_TRUE(first->checkpoint(*key_));
    record(*open(), 3);
    record(*first, 2);  // follows what the other one wrote
    const auto result = verified();
    EXPECT_THAT(result.findings, IsEmpty());
    EXPECT_THAT(result.notes, IsEmpty());
    EXPECT_EQ(result.lines, kLines + 6);
    EXPECT_EQ(result.head.seq, kLines + 6);
    EXPECT_EQ(result.sealed->seq, kLines);
    EXPECT_THAT(broken_, IsEmpty());
}

// What sha256sum makes of it: the format is what the documentation says.
TEST_F(Chain, ALineIsHashedAsDocumented) {
    ChainHead head;
    const auto line = append_to_chain(head, Event(event::daemon_started).with("config", "x"), clock_.now());
    EXPECT_EQ(line,
              R"({"seq":1,"time":"2026-11-21T06:00:00.000Z","event":"daemon.started","severity":"info","config":"x",)"
              R"("chain":")" +
                  head.hash + "\"}\n");
    const auto file = directory_ / "hashed";
    std::ofstream(file) << std::string(64, '0') << line.substr(0, line.find(",\"chain\"")) << "}";
    std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(("sha256sum " + file.string()).c_str(), "r"), ::pclose);
    char digest[65] = {};
    ASSERT_NE(std::fgets(digest, sizeof digest, pipe.get()), nullptr);
    EXPECT_EQ(head.hash, digest);
}

TEST_F(Chain, EveryChangeOfALineIsFoundAtItsPlace) {
    record(*open(), kLines);
    const auto good = lines_of(path_);
    for (std::size_t i = 0; i < good.size(); ++i) {
        auto lines = good;
        lines[i].replace(lines[i].find("01ab"), 4, "01ac");
        write(lines);
        const auto result = verified();
        ASSERT_EQ(result.findings.size(), 1u) << i;
        EXPECT_EQ(result.findings[0].line, i + 1);
        EXPECT_THAT(result.findings[0].what, HasSubstr("changed"));
    }
}

TEST_F(Chain, EveryOctetCounts) {
    record(*open(), 3);
    const auto good = lines_of(path_);
    for (std::size_t at = 0; at < good[1].size(); ++at) {
        for (const int bit : {1, 2, 4, 8, 16, 32, 64}) {
            auto lines = good;
            lines[1][at] = static_cast<char>(lines[1][at] ^ bit);
            if (lines[1][at] == '\n') continue;
            write(lines);
            EXPECT_THAT(verified().findings, testing::Not(IsEmpty())) << at << " bit " << bit;
        }
    }
}

TEST_F(Chain, EveryMissingLineIsFoundButTheLast) {
    record(*open(), kLines);
    const auto good = lines_of(path_);
    for (std::size_t i = 0; i + 1 < good.size(); ++i) {
        auto lines = good;
        lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(i));
        write(lines);
        const auto result = verified();
        ASSERT_EQ(result.findings.size(), 1u) << i;
        EXPECT_EQ(result.findings[0].line, i + 1);
        EXPECT_THAT(result.findings[0].what, HasSubstr("missing"));
    }
}

TEST_F(Chain, SwappedRepeatedAndForeignLinesAreFound) {
    record(*open(), kLines);
    const auto good = lines_of(path_);
    for (std::size_t i = 0; i + 1 < good.size(); ++i) {
        auto lines = good;
        std::swap(lines[i], lines[i + 1]);
        write(lines);
        EXPECT_THAT(verified().findings, testing::Not(IsEmpty())) << "swapped " << i;
        lines = good;
        lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(i), good[i]);
        write(lines);
        EXPECT_EQ(verified().findings.size(), 1u) << "repeated " << i;
        lines = good;
        lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(i), R"({"event":"made up"})");
        write(lines);
        const auto result = verified();
        ASSERT_EQ(result.findings.size(), 1u) << "put in " << i;
        EXPECT_EQ(result.findings[0].line, i + 1);
    }
}

// The end alone says nothing of what stood after it: somebody else must remember.
TEST_F(Chain, ACutEndIsFoundByWhoRemembersIt) {
    const auto sink = open();
    record(*sink, kLines);
    const auto sealed = sink->checkpoint(*key_);
    ASSERT_TRUE(sealed);
    const ChainHead remembered = **sealed;
    EXPECT_THAT(verified({remembered}).findings, IsEmpty());
    auto lines = lines_of(path_);
    lines.resize(kLines - 2);
    write(lines);
    EXPECT_THAT(verified().findings, IsEmpty());
    const auto result = verified({remembered});
    ASSERT_EQ(result.findings.size(), 1u);
    EXPECT_THAT(result.findings[0].what, HasSubstr("not there"));
}

TEST_F(Chain, TheDaemonNoticesWhatHappensUnderIt) {
    const auto sink = open();
    record(*sink, 5);
    auto lines = lines_of(path_);
    lines.pop_back();
    write(lines);
    record(*sink, 1);
    ASSERT_EQ(broken_.size(), 1u);
    EXPECT_THAT(broken_[0], HasSubstr("shorter"));
    EXPECT_THAT(verified().findings, testing::SizeIs(2)) << "the gap, and what the daemon said of it";

    std::ofstream(path_, std::ios::app) << lines[0] << '\n';
    record(*sink, 1);
    ASSERT_EQ(broken_.size(), 2u);
    EXPECT_THAT(broken_[1], HasSubstr("do not go on"));
    EXPECT_EQ(nlohmann::json::parse(lines_of(path_).back()).at("event"), event::enrollment_issued);
}

// Somebody who can write the file makes it consistent again; the signature is what he cannot make.
TEST_F(Chain, AHistoryWrittenAnewHasNoCheckpoint) {
    const auto sink = open();
    record(*sink, 5);
    ASSERT_TRUE(sink->checkpoint(*key_));
    record(*sink, 1);
    const auto original = lines_of(path_);
    const auto rewrite = [&](keys::Key* key, bool keep_signature) {
        std::filesystem::remove(path_);
        const auto forger = open();
        for (int i = 0; i < 5; ++i) ASSERT_TRUE(forger->record(Event(event::enrollment_issued).with("serial", "beef")));
        if (key != nullptr) {
            ASSERT_TRUE(forger->checkpoint(*key));
        }
        if (keep_signature) {
            const auto old = nlohmann::json::parse(original[5]);
            Event copied(event::audit_checkpoint);
            for (const char* name : {"covers", "key", "signature"}) copied.with(name, old.at(name).get<std::string>());
            ASSERT_TRUE(forger->record(copied));
        }
    };
    rewrite(nullptr, true);
    ASSERT_EQ(verified().findings.size(), 1u);
    EXPECT_THAT(verified().findings[0].what, HasSubstr("about another line"));
    const auto another = new_key("another.key");
    rewrite(another.get(), false);
    ASSERT_EQ(verified().findings.size(), 1u);
    EXPECT_THAT(verified().findings[0].what, HasSubstr("another key"));
    rewrite(nullptr, false);
    EXPECT_THAT(verified().findings, IsEmpty());
    EXPECT_EQ(verified().sealed, std::nullopt) << "what nobody sealed is shown as such";
}

TEST_F(Chain, ACheckpointIsMadeOnlyWhenThereIsSomethingToSeal) {
    const auto sink = open();
    record(*sink, 1);
    EXPECT_EQ((*sink->checkpoint(*key_))->seq, 1u);
    EXPECT_EQ(*sink->checkpoint(*key_), std::nullopt);
    record(*sink, 1);
    EXPECT_EQ((*sink->checkpoint(*key_))->seq, 3u);
}

TEST_F(Chain, GoesOnThroughRotatedFiles) {
    const auto sink = open();
    record(*sink, 3);
    const auto rotate = [&](const std::string& to) { std::filesystem::rename(path_, directory_ / to); };
    rotate("a.1");
    record(*sink, 3);
    rotate("a.2");
    record(*open(), 1);  // a command came first
    record(*sink, 3);
    const auto all = *verify({directory_ / "a.1", directory_ / "a.2", path_}, {});
    EXPECT_THAT(all.findings, IsEmpty());
    EXPECT_THAT(all.notes, IsEmpty());
    const auto without_the_middle = *verify({directory_ / "a.1", path_}, {});
    ASSERT_EQ(without_the_middle.findings.size(), 1u);
    EXPECT_THAT(without_the_middle.findings[0].what, HasSubstr("not the one before"));
    EXPECT_THAT(verify({directory_ / "a.1", directory_ / "a.2"}, {})->findings, IsEmpty());
    const auto alone = *verify({directory_ / "a.2"}, {});
    EXPECT_THAT(alone.findings, IsEmpty());
    EXPECT_EQ(alone.notes.size(), 1u);
    EXPECT_THAT(verify({directory_ / "a.2", directory_ / "a.1"}, {})->findings.size() +
                    verify({directory_ / "a.2", directory_ / "a.1"}, {})->notes.size(),
                testing::Ge(2u))
        << "in the wrong order";
}

TEST_F(Chain, TellsOfFilesItCannotRead) {
    const auto result = verify({directory_ / "none"}, {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::unavailable);
}

TEST_F(Chain, SurvivesGarbage) {
    for (const char* line :
         {"", "{}", "[]", "null", R"({"seq":,"chain":""})", R"({"seq":99999999999999999999999,"chain":"")"})
        EXPECT_EQ(read_chained_line(line), std::nullopt) << line;
    ChainHead head;
    auto odd = append_to_chain(head, Event(event::audit_checkpoint).with("covers", true).with("key", std::int64_t{1}),
                               clock_.now());
    odd += append_to_chain(head, Event(event::audit_continued).with("previous_seq", "text"), clock_.now());
    std::ofstream(path_) << odd;
    EXPECT_EQ(verified().findings.size(), 2u);
}

TEST_F(Chain, HeadsAreReadAsTheyAreWritten) {
    const ChainHead head{17, std::string(64, 'a')};
    EXPECT_EQ(*ChainHead::from_text(head.text()), head);
    for (const auto& text : {std::string("17"), "17:" + std::string(63, 'a'), "x:" + std::string(64, 'a'),
                             "17:" + std::string(64, 'A'), std::string()})
        EXPECT_FALSE(ChainHead::from_text(text)) << text;
}

}  // namespace
}  // namespace countersign::audit
