// rapidcheck generators for whole scenarios and what goes wrong in them: agents beside each other, what starts them, what
// their tools answer, what their models and users say, and fault plans. All shrink: to fewer agents, triggers and faults,
// and each of those as in generators.hpp.
//
//   RC_BOOST_PROP(nothing_is_found, (const generated_world& w)) {
//       RC_ASSERT(run_planned(*w.what, w.seed, w.plan).report.passed());
//   }
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "aivp/testing/generators.hpp"
#include "sim/scenario.hpp"

namespace aivp::testing {

/// An agent that does what it is there for: one to six writes, with and without keys, within generous limits.
inline rc::Gen<snapshot_ptr> any_worker(std::string id) {
    const auto skill = [](std::string name) {
        return rc::gen::map(rc::gen::inRange(0, 3), [name](int kind) {
            return make_binding(name, make_skill("x." + name, {.takes_key = kind == 0, .idempotent = kind == 1}));
        });
    };
    return rc::gen::map(rc::gen::tuple(skill("a"), skill("b"), rc::gen::inRange(1, 7)),
                        [id](const std::tuple<skill_binding, skill_binding, int>& t) {
                            std::vector<step_row> steps;
                            for (int i = 0; i < std::get<2>(t); ++i)
                                steps.push_back({"s" + std::to_string(i),
                                                 i % 2 == 0 ? "a" : "b",
                                                 {.arguments = "{\"n\":" + std::to_string(i) + "}"}});
                            return make_steps_agent(id, {std::get<0>(t), std::get<1>(t)}, std::move(steps));
                        });
}

/// One to three agents "agent0", … which know nothing of each other; an event starts all that wait for it.
inline rc::Gen<std::vector<snapshot_ptr>> any_agents() {
    const auto one = [](std::string id) { return rc::gen::oneOf(any_agent(id), any_worker(id)); };
    return rc::gen::map(
        rc::gen::tuple(rc::gen::inRange<std::size_t>(1, 4), one("agent0"), one("agent1"), one("agent2")),
        [](const std::tuple<std::size_t, snapshot_ptr, snapshot_ptr, snapshot_ptr>& t) {
            std::vector<snapshot_ptr> all{std::get<1>(t), std::get<2>(t), std::get<3>(t)};
            all.resize(std::get<0>(t));
            return all;
        });
}

/// Starts, events and cancellations within the first ten minutes, single ones and rows.
inline rc::Gen<std::vector<sim::planned_trigger>> any_planned_triggers(std::size_t agents) {
    const auto one =
        rc::gen::map(rc::gen::tuple(rc::gen::inRange<std::int64_t>(0, 600), rc::gen::inRange<std::uint64_t>(1, 5),
                                    rc::gen::inRange<std::size_t>(0, agents), rc::gen::inRange(0, 8), any_arguments()),
                     [](const std::tuple<std::int64_t, std::uint64_t, std::size_t, int, std::string>& t) {
                         const auto& [after, times, agent, kind, body] = t;
                         sim::planned_trigger out{.after = seconds(after),
                                                  .every = {},
                                                  .times = times,
                                                  .agent = kind == 7 ? "" : "agent" + std::to_string(agent),
                                                  .event = kind == 7 ? "ping" : "",
                                                  .cancel = kind == 6,
                                                  .body = json(body),
                                                  .where = {}};
                         if (times > 1) out.every = seconds(1 + after % 40);
                         return out;
                     });
    return rc::gen::mapcat(rc::gen::inRange<std::size_t>(1, 7), [one](std::size_t n) {
        return rc::gen::container<std::vector<sim::planned_trigger>>(n, one);
    });
}

/// What the skills of any_skill() answer, by a canned answer for each: objects, anything else, failures with every outcome.
inline rc::Gen<payload> any_tool_results() {
    const auto answers_of = [](std::string skill) {
        return rc::gen::map(
            rc::gen::pair(rc::gen::inRange(0, 8), short_list(3, any_payload(2))),
            [skill](const std::pair<int, std::vector<payload>>& p) {
                std::vector<std::pair<std::string, payload>> out = {{"skill", payload::of_string(skill)}};
                const auto fails = [&](const char* code) { out.emplace_back("error", payload::of_string(code)); };
                if (p.first == 5) fails("skill.unavailable");
                if (p.first == 6) fails("skill.outcome_unknown");
                if (p.first == 7) fails("skill.failed");
                if (p.first < 5) {
                    std::vector<payload> results{json(R"({"n":1,"token":"t"})")};
                    results.insert(results.end(), p.second.begin(), p.second.end());
                    out.emplace_back("results", payload::of_array(results));
                }
                return payload::of_object(std::move(out));
            });
    };
    return rc::gen::map(rc::gen::tuple(answers_of("x.a"), answers_of("x.b"), answers_of("x.c"), answers_of("x.d")),
                        [](const std::tuple<payload, payload, payload, payload>& t) {
                            return payload::of_array({std::get<0>(t), std::get<1>(t), std::get<2>(t), std::get<3>(t)});
                        });
}

/// People who reply for a while, repeat what they hear, or say nothing and leave.
inline rc::Gen<payload> any_users() {
    return rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 3), short_list(3, any_text())),
                        [](const std::pair<int, std::vector<std::string>>& p) {
                            if (p.first == 0) return json(R"({"echo":true})");
                            std::vector<payload> replies;
                            for (const std::string& s : p.second) replies.push_back(payload::of_string(s));
                            return payload::of_object({{"replies", payload::of_array(replies)}});
                        });
}

/// Places of faults that runs of these agents can have, whether or not they come there.
inline std::vector<sim::fault_site> sites_of(const std::vector<snapshot_ptr>& agents) {
    using sim::fault_port;
    std::vector<sim::fault_site> out{{"store", fault_port::store},
                                     {"process/commit", fault_port::process},
                                     {"process/effect", fault_port::process},
                                     {"clock", fault_port::clock},
                                     {"ties", fault_port::ties}};
    for (const snapshot_ptr& a : agents) {
        out.push_back({"model/" + a->id, fault_port::model});
        out.push_back({"user/" + a->id, fault_port::user});
        out.push_back({"command/" + a->id, fault_port::command});
        for (const skill_binding& b : a->bindings)
            out.push_back({"skill/" + a->id + "/" + b.as, fault_port::skill, 0, b.skill->effect == effect_class::write,
                           b.skill->takes_key || b.skill->idempotent});
    }
    return out;
}

/// One fault that applies at one of the places, within its first twenty calls.
inline rc::Gen<sim::fault> any_fault(const std::vector<sim::fault_site>& sites) {
    std::vector<std::pair<std::string, sim::fault_kind>> choices;
    for (const sim::fault_site& site : sites)
        for (const sim::fault_kind_info& kind : sim::fault_kinds())
            if (kind.port == site.port && sim::applies(kind, site)) choices.emplace_back(site.name, kind.kind);
    return rc::gen::map(
        rc::gen::tuple(rc::gen::elementOf(choices), rc::gen::inRange<std::uint64_t>(1, 21), rc::gen::inRange(0, 6),
                       rc::gen::inRange<std::uint8_t>(1, 4), rc::gen::inRange<std::size_t>(0, 6)),
        [](const std::tuple<std::pair<std::string, sim::fault_kind>, std::uint64_t, int, std::uint8_t, std::size_t>&
               t) {
            const auto& [place, ordinal, lasts, severity, form] = t;
            sim::fault f{.site = place.first, .ordinal = ordinal, .kind = place.second, .severity = severity};
            const sim::fault_kind_info& kind = sim::info(f.kind);
            if (kind.repeats && lasts > 3) f.times = lasts == 4 ? 3 : sim::fault::always;
            if (!kind.forms.empty()) f.form = static_cast<std::uint8_t>(form % kind.forms.size());
            return f;
        });
}

/// At most `most` faults, in the order of a plan.
inline rc::Gen<sim::fault_plan> any_fault_plan(const std::vector<sim::fault_site>& sites, int most = 4) {
    return rc::gen::map(short_list(most, any_fault(sites)), [](std::vector<sim::fault> faults) {
        std::sort(faults.begin(), faults.end());
        return sim::fault_plan{std::move(faults)};
    });
}

/// A scenario, a seed and a plan.
struct generated_world {
    std::shared_ptr<const sim::scenario> what;
    std::uint64_t seed = 1;
    sim::fault_plan plan;
};

inline std::ostream& operator<<(std::ostream& os, const generated_world& w) {
    for (const snapshot_ptr& a : w.what->agents) {
        os << "\nagent " << a->id << " with";
        for (const skill_binding& b : a->bindings) os << " " << b.as;
    }
    for (const sim::planned_trigger& t : w.what->triggers)
        os << "\nafter " << to_string(t.after) << (t.cancel ? " cancel " : " start ") << t.agent << t.event << " x "
           << t.times << " " << t.body.text();
    os << "\nanswers " << w.what->answers.text() << "\nusers " << w.what->users.text();
    for (const sim::fault& f : w.plan.faults) os << "\n" << to_string(f);
    return os << "\nseed " << w.seed << "\n";
}

/// Half an hour of any agents in any world: generated models, prepared tool results, answers after up to half a minute.
inline rc::Gen<generated_world> any_world() {
    return rc::gen::mapcat(any_agents(), [](const std::vector<snapshot_ptr>& agents) {
        return rc::gen::map(
            rc::gen::tuple(any_planned_triggers(agents.size()), any_tool_results(), any_users(),
                           any_fault_plan(sites_of(agents)), rc::gen::inRange<std::uint64_t>(1, 1000)),
            [agents](
                std::tuple<std::vector<sim::planned_trigger>, payload, payload, sim::fault_plan, std::uint64_t> t) {
                auto s = std::make_shared<sim::scenario>();
                s->name = s->file = "generated";
                s->start = spec::start;
                s->horizon = minutes(30);
                s->agents = agents;
                s->triggers = std::move(std::get<0>(t));
                s->answers = std::move(std::get<1>(t));
                s->users = std::move(std::get<2>(t));
                s->model = json(R"({"generate":{"invalid_per_mille":100,"unknown_tool_per_mille":50,"calls_max":3}})");
                s->latencies.set("", latency_model::uniform(milliseconds(1), seconds(30)));
                return generated_world{std::move(s), std::get<4>(t), std::move(std::get<3>(t))};
            });
    });
}

} // namespace aivp::testing

namespace rc {
template <>
struct Arbitrary<aivp::testing::generated_world> {
    static Gen<aivp::testing::generated_world> arbitrary() { return aivp::testing::any_world(); }
};
} // namespace rc
