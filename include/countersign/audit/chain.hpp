// The chain through an audit file: each line carries its number and a hash over itself and the hash of the line before
// it, so that a line changed, removed, added or moved afterwards is found out (audit/verification.hpp).
//
// A line is {"seq":N,"time":...,"event":...,...,"chain":"H"}, where H is the lower-case hex SHA-256 of the previous
// line's H (64 zeros before the first) followed by this line without its member "chain". Values; any thread.
#pragma once

#include "countersign/audit/event.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace countersign::audit {

// The last line of a chain; before the first one: number 0.
struct ChainHead {
    std::uint64_t seq = 0;
    std::string hash = std::string(64, '0');
    bool operator==(const ChainHead&) const = default;
    std::string text() const { return std::to_string(seq) + ":" + hash; }
    // malformed: not what text() writes.
    static Result<ChainHead> from_text(std::string_view text);
};

// The line after `head`, with its newline; `head` becomes that line.
std::string append_to_chain(ChainHead& head, const Event& event, Time time);

struct ChainedLine {
    ChainHead head;    // what the line says of itself
    std::string body;  // the line without its member "chain"
    bool follows(const ChainHead& before) const;
};

// `line` without its newline. nullopt: it is not of the form above; nothing is said of its hash.
std::optional<ChainedLine> read_chained_line(std::string_view line);

}  // namespace countersign::audit
