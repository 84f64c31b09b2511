// What an enrollment leaves in the outbox: with the certificate, and not without it.
#include "station.hpp"

#include <gmock/gmock.h>

namespace countersign::ra {
namespace {

using store::NotificationEvent;
using test::must;
using testing::SizeIs;

class NotificationTest : public testing::Test {
protected:
    NotificationTest() {
        store::Subscription all{"mdm", {NotificationEvent::issued, NotificationEvent::failed, NotificationEvent::held}};
        store::Subscription intune = all;
        intune.receiver = "intune:default";
        intune.challenge_kind = "intune";
        station_.database->outbox().subscribe({all, intune});
    }
    std::vector<store::Notification> told(const std::string& receiver = "mdm") {
        return must(station_.database->outbox().due(receiver, station_.clock.now(), 10));
    }
    test::MessageOptions asking() { return {.challenge = station_.mint()}; }

    test::Station station_;
};

TEST_F(NotificationTest, ACertificateIsToldWithTheKindOfItsChallenge) {
    const auto device = station_.device();
    const auto certificate = station_.enroll(device, asking());
    ASSERT_THAT(told(), SizeIs(1));
    EXPECT_EQ(told()[0].event, NotificationEvent::issued);
    EXPECT_EQ(told()[0].serial, certificate.serial_hex());
    const auto attempt = must(station_.database->transactions().find(told()[0].attempt));
    EXPECT_EQ(attempt.challenge_kind, "one-time");
    EXPECT_EQ(attempt.key.transaction_id, device.transaction_id);
    EXPECT_THAT(told("intune:default"), SizeIs(0)) << "it was no challenge of Intune's";
}

TEST_F(NotificationTest, ARepeatedMessageIsNotToldAgain) {
    const auto device = station_.device();
    const auto message = station_.message(device, asking());
    must(station_.send(message));
    must(station_.send(message));
    EXPECT_THAT(told(), SizeIs(1));
}

TEST_F(NotificationTest, ARefusalIsNobodysBusiness) {
    const auto device = station_.device();
    must(station_.send(station_.message(device, {.challenge = "0123456789ABCDEF"})));
    EXPECT_THAT(told(), SizeIs(0));
}

TEST_F(NotificationTest, AnIssuedCertificateThatCannotBeRecordedIsNotTold) {
    station_.audit.broken = "enrollment.issued";
    const auto device = station_.device();
    static_cast<void>(station_.send(station_.message(device, asking())));
    EXPECT_THAT(told(), SizeIs(0));
}

TEST_F(NotificationTest, ACaThatIsAwayIsToldAsNotFinal) {
    station_.backend->on_submit = [](const auto&, const auto&) -> Result<ca::Outcome> {
        return fail::unavailable("connection refused");
    };
    const auto device = station_.device();
    EXPECT_FALSE(station_.send(station_.message(device, asking())));
    ASSERT_THAT(told(), SizeIs(1));
    EXPECT_EQ(told()[0].event, NotificationEvent::failed);
    EXPECT_EQ(told()[0].detail, R"({"final":false})");
}

}  // namespace
}  // namespace countersign::ra
