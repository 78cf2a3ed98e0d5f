// Tapes for the tests: a small one with every kind of event, and the pieces to make others from.
#pragma once

#include <filesystem>
#include <string>
#include <unistd.h>

#include "aivp/tape/files.hpp"

namespace aivp::tape_tests {

inline payload json(std::string_view text) { return payload::parse(text).value(); }
inline payload text(std::string_view s) { return payload::of_string(s); }

inline tape_event event_of(std::int64_t at_us, tape_body body, std::string lane = std::string(tape_main_lane)) {
    tape_event e;
    e.at.us = at_us;
    e.lane = std::move(lane);
    e.body = std::move(body);
    return e;
}

inline tape_model_call model_call(history messages, model_response response, const payload& tools = json("[]")) {
    tape_model_call m;
    m.model = "model-a";
    m.params = json(R"({"temperature_milli":0})");
    m.tools = tools;
    m.tools_hash = tools.hash();
    m.messages = std::move(messages);
    m.response = std::move(response);
    m.ending.latency = milliseconds(250);
    return m;
}

inline tape_skill_call skill_call(std::string skill, payload arguments, payload result) {
    tape_skill_call s;
    s.as = skill.substr(skill.find('.') + 1);
    s.skill = std::move(skill);
    s.version = "1.0.0";
    s.arguments = std::move(arguments);
    s.result = std::move(result);
    s.ending.latency = milliseconds(10);
    return s;
}

inline model_response proposes(std::string name, payload arguments) {
    model_response r;
    r.calls.push_back({std::move(name), std::move(arguments)});
    r.finish = "tool_calls";
    return r;
}

inline model_response says(std::string_view words) {
    model_response r;
    r.content = text(words);
    return r;
}

/// Pays a bill: two model turns with one skill call between them, then a question to the user.
inline tape sample_tape() {
    tape t;
    t.manifest.build = "0.1.0";
    t.manifest.model = "model-a";
    t.manifest.agent_file = "agent.yaml";
    t.manifest.skill_folders = {"../skills"};
    t.manifest.trigger = json(R"({"bill":17})");
    t.manifest.outcome = tape_run_finished{outcome_status::success, errc::ok, "done"};
    t.manifest.redacted["secret"] = 1;
    t.manifest.provenance = json(R"({"who":"a test"})");

    const payload arguments = json(R"({"amount":98.7,"recipient":"SPOTIFY"})");
    const model_response first = proposes("send_money", arguments);
    const history asked = history().appended(system_message("You pay bills.")).appended(user_message("Pay bill 17."));
    const payload result = text("sent");
    const history answered =
        asked.appended(assistant_message(first, 0)).appended(tool_message("call#0", result, false));

    t.events.push_back(event_of(0, tape_run_started{"payer", t.manifest.trigger}));
    t.events.push_back(event_of(10, model_call(asked, first)));
    t.events.push_back(event_of(250'010, skill_call("bank.send_money", arguments, result)));
    t.events.push_back(event_of(260'010, model_call(answered, says("Paid. Anything else?"))));
    tape_user_turn turn;
    turn.text = text("Paid. Anything else?");
    turn.message = text("No.");
    turn.ended = true;
    turn.ending.latency = seconds(3);
    t.events.push_back(event_of(510'010, turn));
    t.events.push_back(event_of(3'510'010, tape_engine_refusal{"delete", errc::cap_missing, "grants", "no grant"}));
    t.events.push_back(event_of(3'510'010, *t.manifest.outcome));
    return t;
}

/// A folder of its own below the working folder, removed at the end.
class scratch_folder {
public:
    explicit scratch_folder(std::string_view name)
        : path_((std::filesystem::current_path() / (std::string(name) + "-" + std::to_string(::getpid()))).string()) {
        std::filesystem::remove_all(path_);
        std::filesystem::create_directories(path_);
    }
    ~scratch_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;
    std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

} // namespace aivp::tape_tests
