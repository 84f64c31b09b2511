#include "countersign/audit/chain.hpp"

#include "countersign/audit/sinks.hpp"
#include "countersign/core/text.hpp"
#include "countersign/crypto/digest.hpp"

#include <algorithm>
#include <charconv>

namespace countersign::audit {
namespace {

constexpr std::string_view kNumber = "{\"seq\":";
constexpr std::string_view kChain = ",\"chain\":\"";
constexpr std::string_view kEnd = "\"}";
constexpr std::size_t kHashDigits = 64;

std::string hash_of(const std::string& before, std::string_view body) {
    return crypto::sha256_hex(as_bytes(before + std::string(body)));
}

bool is_hash(std::string_view text) {
    return text.size() == kHashDigits &&
           std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::optional<std::uint64_t> number_in(std::string_view digits) {
    std::uint64_t number = 0;
    const char* end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, number);
    return read.ec == std::errc{} && read.ptr == end ? std::optional(number) : std::nullopt;
}

}  // namespace

Result<ChainHead> ChainHead::from_text(std::string_view text) {
    const auto colon = text.find(':');
    const auto number = number_in(text.substr(0, std::min(colon, text.size())));
    if (colon == std::string_view::npos || !number || !is_hash(text.substr(colon + 1)))
        return fail::malformed("not the NUMBER:HASH of an audit line: " + printable(text, 100));
    return ChainHead{*number, std::string(text.substr(colon + 1))};
}

std::string append_to_chain(ChainHead& head, const Event& event, Time time) {
    std::string line = to_json_line(event, time, head.seq + 1);
    head = {head.seq + 1, hash_of(head.hash, line)};
    line.pop_back();
    return line.append(kChain).append(head.hash).append(kEnd).append("\n");
}

bool ChainedLine::follows(const ChainHead& before) const {
    return head.seq == before.seq + 1 && head.hash == hash_of(before.hash, body);
}

std::optional<ChainedLine> read_chained_line(std::string_view line) {
    constexpr std::size_t tail = kChain.size() + kHashDigits + kEnd.size();
    if (!line.starts_with(kNumber) || !line.ends_with(kEnd) || line.size() < kNumber.size() + tail) return std::nullopt;
    const auto rest = line.substr(line.size() - tail);
    const auto hash = rest.substr(kChain.size(), kHashDigits);
    if (!rest.starts_with(kChain) || !is_hash(hash)) return std::nullopt;
    const auto digits = line.substr(kNumber.size(), line.find(',') - kNumber.size());
    const auto number = number_in(digits);
    if (!number) return std::nullopt;
    return ChainedLine{{*number, std::string(hash)}, std::string(line.substr(0, line.size() - tail)) + "}"};
}

}  // namespace countersign::audit
