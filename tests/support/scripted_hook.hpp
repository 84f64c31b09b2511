// A hook whose carrier says what the test tells it to.
#pragma once

#include "countersign/hook/hook.hpp"
#include "counting_random.hpp"
#include "fixed_clock.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <mutex>
#include <vector>

namespace countersign::test {

using HookJson = nlohmann::ordered_json;

// Introduces itself, and approves unless told otherwise. Remembers every letter.
class ScriptedCarrier final : public hook::Carrier {
public:
    using Answerer = std::function<Result<std::string>(const HookJson& question)>;

    Result<std::string> carry(const hook::Letter& letter) override {
        const auto question = HookJson::parse(letter.body);
        Answerer answerer;
        {
            const std::lock_guard lock(mutex_);
            letters_.push_back(letter);
            answerer = question.at("call") == "initialize" ? introduce : answer;
        }
        return answerer(question);
    }
    std::string describe() const override { return "scripted"; }

    // What a hook that agrees says, with further members.
    static HookJson approval(const HookJson& question, const HookJson& further = HookJson::object()) {
        HookJson answer{{"version", 1}, {"id", question.at("id")}, {"decision", "approve"}};
        answer.update(further);
        return answer;
    }
    static Result<std::string> introduction(const HookJson& question) {
        return HookJson{{"version", 1},
                        {"id", question.at("id")},
                        {"name", "Scripted"},
                        {"release", "1.2"},
                        {"calls", {"verify", "generate", "notify"}}}
            .dump();
    }
    // Answers every question with these members beside version and id.
    void says(const HookJson& members) {
        const std::lock_guard lock(mutex_);
        answer = [members](const HookJson& question) -> Result<std::string> {
            HookJson all{{"version", 1}, {"id", question.at("id")}};
            all.update(members);
            return all.dump();
        };
    }
    void says_text(const std::string& text) {
        const std::lock_guard lock(mutex_);
        answer = [text](const HookJson&) -> Result<std::string> { return text; };
    }
    void fails(const Error& error) {
        const std::lock_guard lock(mutex_);
        answer = [error](const HookJson&) -> Result<std::string> { return error; };
    }
    std::vector<HookJson> questions(const std::string& call) const {
        const std::lock_guard lock(mutex_);
        std::vector<HookJson> found;
        for (const auto& letter : letters_) {
            auto question = HookJson::parse(letter.body);
            if (question.at("call") == call) found.push_back(std::move(question));
        }
        return found;
    }
    std::vector<hook::Letter> letters() const {
        const std::lock_guard lock(mutex_);
        return letters_;
    }

    Answerer introduce = introduction;
    Answerer answer = [](const HookJson& question) -> Result<std::string> { return approval(question).dump(); };

private:
    mutable std::mutex mutex_;
    std::vector<hook::Letter> letters_;
};

}  // namespace countersign::test
