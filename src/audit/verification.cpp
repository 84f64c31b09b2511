#include "countersign/audit/verification.hpp"

#include "checkpoint.hpp"
#include "countersign/audit/catalogue.hpp"
#include "countersign/core/text.hpp"

#include <algorithm>
#include <fstream>

namespace countersign::audit {
namespace {

// Reads the lines of all files in turn and keeps the place in the chain.
class Verifier {
public:
    explicit Verifier(const VerificationOptions& options) : options_(options), missing_(options.expected) {}

    Result<void> read(const std::filesystem::path& file) {
        std::ifstream stream(file);
        if (!stream) return fail::unavailable("audit file " + file.string() + " cannot be read");
        file_ = file;
        line_ = 0;
        end_of_previous_.reset();
        for (std::string text; std::getline(stream, text);) {
            ++line_;
            ++result_.lines;
            // Nobody was told that an unfinished line is recorded; the next writer cuts it off.
            if (stream.eof()) {
                note("the last line is unfinished: a crash, or somebody writes just now");
            } else {
                judge(text);
            }
        }
        if (end_of_previous_) {
            line_ = 0;
            note("begins a chain of its own; nothing shows that no file is missing before it");
        }
        if (stream.bad()) return fail::unavailable("audit file " + file.string() + " cannot be read to its end");
        return {};
    }

    Verification finish() {
        for (const auto& expected : missing_) {
            result_.findings.push_back(
                {{},
                 0,
                 "line number " + std::to_string(expected.seq) + " with the hash that is expected is not there"});
        }
        result_.head = head_;
        return std::move(result_);
    }

private:
    void judge(const std::string& text) {
        const auto line = read_chained_line(text);
        if (!line) return find("the line is not one of the chain");
        const auto json = nlohmann::json::parse(line->body, nullptr, false);
        if (!json.is_object()) return find("the line is no JSON object");
        if (line_ == 1) begin_file(*line, json);
        if (text_of(json, "event") == event::audit_broken)
            find("the daemon noticed here that the file had been changed: " + printable(text_of(json, "reason"), 200));
        if (line->follows(head_)) {
            accept(*line, json);
        } else if (before_mismatch_ && line->follows(*before_mismatch_)) {
            // The one before was put in between.
            accept(*line, json);
        } else {
            find(reason(*line));
            before_mismatch_ = head_;
            head_ = line->head;
        }
        std::erase(missing_, line->head);
    }

    void accept(const ChainedLine& line, const nlohmann::json& json) {
        const auto id = text_of(json, "event");
        if (id == event::audit_checkpoint) judge_checkpoint(line, json);
        if (id == event::audit_continued) judge_continuation(line, json);
        before_mismatch_.reset();
        head_ = line.head;
    }

    // The first line of a file goes on with the file before, or begins a chain.
    void begin_file(const ChainedLine& line, const nlohmann::json& json) {
        if (line.follows(head_)) return;
        const bool first_file = result_.lines == 1;
        if (!first_file) end_of_previous_ = head_;
        before_mismatch_.reset();
        if (first_file && text_of(json, "event") == event::audit_continued) {
            const auto before = previous_of(json);
            if (before && line.follows(*before)) {
                head_ = *before;
                return note("goes on with a file that was not given, after line number " + std::to_string(before->seq));
            }
        }
        if (!line.follows(ChainHead{})) return;
        head_ = ChainHead{};
    }

    void judge_checkpoint(const ChainedLine& line, const nlohmann::json& json) {
        if (!options_.key) return;
        const ChainHead covered = line.follows(head_) ? head_ : *before_mismatch_;
        if (const auto good = check_checkpoint(json, covered, *options_.key); !good) return find(good.error().detail);
        result_.sealed = covered;
    }

    void judge_continuation(const ChainedLine& line, const nlohmann::json& json) {
        const auto before = previous_of(json);
        if (!before) return find("the line does not say which file it goes on with");
        if (!end_of_previous_ || line_ == 1 || line.follows(*before)) return;
        if (*before != *end_of_previous_)
            find("goes on with line number " + std::to_string(before->seq) + " of a file that is not the one before");
        end_of_previous_.reset();
    }

    static std::optional<ChainHead> previous_of(const nlohmann::json& json) {
        const auto seq = json.find("previous_seq");
        if (seq == json.end() || !seq->is_number_unsigned()) return std::nullopt;
        return ChainHead{seq->get<std::uint64_t>(), text_of(json, "previous")};
    }

    std::string reason(const ChainedLine& line) const {
        if (line.head.seq > head_.seq + 1) {
            return "lines are missing: number " + std::to_string(line.head.seq) + " comes after " +
                   std::to_string(head_.seq);
        }
        if (line.head.seq <= head_.seq) {
            return "number " + std::to_string(line.head.seq) + " comes after " + std::to_string(head_.seq) +
                   ": moved, repeated or put in";
        }
        return "the line was changed, or another stood before it";
    }

    void find(std::string what) { result_.findings.push_back({file_, line_, std::move(what)}); }
    void note(std::string what) { result_.notes.push_back({file_, line_, std::move(what)}); }

    const VerificationOptions& options_;
    std::vector<ChainHead> missing_;
    Verification result_;
    std::filesystem::path file_;
    std::size_t line_ = 0;
    ChainHead head_;
    std::optional<ChainHead> before_mismatch_;  // where the chain was before a line that does not belong
    std::optional<ChainHead> end_of_previous_;  // of the file before, while nothing links to it yet
};

}  // namespace

Result<Verification> verify(const std::vector<std::filesystem::path>& files, const VerificationOptions& options) {
    Verifier verifier(options);
    for (const auto& file : files) CHECK(verifier.read(file));
    return verifier.finish();
}

}  // namespace countersign::audit
