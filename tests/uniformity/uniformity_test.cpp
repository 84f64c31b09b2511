// What a client sees must not tell what was wrong with its message: thousands of answers of each way to fail have one
// shape, and a ciphertext has one fate however often and by whomever it is sent (security reference 1.7, T5).
//
// COUNTERSIGN_UNIFORMITY: messages of each class (default 400).
#include "forger.hpp"
#include "raw_rsa.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

namespace countersign::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Parts = Forger::Parts;

constexpr std::size_t batch = 100;  // forged, then sent
constexpr std::size_t connections = 4;

std::size_t messages_of_each() {
    const char* wanted = std::getenv("COUNTERSIGN_UNIFORMITY");
    return wanted == nullptr ? 400 : std::stoul(wanted);
}

// Everything a client sees of an answer but its time, nonces, signature, and its own transactionID given back.
std::string shape_of(const HttpReply& reply, const Result<scep::CertRep>& rep, std::size_t transaction_id_octets) {
    if (!rep) return std::to_string(reply.status) + " " + describe(rep.error());
    std::string head = reply.head;
    if (const auto at = head.find("Content-Length:"); at != std::string::npos)
        head.erase(at, head.find("\r\n", at) - at);
    const auto number = [](const auto& value) { return value ? std::to_string(static_cast<int>(*value)) : "none"; };
    return std::to_string(reply.status) + " " + head + " " + std::to_string(reply.body.size() - transaction_id_octets) +
           " octets, pkiStatus " + number(rep->status) + ", failInfo " + number(rep->fail_info) + " '" +
           rep->fail_info_text + "'";
}

class Uniformity : public testing::Test {
protected:
    static void SetUpTestSuite() {
        const fs::path directory = fs::path(COUNTERSIGN_INSTANCES) / std::to_string(::getpid());
        fs::create_directories(directory.parent_path());
        instance_ = std::make_unique<Instance>(make_instance(COUNTERSIGN_PROGRAM, directory));
        daemon_ = std::make_unique<ServerProcess>(
            std::vector<std::string>{COUNTERSIGND_PROGRAM, "--config", instance_->config.string()},
            std::vector<std::string>{}, directory / "daemon.log");
        ASSERT_TRUE(daemon_->wait_until_ready(instance_->endpoint, 30s));
        forger_ = std::make_unique<Forger>(instance_->endpoint);
        minter_ = std::make_unique<Minter>(*instance_, "default");
    }
    static void TearDownTestSuite() {
        minter_.reset();
        forger_.reset();
        daemon_.reset();
        std::error_code ignored;
        fs::remove_all(instance_->directory, ignored);
        fs::remove(instance_->directory.string() + ".init", ignored);
    }

    using Make = std::function<Forger::Message()>;
    // Each way to fail with a challenge, or before it is looked at.
    std::map<std::string, Make> ways_to_fail();
    std::map<std::string, std::size_t> shapes(const Make& make, std::size_t count) const;
    LoadResult send(const std::vector<std::string>& https) const {
        return send_all(instance_->endpoint, https, connections);
    }

    static inline std::unique_ptr<Instance> instance_;
    static inline std::unique_ptr<ServerProcess> daemon_;
    static inline std::unique_ptr<Forger> forger_;
    static inline std::unique_ptr<Minter> minter_;
    SystemRandom random_;
};

std::map<std::string, Uniformity::Make> Uniformity::ways_to_fail() {
    const auto untouched = [](Parts&) {};
    const auto spoilt = [](std::function<void(Parts&)> change) { return [=] { return forger_->forge(change); }; };
    const auto with = [=](std::function<MintedOtp()> otp) { return [=] { return forger_->forge(untouched, otp()); }; };
    const auto used = minter_->mint();
    const auto enrolled = forger_->forge(untouched, used);
    const auto replies = send({enrolled.http}).replies;
    const auto rep = replies.front() ? forger_->read(enrolled, *replies.front())
                                     : Result<scep::CertRep>(fail::unavailable("no answer"));
    if (!rep || rep->status != scep::PkiStatus::success) throw std::runtime_error("a good request is refused");
    const auto modulus = forger_->recipient().rsa_modulus().size();
    return {
        {"unknown challenge", spoilt(untouched)},
        {"used challenge", with([=] { return used; })},
        {"expired challenge", with([] { return minter_->mint_expired(); })},
        {"revoked challenge", with([] {
             auto otp = minter_->mint();
             minter_->revoke(otp);
             return otp;
         })},
        {"challenge for another subject",
         with([] { return minter_->mint_for({.subject = "CN=somebody else", .sans = {}, .template_name = {}}); })},
        {"request whose signature does not hold", spoilt([](Parts& parts) { parts.plaintext.back() ^= 1; })},
        {"no request inside", spoilt([](Parts& parts) { parts.plaintext = forger_->random(parts.plaintext.size()); })},
        {"bad block padding", spoilt([](Parts& parts) { parts.random_ciphertext = true; })},
        {"another content key", spoilt([](Parts& parts) { parts.key = forger_->random(forged_key_octets); })},
        {"short content key", spoilt([](Parts& parts) {
             parts.wrapped = must(forger_->recipient().encrypt(pkcs1, forger_->random(8)), "a wrapped key");
         })},
        {"bad RSA padding", spoilt([=, this](Parts& parts) {
             auto block = padded(modulus, parts.key, random_);
             block[1] = 1;
             parts.wrapped = raw_rsa(forger_->recipient(), block);
         })},
    };
}

std::map<std::string, std::size_t> Uniformity::shapes(const Make& make, std::size_t count) const {
    std::map<std::string, std::size_t> found;
    for (std::size_t done = 0; done < count; done += batch) {
        std::vector<Forger::Message> messages;
        std::vector<std::string> https;
        for (std::size_t i = 0; i < std::min(batch, count - done); ++i) {
            messages.push_back(make());
            https.push_back(messages.back().http);
        }
        const auto load = send(https);
        for (std::size_t i = 0; i < messages.size(); ++i) {
            if (!load.replies[i]) {
                ++found["no answer"];
                continue;
            }
            ++found[shape_of(*load.replies[i], forger_->read(messages[i], *load.replies[i]),
                             messages[i].request.transaction_id.size())];
        }
    }
    return found;
}

TEST_F(Uniformity, EveryWayToFailLooksTheSame) {
    const auto count = messages_of_each();
    std::map<std::string, std::map<std::string, std::size_t>> classes_of;  // by shape
    for (const auto& [name, make] : ways_to_fail()) {
        for (const auto& [shape, times] : shapes(make, count)) classes_of[shape][name] += times;
    }
    std::string all;
    for (const auto& [shape, classes] : classes_of) {
        all += shape + ":\n";
        for (const auto& [name, times] : classes) all += "    " + name + ", " + std::to_string(times) + " times\n";
    }
    ASSERT_EQ(classes_of.size(), 1U) << all;
    EXPECT_EQ(classes_of.begin()->second.size(), 11U) << all;
    EXPECT_NE(all.find("200 "), std::string::npos) << "refusals are CertReps: " << all;
}

// Else the test above might compare nothing.
TEST_F(Uniformity, TheShapeOfAnswersThatMayDifferDiffers) {
    const auto untouched = [](Parts&) {};
    const auto refused = shapes([&] { return forger_->forge(untouched); }, 5);
    const auto granted = shapes([&] { return forger_->forge(untouched, minter_->mint()); }, 5);
    ASSERT_EQ(refused.size(), 1U);
    for (const auto& [shape, times] : granted) EXPECT_FALSE(refused.contains(shape));
}

// One that opened and one that did not, each sent again and again, by its own client and by one that stole it.
TEST_F(Uniformity, ACiphertextHasOneFate) {
    constexpr std::size_t ciphertexts = 40;
    constexpr std::size_t repeats = 50;
    const auto thief = [] { return forger_->maker().make({"", upper_hex(forger_->random(8))}); }();
    const auto make = ways_to_fail();
    for (const auto* way : {"bad RSA padding", "short content key", "bad block padding", "unknown challenge"}) {
        for (std::size_t i = 0; i < ciphertexts / 4; ++i) {
            const auto message = make.at(way)();
            const std::vector<std::string> https(repeats, message.http);
            std::set<std::string> fates;
            const auto load = send(https);
            for (const auto& reply : load.replies) {
                ASSERT_TRUE(reply);
                fates.insert(shape_of(*reply, forger_->read(message, *reply), message.request.transaction_id.size()));
            }
            EXPECT_EQ(fates.size(), 1U) << way << ": " << *fates.begin() << " and " << *fates.rbegin();

            const auto stolen = forger_->sign(message.envelope, thief.signer, *thief.key, thief.transaction_id);
            const auto replies = send({stolen}).replies;
            ASSERT_TRUE(replies.front());
            fates.insert(shape_of(*replies.front(), forger_->maker().read(thief, replies.front()->body),
                                  thief.transaction_id.size()));
            EXPECT_EQ(fates.size(), 1U) << way << ", signed by another client: " << *fates.begin() << " and "
                                        << *fates.rbegin();
        }
    }
}

}  // namespace
}  // namespace countersign::test
