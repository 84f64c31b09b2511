#include "app/mobileconfig.hpp"

#include "command_fixture.hpp"
#include "counting_random.hpp"

namespace countersign::app {
namespace {

using testing::HasSubstr;

MobileconfigContent content() {
    MobileconfigContent content;
    content.url = "https://scep.example/certsrv/mscep/mscep.dll";
    content.name = "default";
    content.subject = crypto::Name::from_text(R"(CN=a \<b\> & \"c\",O=Example)").value();
    content.ca_fingerprint = Bytes(20, 0xab);
    return content;
}

std::string made_from(const MobileconfigContent& wanted) {
    test::CountingRandom random;
    const auto made = mobileconfig(wanted, random);
    EXPECT_TRUE(made) << describe(made.error());
    return made ? std::string(made->reveal_text()) : "";
}

TEST(Mobileconfig, IsTheSameForTheSameRandomness) {
    EXPECT_EQ(made_from(content()), made_from(content()));
    EXPECT_THAT(made_from(content()),
                testing::ContainsRegex("[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}"));
}

TEST(Mobileconfig, EscapesWhatXmlReserves) {
    const std::string made = made_from(content());
    EXPECT_THAT(made, HasSubstr("<string>a &lt;b&gt; &amp; \"c\"</string>"));
    EXPECT_THAT(made, HasSubstr("<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\""));
}

TEST(Mobileconfig, LeavesOutWhatIsNotThere) {
    EXPECT_THAT(made_from(content()), testing::Not(HasSubstr("Challenge")));
    EXPECT_THAT(made_from(content()), testing::Not(HasSubstr("SubjectAltName")));
    auto with = content();
    with.challenge = Secret("8CE317021F690069");
    EXPECT_THAT(made_from(with), HasSubstr("<string>8CE317021F690069</string>"));
}

TEST(Mobileconfig, RefusesWhatAppleOrXmlCannotHold) {
    test::CountingRandom random;
    auto address = content();
    address.sans = {crypto::general_name_from_text("ip:192.0.2.1").value()};
    EXPECT_THAT(mobileconfig(address, random).error().detail, HasSubstr("ip:192.0.2.1"));
    auto control = content();
    control.url += "\n";
    EXPECT_EQ(mobileconfig(control, random).error().kind, ErrorKind::malformed);
    auto bell = content();
    bell.challenge = Secret("a\ab");
    EXPECT_EQ(mobileconfig(bell, random).error().kind, ErrorKind::malformed);
    auto subject = content();
    subject.subject = crypto::Name::from_text("CN=a\\01b").value();
    EXPECT_EQ(mobileconfig(subject, random).error().kind, ErrorKind::malformed);
}

class MobileconfigCommandTest : public InstanceTest {};

TEST_F(MobileconfigCommandTest, WantsAChallengeWhereTheProfileDoes) {
    const Done none = command({"profile", "mobileconfig"});
    EXPECT_EQ(none.code, 1);
    EXPECT_THAT(none.err, HasSubstr("--new-challenge"));
    const Done made = command({"profile", "mobileconfig", "--new-challenge"});
    EXPECT_EQ(made.code, 0) << made.err;
    EXPECT_THAT(made.out, HasSubstr("<key>Challenge</key>"));
    EXPECT_THAT(audit_log(), HasSubstr("challenge.minted"));
}

TEST_F(MobileconfigCommandTest, MakesNoChallengeForAProfileThatCannotBeWritten) {
    const Done wrong = command({"profile", "mobileconfig", "--new-challenge", "--san", "ip:192.0.2.1"});
    EXPECT_EQ(wrong.code, 1);
    EXPECT_THAT(json_command({"challenge", "list"}).json(), testing::IsEmpty());
    EXPECT_EQ(command({"profile", "mobileconfig", "--url", "ftp://x"}).code, 1);
    EXPECT_EQ(command({"profile", "mobileconfig", "--key-size", "1024"}).code, 2);
    EXPECT_EQ(command({"profile", "mobileconfig", "--profile", "other", "--new-challenge"}).code, 1);
}

}  // namespace
}  // namespace countersign::app
