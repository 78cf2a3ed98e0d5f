#include "sim/expectations.hpp"

#include <algorithm>

#include "mocks/matching.hpp"

namespace aivp::sim {

std::string expected_count::to_string() const {
    if (most && *most == least) return std::to_string(least);
    if (!most) return "at least " + std::to_string(least);
    if (least == 0) return "at most " + std::to_string(*most);
    return std::to_string(least) + " to " + std::to_string(*most);
}

namespace {

bool is_agent(const run_log_run& r, const std::string& agent) { return agent.empty() || r.snapshot->id == agent; }

bool has_status(const run_log_run& r, const std::string& status) {
    if (status == "total") return true;
    if (status == "open") return !r.outcome;
    if (!r.outcome) return false;
    if (status == "abstained") return r.outcome->abstained;
    return status == to_string(r.outcome->status);
}

std::uint64_t count_runs(const expectation& e, const simulation& world) {
    std::uint64_t n = 0;
    for (const auto& [id, r] : world.log().runs()) n += is_agent(r, e.agent) && has_status(r, e.run_status);
    return n;
}

bool is_named(const run_log_entry& x, const std::string& name) {
    return name.empty() || x.as == name || (x.skill && x.skill->id == name);
}

bool ended_so(const run_log_entry& x, const std::string& outcome) {
    if (outcome.empty()) return true;
    if (!x.settled) return outcome == "open";
    return outcome == to_string(x.ended);
}

bool has_code(const run_log_entry& x, const std::string& code) {
    return code.empty() || (x.settled && info(x.outcome.code).name == code);
}

std::uint64_t count_calls(const expectation& e, const simulation& world) {
    std::uint64_t n = 0;
    for (const auto& [id, r] : world.log().runs()) {
        if (!is_agent(r, e.agent)) continue;
        for (const run_log_entry& x : r.entries) {
            const bool refused = x.what == run_log_entry::kind::refused;
            if (e.what == expectation::kind::refused)
                n += refused && is_named(x, e.as) && (e.code.empty() || info(x.why->code).name == e.code);
            else
                n += x.what == run_log_entry::kind::skill && is_named(x, e.as) && ended_so(x, e.outcome) &&
                     has_code(x, e.code);
        }
    }
    return n;
}

std::uint64_t count_refused_triggers(const expectation& e, simulation& world) {
    std::uint64_t n = 0;
    for (const run_log_trigger_refusal& t : world.log().refused_triggers()) {
        const std::string agent = t.agent ? world.engine().state().agents[t.agent.value - 1].snapshot->id : "";
        if (!e.agent.empty() && e.agent != agent) continue;
        if (!e.as.empty() && e.as != t.trigger) continue;
        if (e.code.empty() || info(t.code).name == e.code) n += t.count;
    }
    return n;
}

std::uint64_t count_outcomes(const expectation& e, const simulation& world) {
    std::uint64_t n = 0;
    for (const auto& [id, r] : world.log().runs())
        n += is_agent(r, e.agent) && r.outcome && info(r.outcome->code).name == e.code;
    return n;
}

std::uint64_t count_answers(const expectation& e, const simulation& world) {
    std::uint64_t n = 0;
    for (const auto& [id, r] : world.log().runs()) {
        if (!is_agent(r, e.agent) || !r.outcome) continue;
        const auto answer = member(r.outcome->details, "answer");
        const auto text = answer ? as_string(*answer) : std::nullopt;
        n += text && text->find(e.contains) != std::string::npos;
    }
    return n;
}

std::string in_words(const expectation& e) {
    const std::string of_agent = e.agent.empty() ? "" : " of " + e.agent;
    const std::string named = of_agent + ": " + (e.as.empty() ? "all" : e.as);
    const std::string coded = e.code.empty() ? "" : " " + e.code;
    switch (e.what) {
    case expectation::kind::runs: return "runs" + of_agent + ": " + e.run_status;
    case expectation::kind::ledger:
        return "calls that reached the world: " + (e.filter.operation.empty() ? "all" : e.filter.operation);
    case expectation::kind::calls: return "calls" + named + (e.outcome.empty() ? "" : " " + e.outcome) + coded;
    case expectation::kind::refused: return "refused calls" + named + coded;
    case expectation::kind::refused_triggers: return "refused triggers" + named + coded;
    case expectation::kind::outcomes: return "runs" + of_agent + " that end with " + e.code;
    case expectation::kind::answer: return "answers" + of_agent + " that contain \"" + e.contains + "\"";
    case expectation::kind::world: return "final state of the world";
    }
    return {};
}

void check_world_state(const expectation& e, simulation& world, std::vector<finding>& out) {
    const payload state = world.mocks().dump();
    if (subset_matches(state, e.part)) return;
    std::string expected = std::string(e.part.text());
    std::string actual = "another state";
    for (const auto& [service, wanted] : members(e.part)) {
        const auto there = member(state, service);
        if (there && subset_matches(*there, wanted)) continue;
        expected = service + ": " + std::string(wanted.text());
        actual = there ? service + ": " + std::string(there->text()) : service + " does not exist";
        break;
    }
    out.push_back({errc::scenario_expectation, in_words(e), e.where, std::move(expected), std::move(actual), {}});
}

} // namespace

void check_expectations(const scenario& s, simulation& world, std::vector<finding>& out) {
    for (const expectation& e : s.expectations) {
        if (e.what == expectation::kind::world) {
            check_world_state(e, world, out);
            continue;
        }
        std::uint64_t n = 0;
        switch (e.what) {
        case expectation::kind::runs: n = count_runs(e, world); break;
        case expectation::kind::ledger: n = world.ledger().count(e.filter).value_or(0); break;
        case expectation::kind::calls:
        case expectation::kind::refused: n = count_calls(e, world); break;
        case expectation::kind::refused_triggers: n = count_refused_triggers(e, world); break;
        case expectation::kind::outcomes: n = count_outcomes(e, world); break;
        case expectation::kind::answer: n = count_answers(e, world); break;
        case expectation::kind::world: break;
        }
        if (e.count.holds(n)) continue;
        out.push_back({errc::scenario_expectation, in_words(e), e.where, e.count.to_string(), std::to_string(n), {}});
    }
}

} // namespace aivp::sim
