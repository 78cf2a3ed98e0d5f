#include "sim/search/story.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "sim/search/journal_view.hpp"

namespace aivp::sim {

namespace {

constexpr std::size_t arguments_width = 56;
constexpr std::size_t story_lines_max = 400;

/// At most `width` characters, never in the middle of one.
std::string cut(std::string text, std::size_t width) {
    std::size_t end = 0, characters = 0;
    while (end < text.size()) {
        if ((text[end] & 0xc0) != 0x80 && characters++ == width) break;
        ++end;
    }
    if (end == text.size()) return text;
    text.resize(end);
    return text + "…";
}

/// Writes the lines of one run.
class teller {
public:
    teller(const run_case& c, const executed_case& run) : case_(c), run_(run) {}

    void tell(seq_no seq);
    void tell_fault(const met_fault& met, const std::vector<bool>& required);
    void tell_violation(const finding& what, seq_no seq);
    std::vector<story_line> take() { return std::move(lines_); }

private:
    struct call {
        std::string name;
        std::string key;
        std::size_t line = 0; ///< where it was told
        std::string what;     ///< name and arguments of a write
    };
    using call_id_pair = std::pair<std::int64_t, std::int64_t>;

    story_line& add(std::string what, std::string text) {
        lines_.push_back({at_, std::move(what), std::move(text), {}, moment_, seq_});
        return lines_.back();
    }
    std::int64_t run_of(const event_view& e) const {
        const std::int64_t run = e.number("run");
        return run != 0 ? run : correlation_;
    }
    call_id_pair call_of(const event_view& e) const { return {run_of(e), e.number("call")}; }
    const std::string& agent_of_run(std::int64_t run) const;
    void tell(const event_view& e);
    void tell_input(const record_view& r);
    void tell_trigger(const event_view& e);
    void tell_intent(const event_view& e);
    void tell_settled(const event_view& e, const char* what);
    void tell_other(const event_view& e);
    const skill_binding* binding_of(const event_view& e) const;

    const run_case& case_;
    const executed_case& run_;
    std::vector<story_line> lines_;
    duration at_;
    std::string moment_;
    seq_no seq_;
    std::int64_t correlation_ = 0;
    std::map<std::int64_t, std::string> agents_; ///< ids by number
    std::map<std::int64_t, std::int64_t> runs_;  ///< agents by run
    std::map<call_id_pair, call> calls_;
    std::map<std::string, std::string> in_doubt_;   ///< by write: the key of the last one that did not end well
    std::map<std::size_t, std::size_t> fault_line_; ///< by fault: where it was told
    std::map<std::size_t, std::uint64_t> fault_count_;
};

const std::string& teller::agent_of_run(std::int64_t run) const {
    static const std::string nobody;
    const auto agent = runs_.find(run);
    if (agent == runs_.end()) return nobody;
    const auto id = agents_.find(agent->second);
    return id == agents_.end() ? nobody : id->second;
}

const skill_binding* teller::binding_of(const event_view& e) const {
    const std::string& id = agent_of_run(run_of(e));
    for (const snapshot_ptr& a : case_.what->agents) {
        const auto n = static_cast<std::size_t>(e.number("binding"));
        if (a->id == id && n < a->bindings.size()) return &a->bindings[n];
    }
    return nullptr;
}

void teller::tell_trigger(const event_view& e) {
    const std::int64_t agent = e.number("agent");
    const std::string id = agents_.contains(agent) ? agents_[agent] : "agent " + std::to_string(agent);
    if (e.type == "trigger_refused") {
        add("trigger", id + " refused: " + e.text("code"));
        return;
    }
    runs_[run_of(e)] = agent;
    const auto body = member(e.whole, "body");
    add("trigger", id + (body && !body->is_null() ? "  " + short_text(*body, arguments_width) : ""));
}

void teller::tell_intent(const event_view& e) {
    const skill_binding* binding = binding_of(e);
    const auto arguments = member(e.whole, "arguments");
    const std::string shown = arguments ? short_text(*arguments, arguments_width) : "";
    call made{binding ? binding->as : "skill", e.text("key").substr(0, 4), lines_.size(), ""};
    const bool writes = binding && binding->skill && binding->skill->effect == effect_class::write;
    story_line& line = add("skill", made.name + "(" + shown + ")" + (writes ? "  key=" + made.key : ""));
    if (writes) {
        made.what = made.name + (arguments ? std::string(arguments->text()) : "");
        const auto before = in_doubt_.find(made.what);
        if (before != in_doubt_.end() && before->second != made.key) line.note = "another key";
        in_doubt_[made.what] = made.key;
    }
    calls_[call_of(e)] = std::move(made);
}

void teller::tell_settled(const event_view& e, const char* what) {
    const auto made = calls_.find(call_of(e));
    std::string outcome = e.text("outcome");
    if (outcome.empty()) outcome = "ok";
    const std::string code = e.text("code");
    const std::string text = outcome + (code.empty() ? "" : " " + code);
    if (made != calls_.end() && outcome == "ok") in_doubt_.erase(made->second.what);
    if (made != calls_.end() && made->second.line + 1 == lines_.size()) {
        lines_.back().text += " -> " + text;
        return;
    }
    const std::string name = made == calls_.end() ? "a call" : made->second.name;
    add(what, name + " -> " + text);
}

void teller::tell_other(const event_view& e) {
    const auto made = calls_.find(call_of(e));
    const std::string name = made == calls_.end() ? "a call" : made->second.name;
    if (e.type == "call_retry_planned")
        add("retry " + std::to_string(e.number("attempt") - 1),
            name + " after " + e.text("code") + ", due +" +
                to_string(duration{e.number("due")} - duration{case_.what->start.us} - at_));
    else if (e.type == "call_resent")
        add("resent", name + (made == calls_.end() ? "" : "  key=" + made->second.key));
    else if (e.type == "call_refused")
        add("refused", e.text("as") + ": " + e.text("code"));
    else if (e.type == "call_parked")
        add("parked", name + " waits for a person");
    else if (e.type == "recovered")
        add("restart", "the process is back: " + std::to_string(e.number("resent")) + " resent, " +
                           std::to_string(e.number("parked")) + " parked");
    else if (e.type == "completion_ignored")
        add("ignored", "an answer of " + name + ": " + e.text("reason"));
    else if (e.type == "run_finished")
        add("run", agent_of_run(run_of(e)) + " ended: " + e.text("status") + " " + e.text("code"));
    else if (e.type == "run_paused")
        add("operator", "pauses " + agent_of_run(run_of(e)));
    else if (e.type == "run_resumed")
        add("operator", "resumes " + agent_of_run(run_of(e)));
}

void teller::tell(const event_view& e) {
    if (e.type == "agent_activated") {
        const std::int64_t agent = e.number("agent");
        if (agents_.contains(agent)) add("operator", "activates " + e.text("id") + " again");
        agents_[agent] = e.text("id");
    } else if (e.type == "trigger_accepted" || e.type == "trigger_refused") {
        tell_trigger(e);
    } else if (e.type == "model_requested") {
        calls_[call_of(e)] = {agent_of_run(run_of(e)), "", lines_.size(), ""};
        add("model", agent_of_run(run_of(e)));
    } else if (e.type == "user_asked") {
        calls_[call_of(e)] = {"user", "", lines_.size(), ""};
        const auto text = member(e.whole, "text");
        add("user", text ? short_text(*text, arguments_width) : "");
    } else if (e.type == "call_intended") {
        tell_intent(e);
    } else if (e.type == "model_settled") {
        tell_settled(e, "model");
    } else if (e.type == "call_settled") {
        tell_settled(e, "skill");
    } else if (e.type == "user_answered") {
        const auto reply = member(e.whole, "message");
        add("user", reply && !reply->is_null() ? "says " + short_text(*reply, arguments_width) : "leaves");
    } else {
        tell_other(e);
    }
}

void teller::tell_input(const record_view& r) {
    if (r.input == "cancel_run") add("operator", "cancels the run of " + agent_of_run(correlation_));
    if (r.input == "wake") add("wake", "after " + to_string(duration{number_of(r.told.text(), "slept")}));
}

void teller::tell(seq_no seq) {
    if (lines_.size() >= story_lines_max) return;
    const journal_text::record& record = run_.journal.records[seq.value - 1];
    const record_view r = view_of(record.line);
    at_ = record.at - case_.what->start;
    moment_ = run_.journal.moment(seq, case_.what->start);
    seq_ = seq;
    correlation_ = r.correlation;
    tell_input(r);
    for (const event_view& e : r.events) tell(e);
}

void teller::tell_fault(const met_fault& met, const std::vector<bool>& required) {
    const fault& f = case_.plan.faults[met.index];
    const auto told = fault_line_.find(met.index);
    if (told != fault_line_.end()) {
        const std::uint64_t n = ++fault_count_[met.index];
        lines_[told->second].text = to_string(f) + ", met " + std::to_string(n) + " times";
        return;
    }
    fault_line_[met.index] = lines_.size();
    fault_count_[met.index] = 1;
    at_ = met.at - case_.what->start;
    const bool needed = met.index < required.size() && required[met.index];
    lines_.push_back(
        {at_, "FAULT", to_string(f) + ": " + std::string(info(f.kind).text), needed ? "required" : "", moment_, seq_});
}

void teller::tell_violation(const finding& what, seq_no seq) {
    if (seq.value != 0) {
        at_ = run_.journal.records[seq.value - 1].at - case_.what->start;
        moment_ = what.moment.empty() ? run_.journal.moment(seq, case_.what->start) : what.moment;
    }
    seq_ = seq;
    add("violation", what.actual);
}

} // namespace

std::vector<story_line> story_of(const run_case& c, const executed_case& run, const finding& what,
                                 const std::vector<bool>& required) {
    teller out(c, run);
    const seq_no last = seq_of(what, run.journal, c.what->start);
    const std::vector<met_fault>& met = run.result.report.met;
    std::size_t next = 0;
    const auto tell_faults = [&](seq_no after) {
        for (; next < met.size() && met[next].after <= after; ++next) out.tell_fault(met[next], required);
    };
    tell_faults({});
    for (seq_no n{1}; n <= last; ++n.value) {
        out.tell(n);
        tell_faults(n);
    }
    out.tell_violation(what, last);
    return out.take();
}

std::string brief(std::string_view journal_line) {
    if (journal_line.empty()) return "(the run had ended)";
    const record_view r = view_of(journal_line);
    std::string out = r.input;
    std::string events;
    for (const event_view& e : r.events) {
        if (e.type == "timer_armed") continue;
        events += (events.empty() ? "" : ", ") + e.type;
        for (const char* key : {"outcome", "status", "code"})
            if (const std::string value = e.text(key); !value.empty()) events += " " + value;
    }
    if (!events.empty()) out += (out.empty() ? "" : ": ") + events;
    return cut(std::move(out), 100);
}

std::string short_text(const payload& value, std::size_t width) {
    if (!value.is_object()) return cut(as_string(value).value_or(std::string(value.text())), width);
    std::string out;
    for (const auto& [key, inner] : members(value))
        out += (out.empty() ? "" : ", ") + key + ": " + std::string(inner.text());
    return cut(std::move(out), width);
}

} // namespace aivp::sim
