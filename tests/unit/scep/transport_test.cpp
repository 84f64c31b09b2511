#include "countersign/scep/transport.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "countersign/crypto/encoding.hpp"

namespace countersign::scep {
namespace {

TEST(ParseQuery, knows_four_operations_in_any_case) {
    EXPECT_EQ(parse_query("operation=GetCACaps").operation, Operation::get_ca_caps);
    EXPECT_EQ(parse_query("operation=getcacert&message=x").operation, Operation::get_ca_cert);
    EXPECT_EQ(parse_query("OPERATION=GetNextCACert").operation, Operation::get_next_ca_cert);
    EXPECT_EQ(parse_query("message=x&operation=PKIOPERATION").operation, Operation::pki_operation);
    EXPECT_EQ(parse_query("operation=%50KIOperation").operation, Operation::pki_operation);
}

TEST(ParseQuery, tells_absent_from_unknown) {
    for (const std::string_view query : {"", "message=x", "operation", "operation=", "x=operation", "&&", "="}) {
        EXPECT_EQ(parse_query(query).operation, std::nullopt) << query;
        EXPECT_EQ(parse_query(query).operation_text, "") << query;
    }
    for (const std::string_view query :
         {"operation=GetCAChain", "operation=PKIOperation ", "operation=PKIOperation%00"}) {
        EXPECT_EQ(parse_query(query).operation, std::nullopt) << query;
        EXPECT_NE(parse_query(query).operation_text, "") << query;
    }
}

TEST(ParseQuery, takes_the_first_of_each) {
    const auto query = parse_query("operation=GetCACert&operation=PKIOperation&message=a&message=b");
    EXPECT_EQ(query.operation, Operation::get_ca_cert);
    EXPECT_EQ(query.message, "a");
    EXPECT_EQ(parse_query("operation=&operation=PKIOperation").operation, std::nullopt);
}

TEST(ParseQuery, decodes_percent_and_leaves_plus_alone) {
    EXPECT_EQ(parse_query("message=a%2Bb+c%3d").message, "a+b+c=");
    EXPECT_EQ(parse_query("message=%zz%4%").message, "%zz%4%");
    EXPECT_EQ(parse_query("message=a=b==").message, "a=b==");
    EXPECT_EQ(parse_query("message=CAIdentifier%5c").message, "CAIdentifier\\");
}

// Octets whose base64 has '+', '/' and padding.
const Bytes octets{0xfb, 0xef, 0xbe, 0xff, 0xff, 0xff, 0x01};
const std::string encoded = "++++////AQ==";

TEST(DecodeGetMessage, accepts_what_clients_send) {
    ASSERT_EQ(crypto::base64(octets), encoded);
    for (const std::string_view text :
         {"++++////AQ==", "++++////AQ", "++++////AQ=", "    ////AQ==", "----____AQ==", "----____AQ", "++++\n////AQ==\n",
          "++++\r\n////\r\nAQ==", "%2B%2B%2B%2B%2f%2F%2F%2FAQ%3D%3D", "%2B+ -%2f%2F_/AQ%3D%0A"}) {
        const auto decoded = decode_get_message(text);
        ASSERT_TRUE(decoded) << text;
        EXPECT_EQ(*decoded, octets) << text;
    }
}

TEST(DecodeGetMessage, refuses_what_is_no_base64) {
    for (const std::string_view text : {"", "=", "==", "\n", "A", "AAAAA", "AAA*", "AAAA====", "AA==AA==", "A=AA",
                                        "%25%32%42AAA", "AAA\t", "AAA\xc3", "%", "%zz"}) {
        const auto decoded = decode_get_message(text);
        ASSERT_FALSE(decoded) << text;
        EXPECT_EQ(decoded.error().kind, ErrorKind::malformed);
    }
    EXPECT_FALSE(decode_get_message(std::string_view("AA\0A", 4)));
}

TEST(DecodeGetMessage, survives_every_length_and_a_doubly_escaped_query) {
    for (std::size_t size = 1; size < 200; ++size) {
        const Bytes message(size, static_cast<std::uint8_t>(0xf0 + size));
        const auto decoded = decode_get_message(crypto::base64(message));
        ASSERT_TRUE(decoded);
        EXPECT_EQ(*decoded, message);
    }
    const auto query = parse_query("operation=PKIOperation&message=%252B%252B%252B%252B////AQ%253D%253D");
    const auto decoded = decode_get_message(query.message);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(*decoded, octets);
}

}  // namespace
}  // namespace countersign::scep
