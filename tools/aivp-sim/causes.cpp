#include "tools/aivp-sim/causes.hpp"

#include <algorithm>
#include <utility>

namespace aivp::tools {

namespace {

using run_and = std::pair<std::int64_t, std::int64_t>;

/// What the records so far left behind: who asked, who armed.
class tracker {
public:
    std::uint64_t cause_of(const caused_record& r, std::uint64_t causation) const;
    void add(const caused_record& r);

private:
    static std::uint64_t at(const std::map<run_and, std::uint64_t>& of, run_and key) {
        const auto it = of.find(key);
        return it == of.end() ? 0 : it->second;
    }
    std::map<run_and, std::uint64_t> asked_, armed_;     ///< by run and call, by agent and trigger
    std::map<std::int64_t, std::uint64_t> timer_, last_; ///< by run
    std::uint64_t newest_ = 0;
};

std::uint64_t tracker::cause_of(const caused_record& r, std::uint64_t causation) const {
    if (causation != 0) return causation;
    const std::string& input = r.told.input;
    if (input == "start_run" || input == "publish_event" || input == "activate_agent" || input == "open_journal")
        return 0;
    if (input == "recover" || input == "wake") return newest_;
    if (input == "timer_elapsed") {
        if (r.run == 0)
            return at(armed_,
                      {sim::number_of(r.told.told.text(), "agent"), sim::number_of(r.told.told.text(), "trigger")});
        const auto it = timer_.find(r.run);
        return it == timer_.end() ? 0 : it->second;
    }
    for (const sim::event_view& e : r.told.events) {
        const std::int64_t call = e.number("call");
        if (call == 0 || asks(e)) continue;
        if (const std::uint64_t n = at(asked_, {run_of(e, r), call}); n != 0) return n;
        break;
    }
    const auto last = last_.find(r.run);
    return r.run == 0 || last == last_.end() ? 0 : last->second;
}

void tracker::add(const caused_record& r) {
    newest_ = r.seq.value;
    if (r.run != 0) last_[r.run] = r.seq.value;
    for (const sim::event_view& e : r.told.events) {
        const std::int64_t run = run_of(e, r);
        if (run != 0) last_[run] = r.seq.value;
        if (asks(e)) asked_[{run, e.number("call")}] = r.seq.value;
        if (e.type == "trigger_armed") armed_[{e.number("agent"), e.number("trigger")}] = r.seq.value;
        if (e.type == "timer_armed") timer_[run] = r.seq.value;
    }
}

std::int64_t run_of_record(const sim::record_view& told) {
    if (told.correlation != 0) return told.correlation;
    if (const std::int64_t run = sim::number_of(told.told.text(), "run"); run != 0) return run;
    for (const sim::event_view& e : told.events)
        if (const std::int64_t run = e.number("run"); run != 0) return run;
    return 0;
}

} // namespace

bool asks(const sim::event_view& e) {
    return e.type == "model_requested" || e.type == "call_intended" || e.type == "user_asked" ||
           e.type == "call_resent";
}

bool settles(const sim::event_view& e) {
    return e.type == "model_settled" || e.type == "call_settled" || e.type == "user_answered";
}

std::vector<caused_record> causes_of(const sim::journal_text& journal) {
    std::vector<caused_record> out;
    out.reserve(journal.records.size());
    tracker before;
    for (std::uint64_t n = 1; n <= journal.records.size(); ++n) {
        const std::string& line = journal.records[n - 1].line;
        caused_record r{{n}, journal.records[n - 1].at, sim::view_of(line), 0, 0};
        r.run = run_of_record(r.told);
        // A number from a file: only what came before can be a cause.
        const auto causation = static_cast<std::uint64_t>(std::max<std::int64_t>(0, sim::number_of(line, "causation")));
        r.cause = before.cause_of(r, causation < n ? causation : 0);
        before.add(r);
        out.push_back(std::move(r));
    }
    return out;
}

std::vector<std::uint64_t> chain_to(const std::vector<caused_record>& records, seq_no seq) {
    std::vector<std::uint64_t> out;
    for (std::uint64_t n = seq.value; n != 0 && n <= records.size(); n = records[n - 1].cause) out.push_back(n);
    std::reverse(out.begin(), out.end());
    return out;
}

journal_names::journal_names(const sim::scenario& s, const std::vector<caused_record>& records) : scenario_(s) {
    for (const caused_record& r : records)
        for (const sim::event_view& e : r.told.events) {
            const run_and call{run_of(e, r), e.number("call")};
            if (e.type == "agent_activated") agents_[e.number("agent")] = e.text("id");
            if (e.type == "trigger_accepted") agent_of_run_[e.number("run")] = e.number("agent");
            if (e.type == "model_requested") calls_[call] = "the model";
            if (e.type == "user_asked") calls_[call] = "the user";
            if (e.type == "call_intended") calls_[call] = binding(call.first, e.number("binding"));
            if (e.type == "call_refused") calls_[call] = e.text("as");
        }
}

std::string journal_names::agent(std::int64_t number) const {
    const auto it = agents_.find(number);
    return it == agents_.end() ? "agent " + std::to_string(number) : it->second;
}

std::string journal_names::agent_of_run(std::int64_t run) const {
    const auto it = agent_of_run_.find(run);
    return it == agent_of_run_.end() ? "run " + std::to_string(run) : agent(it->second);
}

std::string journal_names::binding(std::int64_t run, std::int64_t number) const {
    const std::string id = agent_of_run(run);
    const auto n = static_cast<std::size_t>(number);
    for (const snapshot_ptr& a : scenario_.agents)
        if (a->id == id && n < a->bindings.size()) return a->bindings[n].as;
    return "skill " + std::to_string(number);
}

std::string journal_names::call(std::int64_t run, std::int64_t number) const {
    const auto it = calls_.find({run, number});
    return it == calls_.end() ? "call " + std::to_string(number) : it->second;
}

} // namespace aivp::tools
