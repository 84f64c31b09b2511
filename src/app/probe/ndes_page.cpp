#include "ndes_page.hpp"

#include "countersign/core/text.hpp"

#include <algorithm>
#include <charconv>

namespace countersign::app {
namespace {

constexpr std::string_view marker = "challenge password is:";

PageEncoding encoding_of(ByteView page) {
    if (page.size() < 2) return PageEncoding::other;
    if (page[0] == 0xff && page[1] == 0xfe) return PageEncoding::utf16_marked;
    return page[0] == '<' && page[1] == 0 ? PageEncoding::utf16_unmarked : PageEncoding::other;
}

// The markers and the password are ASCII; every other character may become a question mark.
Secret to_ascii(ByteView page, PageEncoding encoding) {
    if (encoding == PageEncoding::other) return Secret(page);
    if (encoding == PageEncoding::utf16_marked) page = page.subspan(2);
    Secret text = Secret::of_size(page.size() / 2);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool ascii = page[2 * i + 1] == 0 && page[2 * i] < 0x80;
        text.writable()[i] = ascii ? page[2 * i] : '?';
    }
    return text;
}

bool upper_hex_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

// The text between the <B> after `label` and the next tag; empty: there is none.
std::string_view bold_after(std::string_view text, std::string_view lower, std::string_view label) {
    const auto at = lower.find(label);
    const auto bold = at == std::string_view::npos ? at : lower.find("<b>", at + label.size());
    if (bold == std::string_view::npos) return {};
    const std::string_view rest = text.substr(bold + 3);
    return trim(rest.substr(0, rest.find('<')));
}

std::optional<std::uint32_t> minutes_in(std::string_view lower) {
    constexpr std::string_view before = "will expire within ";
    const auto at = lower.find(before);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view rest = lower.substr(at + before.size());
    std::uint32_t minutes = 0;
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), minutes);
    const std::string_view after = rest.substr(static_cast<std::size_t>(parsed.ptr - rest.data()));
    if (parsed.ec != std::errc{} || !after.starts_with(" minutes")) return std::nullopt;
    return minutes;
}

// The first run of at least `length` upper-case hexadecimal digits.
std::string_view first_hex_run(std::string_view text, std::size_t length) {
    for (std::size_t i = 0; i < text.size();) {
        std::size_t end = i;
        while (end < text.size() && upper_hex_digit(text[end])) ++end;
        if (end - i >= length) return text.substr(i, end - i);
        i = end + 1;
    }
    return {};
}

}  // namespace

Result<NdesPage> read_ndes_page(ByteView octets) {
    NdesPage page;
    page.encoding = encoding_of(octets);
    page.odd_length = page.encoding != PageEncoding::other && octets.size() % 2 != 0;
    page.text = to_ascii(octets, page.encoding);
    const std::string_view text = page.text.reveal_text();
    const Secret lowered(to_lower(text));
    const std::string_view lower = lowered.reveal_text();
    if (lower.find("password cache is full") != std::string_view::npos)
        return fail::throttled("the server says: The password cache is full");
    if (lower.find("do not have sufficient permission") != std::string_view::npos) {
        return fail::denied("the server says: You do not have sufficient permission to enroll with SCEP");
    }
    if (lower.find("no enrollment challenge password is required") != std::string_view::npos)
        return fail::not_found("the page says that no challenge password is required");
    if (lower.find(marker) == std::string_view::npos) return fail::malformed("the page shows no challenge password");
    const std::string_view challenge = bold_after(text, lower, marker);
    if (challenge.empty() || challenge.size() > 8192 || challenge.find_first_of(" \t\r\n") != std::string_view::npos) {
        return fail::malformed("the page shows no challenge password where it should be");
    }
    page.challenge = Secret(challenge);
    for (const char c : bold_after(text, lower, "thumbprint (hash value) for the ca certificate is:")) {
        if (c != ' ') page.thumbprint += c;
    }
    page.thumbprint = printable(to_upper(page.thumbprint), 64);
    page.valid_minutes = minutes_in(lower);
    page.reusable = lower.find("can be used multiple times") != std::string_view::npos;
    return page;
}

std::vector<PageReader> failing_readers(const NdesPage& page) {
    std::vector<PageReader> failing;
    const std::string_view text = page.text.reveal_text();
    const std::string_view challenge = page.challenge.reveal_text();
    const auto fails = [&](const char* client, const char* reason) { failing.push_back({client, reason}); };
    const bool hex = std::ranges::all_of(challenge, upper_hex_digit);
    const std::string literal = "The enrollment challenge password is: <B> ";
    const auto at = text.find(literal);

    if (page.encoding == PageEncoding::other) {
        fails("Zentral, ansible, certmonger recipes", "the page is not UTF-16, which they decode without looking");
    } else if (page.odd_length) {
        fails("Zentral, ansible", "the page ends in half a UTF-16 character");
    }
    if (page.encoding == PageEncoding::utf16_unmarked)
        fails("BeautifulSoup and .NET scripts", "there is no byte order mark, by which they tell UTF-16");
    if (at == std::string_view::npos)
        fails("Fleet", "the words \"The enrollment challenge password is: <B> \" are not there letter for letter");
    if (!hex || challenge.size() < 16 || challenge.size() > 32)
        fails("Zentral", "the challenge is not 16 to 32 hexadecimal digits in upper case");
    else if (at != std::string_view::npos && !text.substr(at + literal.size() + challenge.size()).starts_with(" </B>"))
        fails("Zentral", "no blank stands between the challenge and </B>");
    if (hex && challenge.size() >= 16 && !first_hex_run(text, 16).starts_with(challenge))
        fails("PSNDESEnrollment, ansible", "the first run of 16 hexadecimal digits is not the challenge");
    if (at != std::string_view::npos && (at < 2 || text.substr(at - 2, 2) != "> " || (at > 2 && text[at - 3] == ' ')))
        fails("requests_ntlm scripts", "the words do not follow a tag and one blank");
    return failing;
}

}  // namespace countersign::app
