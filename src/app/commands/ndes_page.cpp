#include "ndes_page.hpp"

#include "countersign/core/text.hpp"

namespace countersign::app {
namespace {

bool utf16_little_endian(ByteView page) {
    if (page.size() < 2) return false;
    const bool marked = page[0] == 0xff && page[1] == 0xfe;
    return marked || (page[0] == '<' && page[1] == 0);
}

// The markers and the password are ASCII; every other character may become a question mark.
Secret to_ascii(ByteView page) {
    if (!utf16_little_endian(page)) return Secret(page);
    Secret text = Secret::of_size(page.size() / 2);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool ascii = page[2 * i + 1] == 0 && page[2 * i] < 0x80;
        text.writable()[i] = ascii ? page[2 * i] : '?';
    }
    return text;
}

}  // namespace

Result<Secret> challenge_in_page(ByteView page) {
    const Secret text = to_ascii(page);
    const Secret lower(to_lower(text.reveal_text()));
    const std::string_view seen = lower.reveal_text();
    if (seen.find("password cache is full") != std::string_view::npos)
        return fail::throttled("the server says: The password cache is full");
    if (seen.find("do not have sufficient permission") != std::string_view::npos) {
        return fail::denied("the server says: You do not have sufficient permission to enroll with SCEP");
    }
    constexpr std::string_view marker = "challenge password is:";
    const auto at = seen.find(marker);
    const auto bold = at == std::string_view::npos ? at : seen.find("<b>", at + marker.size());
    if (bold == std::string_view::npos) return fail::malformed("the page shows no challenge password");
    std::string_view rest = text.reveal_text().substr(bold + 3);
    rest = trim(rest.substr(0, rest.find('<')));
    if (rest.empty() || rest.size() > 8192 || rest.find_first_of(" \t\r\n") != std::string_view::npos) {
        return fail::malformed("the page shows no challenge password where it should be");
    }
    return Secret(rest);
}

}  // namespace countersign::app
