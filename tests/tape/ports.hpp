// A world with a clock of its own, and the smallest thing that behaves like a run: it asks what the sample tape's run
// asked, one request after the other, and writes down what comes back.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "aivp/ports/connector.hpp"
#include "aivp/ports/model_provider.hpp"
#include "aivp/ports/user_channel.hpp"
#include "mocks/world.hpp"
#include "tests/tape/sample.hpp"

namespace aivp::tape_tests {

class test_world final : public mock_world {
public:
    instant now() override { return now_; }
    void after(duration delay, std::function<void()> action) override {
        actions_.emplace(now_ + delay, std::move(action));
    }
    void run() {
        while (!actions_.empty()) {
            auto first = actions_.extract(actions_.begin());
            now_ = first.key();
            first.mapped()();
        }
    }

private:
    instant now_;
    std::multimap<instant, std::function<void()>> actions_;
};

class tiny_run final : public completion_sink {
public:
    tiny_run(model_provider& models, connector_port& connector, user_channel& users, mock_world* world = nullptr)
        : models_(models), connector_(connector), users_(users), world_(world) {}

    std::vector<std::string> log;

    /// Asks what `t` holds, live: the messages come from the answers, not from the tape.
    void start(const tape& t) {
        for (const tape_event& e : t.events)
            if (const auto* m = std::get_if<tape_model_call>(&e.body)) script_.push_back(*m);
        messages_ = script_.front().messages;
        ask_model();
    }
    void call_skill(std::string_view skill, const payload& arguments) {
        skill_request r;
        r.run = run_id{1};
        r.call = call_id{++calls_};
        r.skill = skill;
        r.skill_version = "1.0.0";
        r.as = skill.substr(skill.find('.') + 1);
        r.arguments = arguments;
        connector_.call(r, *this);
    }
    void ask(const payload& words) {
        user_question q;
        q.run = run_id{1};
        q.call = call_id{++calls_};
        q.text = words;
        q.messages = messages_;
        users_.ask(q, *this);
    }
    void ask_model() {
        model_request r;
        r.run = run_id{1};
        r.call = call_id{++calls_};
        r.model = script_.front().model;
        r.params = script_.front().params;
        r.tools = *script_.front().tools;
        r.messages = messages_;
        r.key = request_key(r.messages, r.tools, r.params, r.model);
        models_.call(r, *this);
    }

    void model_done(model_completion c) override {
        note(c.ref, "model", c.outcome, c.code, {});
        if (c.outcome != effect_outcome::ok) return;
        messages_ = messages_.appended(assistant_message(c.response, named_));
        if (!c.response.calls.empty()) {
            ++named_;
            call_skill("bank." + c.response.calls.front().name, c.response.calls.front().arguments);
        } else {
            ask(c.response.content);
        }
    }
    void skill_done(skill_completion c) override {
        note(c.ref, "skill", c.outcome, c.code, c.result);
        if (script_.empty() || c.outcome != effect_outcome::ok) return;
        messages_ = messages_.appended(tool_message(call_name(named_ - 1), c.result, false));
        ask_model();
    }
    void user_done(user_completion c) override {
        log.push_back(time() + (c.ended ? " user ended" : " user said " + std::string(c.message.text())));
    }
    void timer_fired(timer_key) override { log.push_back("timer"); }

private:
    std::string time() { return std::to_string(world_ ? world_->now().us : 0); }
    void note(call_ref, const char* what, effect_outcome outcome, errc code, const payload& result) {
        std::string line = time() + " " + what + " " + to_string(outcome);
        if (code != errc::ok) line += " " + std::string(info(code).name);
        if (!result.is_null()) line += " " + std::string(result.text());
        log.push_back(std::move(line));
    }

    model_provider& models_;
    connector_port& connector_;
    user_channel& users_;
    mock_world* world_;
    std::vector<tape_model_call> script_;
    history messages_;
    std::uint64_t calls_ = 0;
    std::uint64_t named_ = 0;
};

} // namespace aivp::tape_tests
