#include "countersign/admin/password_page.hpp"

namespace countersign::admin::page {
namespace {

// The byte order mark makes strict decoders and sniffing ones agree (reference A2).
Bytes to_utf16(const std::string& ascii) {
    Bytes octets{0xff, 0xfe};
    octets.reserve(2 + 2 * ascii.size());
    for (const char c : ascii) {
        octets.push_back(static_cast<std::uint8_t>(c));
        octets.push_back(0);
    }
    return octets;
}

Bytes document(const std::string& body) {
    return to_utf16(
        "<HTML><Head><Meta HTTP-Equiv=\"Content-Type\" Content=\"text/html; charset=UTF-8\">"
        "<Title>Network Device Enrollment Service</Title></Head><Body BgColor=#FFFFFF>"
        "<Font ID=locPageFont Face=\"Arial\"><Table Border=0 CellSpacing=0 CellPadding=4 Width=100% BgColor=#008080>"
        "<TR><TD><Font ID=locPageTitleFont Face=\"Arial\" Size=-1 Color=#FFFFFF><LocID ID=locMSCertSrv>"
        "Network Device Enrollment Service</LocID></Font></TD></TR></Table>"
        "<P ID=locPageTitle> Network Device Enrollment Service allows you to obtain certificates for routers or other "
        "network devices using the Simple Certificate Enrollment Protocol (SCEP). </P>" +
        body + "</Font></Body></HTML>");
}

// Groups of eight: no run of digits before the password is as long as a password (derived invariant 2).
std::string grouped(ByteView thumbprint) {
    const std::string digits = upper_hex(thumbprint);
    std::string text;
    for (std::size_t i = 0; i < digits.size(); i += 8) text += (i == 0 ? "" : " ") + digits.substr(i, 8);
    return text;
}

std::string said_of(const OneTimePassword& password) {
    return " <P> The enrollment challenge password is: <B> " + std::string(password.value) +
           " </B> <P> This password can be used only once and will expire within " +
           std::to_string(password.valid.count()) +
           " minutes. <P> Each enrollment requires a new challenge password. You can refresh this web page to obtain a "
           "new challenge password. </P>";
}

std::string said_of(const SinglePassword& password) {
    return " <P> The enrollment challenge password is: <B> " + std::string(password.value) +
           " </B> <P> This password can be used multiple times and will not expire. </P>";
}

std::string said_of(const NoPasswordNeeded&) {
    return " <P> No enrollment challenge password is required. </P>";
}

}  // namespace

Bytes shown(ByteView thumbprint, const std::variant<OneTimePassword, SinglePassword, NoPasswordNeeded>& password,
            const std::string& notice) {
    return document(
        "<P> To complete certificate enrollment for your network device you will need the following information: "
        "<P> The thumbprint (hash value) for the CA certificate is: <B> " +
        grouped(thumbprint) + " </B>" + std::visit([](const auto& one) { return said_of(one); }, password) +
        (notice.empty() ? "" : " <P> Attention: " + notice + " </P>") +
        " <P ID=locPageDesc> For more information see the documentation of this server. </P>");
}

Bytes cache_full(std::chrono::minutes valid, std::size_t max_outstanding) {
    return document(
        "<P> The password cache is full. <P> Network Device Enrollment Service stores unused password for later use. "
        "By "
        "default, passwords are stored for " +
        std::to_string(valid.count()) +
        " minutes.<P>Use one of the existing passwords. If you cannot use an existing password:"
        "<UL><LI>Wait until one of the existing passwords expires (by default, " +
        std::to_string(valid.count()) +
        " minutes).<LI>Revoke passwords that nobody needs: countersign challenge list, countersign challenge revoke."
        "<LI>Configure the service to cache more than " +
        std::to_string(max_outstanding) + " passwords.</UL>");
}

Bytes no_permission() {
    return document(
        "<P> You do not have sufficient permission to enroll with SCEP.  Please contact your system administrator. "
        "</P>");
}

}  // namespace countersign::admin::page
