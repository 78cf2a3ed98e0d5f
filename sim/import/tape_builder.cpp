#include "sim/import/internal/tape_builder.hpp"

#include <algorithm>

#include "aivp/base/assert.hpp"
#include "aivp/version.hpp"
#include "sim/import/internal/yaml_text.hpp"

namespace aivp::sim::internal {

namespace {

constexpr std::string_view builder_cut_message = "the log ends here";

// Follows the engine's own conventions: messages, numbering of calls, order of requests.
class tape_builder {
public:
    tape_builder(const imported_run& run, const skill_set& skills) : run_(run), skills_(skills), at_(run.recorded_at) {
        const std::size_t calls = run.turns.size() + (ending_of(run) == imported_ending::cut ? 1 : 0);
        if (calls > 0) model_latency_.us = run.total.us / static_cast<std::int64_t>(calls);
    }

    tape build() {
        out_.manifest.build = std::string(version);
        out_.manifest.recorded_at = run_.recorded_at;
        out_.manifest.model = run_.model;
        out_.manifest.agent_file = "agent.yaml";
        const auto depth = 1 + std::count(run_.folder.begin(), run_.folder.end(), '/');
        std::string up;
        for (std::ptrdiff_t i = 0; i < depth; ++i) up += "../";
        out_.manifest.skill_folders = {up + "skills/" + skills_.group()};
        out_.manifest.provenance = run_.provenance;
        add(tape_run_started{safe_name(run_.suite), {}});
        if (!run_.system.empty()) messages_ = messages_.appended(system_message(run_.system));
        messages_ = messages_.appended(user_message(run_.goal));
        for (const imported_turn& turn : run_.turns) add_turn(turn, &turn == &run_.turns.back());
        if (ending_of(run_) == imported_ending::cut) add_failed_turn();
        out_.manifest.outcome = outcome();
        add(*out_.manifest.outcome);
        return std::move(out_);
    }

private:
    void add(tape_body body) {
        tape_event e;
        e.seq.value = out_.events.size() + 1;
        e.at = at_;
        e.body = std::move(body);
        out_.events.push_back(std::move(e));
    }

    tape_model_call model_call() const {
        tape_model_call m;
        m.model = run_.model;
        m.params = payload::of_object({});
        m.tools_hash = skills_.tools().hash();
        m.messages = messages_;
        m.ending.latency = model_latency_;
        return m;
    }

    void add_turn(const imported_turn& turn, bool last) {
        tape_model_call m = model_call();
        m.response.content = turn.content;
        for (const imported_call& c : turn.calls) m.response.calls.push_back({skills_.find(c.name)->as, c.arguments});
        m.response.finish = turn.calls.empty() ? "stop" : "tool_calls";
        messages_ = messages_.appended(assistant_message(m.response, named_calls_));
        add(std::move(m));
        at_ = at_ + model_latency_;
        // The calls of a capped run were never performed, and the engine does not perform them either.
        if (last && ending_of(run_) == imported_ending::capped) return;
        for (const imported_call& c : turn.calls) add_skill_call(c);
        for (const imported_call& c : turn.calls)
            messages_ = messages_.appended(tool_message(call_name(named_calls_++), c.answer->result, c.answer->failed));
        if (turn.calls.empty() && run_.converse) add_user_turn(turn);
    }

    void add_skill_call(const imported_call& c) {
        const skill_set::skill& skill = *skills_.find(c.name);
        tape_skill_call s;
        s.skill = skill.id;
        s.version = skills_.skill_version();
        s.as = skill.as;
        s.effect = skill.effect;
        s.arguments = c.arguments;
        s.result = c.answer->result;
        if (c.answer->failed)
            s.ending = {effect_outcome::failed, errc::skill_failed, c.answer->message, {}, true};
        else if (skill.effect == effect_class::write)
            wrote_ = true;
        add(std::move(s));
    }

    // A conversation whose log ends with the model's words is taken as left by the user.
    void add_user_turn(const imported_turn& turn) {
        tape_user_turn u;
        u.text = turn.content;
        u.ended = !turn.reply || turn.reply_ends;
        if (turn.reply) u.message = *turn.reply;
        if (const auto text = as_string(u.message)) messages_ = messages_.appended(user_message(*text));
        add(std::move(u));
    }

    void add_failed_turn() {
        tape_model_call m = model_call();
        m.ending = {effect_outcome::failed, errc::model_failed, cut_message(), model_latency_, true};
        add(std::move(m));
        at_ = at_ + model_latency_;
    }

    std::string cut_message() const { return run_.error.empty() ? std::string(builder_cut_message) : run_.error; }

    tape_run_finished outcome() const {
        switch (ending_of(run_)) {
        case imported_ending::finished: return {outcome_status::success, errc::ok, "done"};
        case imported_ending::cut:
            return {wrote_ ? outcome_status::partial : outcome_status::failure, errc::model_failed, cut_message()};
        case imported_ending::capped: break;
        }
        return {wrote_ ? outcome_status::partial : outcome_status::failure, errc::limit_model_calls,
                "the last allowed turn still asked for " + std::to_string(run_.turns.back().calls.size()) + " calls"};
    }

    const imported_run& run_;
    const skill_set& skills_;
    tape out_;
    history messages_;
    instant at_;
    duration model_latency_;
    std::uint64_t named_calls_ = 0;
    bool wrote_ = false;
};

} // namespace

tape build_tape(const imported_run& run, const skill_set& skills) {
    AIVP_ASSERT(run.skip.empty(), "a run that cannot be replayed has no tape");
    return tape_builder(run, skills).build();
}

std::string agent_text(const imported_run& run, const skill_set& skills) {
    std::string out = "schema_version: v1alpha1\nkind: agent\nid: " + yaml_string(safe_name(run.suite).substr(0, 64));
    out += "\nname: " + yaml_string(run.title) + "\ntriggers:\n  - type: manual\n";
    if (!run.system.empty()) out += "system: " + yaml_string(run.system) + "\n";
    out += "goal: " + yaml_string(run.goal) + "\nmodel:\n  name: " + yaml_string(run.model) + "\nmay_abstain: false\n";
    if (run.converse) out += "converse: true\n";
    std::string ends;
    for (const std::string& name : run.ends_after)
        if (const auto* skill = skills.find(name)) ends += "  - " + yaml_string(skill->as) + "\n";
    if (!ends.empty()) out += "ends_after:\n" + ends;
    // The cap of the harness, where it decided how the run ended; beyond that nothing must stop a replay.
    const bool capped = ending_of(run) == imported_ending::capped;
    out += "limits:\n  model_turns: " + std::to_string(capped ? run.turns.size() : 1'000'000);
    out += "\n  skill_calls: 1000000\n  repeated_calls: 1000000\n  tokens: 1000000000000\n  budget_usd: 1000000\n"
           "  run_timeout: 30d\n  step_timeout: 1d\n";
    return out + skills.bindings_text();
}

} // namespace aivp::sim::internal
