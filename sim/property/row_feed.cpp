#include "sim/property/row_feed.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

#include "aivp/base/assert.hpp"

namespace aivp::sim {

// Fields come in the order of tables.cpp; a row with another number of them is a mistake that the first row shows.
class row_feed::row_writer {
public:
    row_writer(property_monitor& out, property_row& row, table_id table) : out_(out), row_(row), table_(table) {
        row_.clear();
    }
    row_writer& number(std::int64_t n) { return cell({n, {}}); }
    row_writer& number(std::uint64_t n) { return cell({static_cast<std::int64_t>(n), {}}); }
    row_writer& at(instant t) { return cell({t.us, {}}); }
    row_writer& span(duration d) { return cell({d.us, {}}); }
    row_writer& money(usd_micros m) { return cell({m.value, {}}); }
    row_writer& flag(bool b) { return cell({b, {}}); }
    row_writer& text(std::string_view t) { return cell({0, t}); }
    row_writer& code(errc c) { return cell({0, info(c).name}); }
    row_writer& json(const payload& p) { return cell({0, p.text()}); }
    void done() {
        AIVP_ASSERT(row_.size() == info(table_).fields.size(), "a row has the fields of its table");
        out_.add(table_, row_);
    }

private:
    row_writer& cell(property_cell c) {
        row_.push_back(c);
        return *this;
    }

    property_monitor& out_;
    property_row& row_;
    table_id table_;
};

void row_feed::add(const ledger_entry& e) {
    row_writer(out_, row_, table_id::ledger)
        .at(e.at)
        .number(e.ordinal)
        .number(e.run.value)
        .text(e.agent)
        .text(e.connector)
        .text(e.operation)
        .text(e.target)
        .text(to_string(e.effect))
        .text(to_string(e.outcome))
        .code(e.code)
        .flag(e.duplicate_of != 0)
        .flag(static_cast<bool>(e.idempotency_key))
        .json(e.arguments)
        .done();
}

row_feed::run_watch* row_feed::find(run_id run) {
    const auto it = runs_.find(run);
    return it == runs_.end() ? nullptr : &it->second;
}

row_feed::call_watch* row_feed::find(run_watch& r, call_id call) {
    const auto it =
        std::find_if(r.open.begin(), r.open.end(), [call](const call_watch& c) { return c.number == call.value; });
    return it == r.open.end() ? nullptr : &*it;
}

void row_feed::add(const std::vector<engine_event>& events, const std::vector<agent_state>& agents, instant at) {
    for (const engine_event& event : events)
        std::visit(
            [&](const auto& e) {
                if constexpr (requires { add(e, agents, at); })
                    add(e, agents, at);
                else if constexpr (requires { add(e, at); })
                    add(e, at);
            },
            event);
}

void row_feed::add(const trigger_accepted& e, const std::vector<agent_state>& agents, instant at) {
    run_watch& r = runs_[e.run];
    r.snapshot = agents.at(e.agent.value - 1).snapshot;
    if (e.trigger < r.snapshot->triggers.size()) r.trigger = r.snapshot->triggers[e.trigger].id;
    r.accepted = at;
    r.body = e.body;
    row_writer(out_, row_, table_id::triggers)
        .at(at)
        .at(e.scheduled_for)
        .span(at - e.scheduled_for)
        .number(e.run.value)
        .text(r.snapshot->id)
        .text(r.trigger)
        .flag(e.waits)
        .json(r.body)
        .done();
}

void row_feed::add(const trigger_refused& e, const std::vector<agent_state>& agents, instant at) {
    const agent_snapshot* agent = e.agent ? agents.at(e.agent.value - 1).snapshot.get() : nullptr;
    const bool known = agent && e.trigger < agent->triggers.size();
    row_writer(out_, row_, table_id::refused_triggers)
        .at(at)
        .at(e.scheduled_for)
        .text(agent ? std::string_view(agent->id) : std::string_view())
        .text(known ? std::string_view(agent->triggers[e.trigger].id) : std::string_view())
        .code(e.code)
        .number(e.count)
        .done();
}

void row_feed::add(const run_started& e, instant at) {
    run_watch* r = find(e.run);
    if (!r) return;
    r->started = at;
    r->has_started = true;
}

void row_feed::add(const call_intended& e, instant at) {
    run_watch* r = find(e.run);
    if (!r) return;
    ++r->calls;
    r->open.push_back({e.call.value, false, e.binding, 1, at, e.arguments});
}

void row_feed::add(const model_requested& e, instant at) {
    run_watch* r = find(e.run);
    if (!r) return;
    ++r->turns;
    r->open.push_back({e.call.value, true, 0, 1, at, {}});
}

void row_feed::add(const call_retry_planned& e, instant) {
    run_watch* r = find(e.run);
    if (call_watch* c = r ? find(*r, e.call) : nullptr) c->attempts = e.attempt;
}

void row_feed::add(const call_refused& e, instant at) {
    const run_watch* r = find(e.run);
    if (!r) return;
    row_writer(out_, row_, table_id::refused)
        .at(at)
        .number(e.run.value)
        .number(e.call.value)
        .text(r->snapshot->id)
        .text(e.as)
        .code(e.why->code)
        .text(to_string(e.why->stage))
        .done();
}

void row_feed::add(const call_settled& e, instant at) {
    run_watch* r = find(e.run);
    const call_watch* c = r ? find(*r, e.call) : nullptr;
    if (!c) return;
    const skill_binding& binding = r->snapshot->bindings[c->binding];
    row_writer(out_, row_, table_id::calls)
        .at(at)
        .at(c->started)
        .span(at - c->started)
        .number(e.run.value)
        .number(e.call.value)
        .text(r->snapshot->id)
        .text(binding.as)
        .text(binding.skill->id)
        .text(to_string(binding.skill->effect))
        .text(to_string(e.outcome))
        .code(e.code)
        .money(e.cost)
        .number(std::uint64_t{c->attempts})
        .json(c->arguments)
        .json(e.result)
        .done();
    std::erase_if(r->open, [&](const call_watch& o) { return o.number == e.call.value; });
}

void row_feed::add(const model_settled& e, instant at) {
    run_watch* r = find(e.run);
    const call_watch* c = r ? find(*r, e.call) : nullptr;
    if (!c) return;
    static const model_response none{.finish = ""};
    const model_response& response = e.response ? *e.response : none;
    row_writer(out_, row_, table_id::turns)
        .at(at)
        .at(c->started)
        .span(at - c->started)
        .number(e.run.value)
        .number(e.call.value)
        .text(r->snapshot->id)
        .text(to_string(e.outcome))
        .code(e.code)
        .money(e.cost)
        .number(std::uint64_t{c->attempts})
        .number(std::uint64_t{response.calls.size()})
        .number(response.usage.input)
        .number(response.usage.output)
        .text(response.finish)
        .json(response.content)
        .done();
    std::erase_if(r->open, [&](const call_watch& o) { return o.number == e.call.value; });
}

void row_feed::add(const run_finished& e, instant at) {
    const run_watch* r = find(e.run);
    if (!r) return;
    const structured_outcome& outcome = *e.outcome;
    const instant started = r->has_started ? r->started : at;
    row_writer(out_, row_, table_id::runs)
        .at(at)
        .at(r->accepted)
        .at(started)
        .span(at - started)
        .number(e.run.value)
        .text(r->snapshot->id)
        .text(r->trigger)
        .text(to_string(outcome.status))
        .code(outcome.code)
        .flag(outcome.abstained)
        .money(outcome.cost)
        .number(r->calls)
        .number(r->turns)
        .json(outcome.details)
        .json(r->body)
        .done();
    runs_.erase(e.run);
}

} // namespace aivp::sim
