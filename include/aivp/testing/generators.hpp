// rapidcheck generators for what goes into and through the engine. All shrink: payloads to null, agents to fewer steps and
// bindings, turns to fewer calls, schedules to manual ones.
//
//   RC_BOOST_PROP(a_run_ends, ()) {
//       const snapshot_ptr agent = *any_agent();
//       …
//   }
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "aivp/schedule/cron.hpp"
#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"

namespace aivp::testing {

/// Lists of at most `most` items.
template <class T>
rc::Gen<std::vector<T>> short_list(int most, rc::Gen<T> item) {
    return rc::gen::resize(most, rc::gen::container<std::vector<T>>(std::move(item)));
}

/// Short texts over letters, quotes, control characters and characters beyond ASCII.
inline rc::Gen<std::string> any_text() {
    return rc::gen::map(
        short_list<std::string>(8, rc::gen::elementOf(std::vector<std::string>{"a", "b", "key", " ", "\"", "\\", "\n",
                                                                               "\x01", "{", "}", "$", "ü", "😀"})),
        [](const std::vector<std::string>& parts) {
            std::string out;
            for (const std::string& p : parts) out += p;
            return out;
        });
}

/// Any JSON value, at most `depth` containers deep.
inline rc::Gen<payload> any_payload(int depth = 3) {
    const auto scalar =
        rc::gen::oneOf(rc::gen::just(payload()), rc::gen::map(rc::gen::arbitrary<bool>(), payload::of_bool),
                       rc::gen::map(rc::gen::arbitrary<std::int64_t>(), payload::of_integer),
                       rc::gen::map(any_text(), [](const std::string& s) { return payload::of_string(s); }));
    if (depth <= 0) return scalar;
    const auto list = rc::gen::map(short_list(4, any_payload(depth - 1)),
                                   [](const std::vector<payload>& v) { return payload::of_array(v); });
    const auto object = rc::gen::map(
        rc::gen::resize(4, rc::gen::container<std::map<std::string, payload>>(any_text(), any_payload(depth - 1))),
        [](const std::map<std::string, payload>& m) { return payload::of_object({m.begin(), m.end()}); });
    return rc::gen::weightedOneOf<payload>({{4, scalar}, {1, list}, {1, object}});
}

/// Arguments that bind_any's schemas accept: {} or {"n":0..3}.
inline rc::Gen<std::string> any_arguments() {
    return rc::gen::elementOf(std::vector<std::string>{"{}", R"({"n":0})", R"({"n":1})", R"({"n":2})", R"({"n":3})"});
}

/// A skill under this id: reads and writes, priced and free, with and without an output schema. Its arguments may have an
/// integer `n` and nothing else.
inline rc::Gen<skill_ptr> any_skill(std::string id) {
    return rc::gen::map(
        rc::gen::tuple(
            rc::gen::elementOf(std::vector<effect_class>{effect_class::none, effect_class::read, effect_class::write}),
            rc::gen::inRange<std::int64_t>(0, 30), rc::gen::inRange(0, 8), rc::gen::inRange<std::int64_t>(1, 60)),
        [id](const std::tuple<effect_class, std::int64_t, int, std::int64_t>& t) {
            const auto [effect, cost, kind, timeout_s] = t;
            return make_skill(
                id, {.effect = effect,
                     .takes_key = kind == 3,
                     .enabled = kind != 7,
                     .needs_approval = kind == 6,
                     .timeout = seconds(timeout_s),
                     .cost = {cost},
                     .input_schema =
                         R"({"additionalProperties":false,"properties":{"n":{"type":"integer"}},"type":"object"})",
                     .output_schema = kind == 5 ? R"({"type":"object"})" : "",
                     .secret_results = kind == 4 ? std::vector<std::string>{"/token"} : std::vector<std::string>{}});
        });
}

/// Bindings "a", "b", … (one to four), some with `n` fixed to 1.
inline rc::Gen<std::vector<skill_binding>> any_bindings() {
    const auto row = [](std::string name) {
        return rc::gen::map(rc::gen::pair(any_skill("x." + name), rc::gen::inRange(0, 4)),
                            [name](const std::pair<skill_ptr, int>& p) {
                                return make_binding(name, p.first, {.fixed = p.second == 3 ? R"({"n":1})" : ""});
                            });
    };
    return rc::gen::map(rc::gen::tuple(rc::gen::inRange<std::size_t>(1, 5), row("a"), row("b"), row("c"), row("d")),
                        [](std::tuple<std::size_t, skill_binding, skill_binding, skill_binding, skill_binding> t) {
                            std::vector<skill_binding> all{std::get<1>(t), std::get<2>(t), std::get<3>(t),
                                                           std::get<4>(t)};
                            all.erase(all.begin() + static_cast<std::ptrdiff_t>(std::get<0>(t)), all.end());
                            return all;
                        });
}

/// A schedule that begins at spec::start.
inline rc::Gen<schedule> any_schedule() {
    const auto every = rc::gen::map(rc::gen::inRange<std::int64_t>(10, 600), [](std::int64_t s) {
        return schedule(interval_schedule{seconds(s), spec::start});
    });
    const auto once = rc::gen::map(rc::gen::inRange<std::int64_t>(-10, 600),
                                   [](std::int64_t s) { return schedule(once_schedule{spec::start + seconds(s)}); });
    const auto cron = rc::gen::map(
        rc::gen::elementOf(std::vector<std::string>{"* * * * *", "*/5 * * * *", "0 3 * * 1-5", "30 2 29 2 *"}),
        [](const std::string& text) {
            return schedule(cron_schedule{*parse_cron_fields(text), zone_rules::utc(), spec::start});
        });
    return rc::gen::oneOf(rc::gen::just(schedule(manual_schedule{})), every, once, cron,
                          rc::gen::just(schedule(event_schedule{"ping"})));
}

inline rc::Gen<trigger_spec> any_trigger() {
    return rc::gen::map(
        rc::gen::tuple(any_schedule(), rc::gen::arbitrary<bool>(), rc::gen::inRange<std::uint32_t>(0, 4)),
        [](const std::tuple<schedule, bool, std::uint32_t>& t) {
            return trigger_spec{.id = "t",
                                .when = std::get<0>(t),
                                .payload_schema = {},
                                .overlap = std::get<1>(t) ? overlap_policy::refuse : overlap_policy::queue,
                                .queue_max = std::get<2>(t),
                                .where = {}};
        });
}

/// Small caps, so that runs meet them.
inline rc::Gen<run_limits> any_limits() {
    return rc::gen::map(
        rc::gen::tuple(rc::gen::inRange<std::uint32_t>(0, 8), rc::gen::inRange<std::uint32_t>(0, 6),
                       rc::gen::inRange<std::int64_t>(0, 400), rc::gen::inRange<std::int64_t>(0, 200),
                       rc::gen::inRange<std::int64_t>(1, 300), rc::gen::inRange<std::uint32_t>(0, 4)),
        [](const std::tuple<std::uint32_t, std::uint32_t, std::int64_t, std::int64_t, std::int64_t, std::uint32_t>& t) {
            return run_limits{.skill_calls = std::get<0>(t),
                              .model_turns = std::get<1>(t),
                              .tokens = std::get<2>(t),
                              .budget = {std::get<3>(t)},
                              .run_timeout = seconds(std::get<4>(t)),
                              .step_timeout = seconds(40),
                              .repeated_calls = std::get<5>(t)};
        });
}

/// Steps over the bindings "a" to "d" as far as there are any: calls with constant arguments or references, conditions,
/// abstaining, both error policies.
inline rc::Gen<snapshot_ptr> any_steps_agent(std::string id = "steps") {
    using row_choice = std::tuple<std::uint32_t, std::string, std::uint32_t, bool>;
    const auto rows =
        short_list<row_choice>(7, rc::gen::tuple(rc::gen::inRange<std::uint32_t>(0, 5), any_arguments(),
                                                 rc::gen::inRange<std::uint32_t>(0, 8), rc::gen::arbitrary<bool>()));
    const auto triggers = short_list(3, any_trigger());
    return rc::gen::map(
        rc::gen::tuple(any_bindings(), rows, any_limits(), triggers),
        [id](const std::tuple<std::vector<skill_binding>, std::vector<row_choice>, run_limits,
                              std::vector<trigger_spec>>& t) {
            const auto& [bindings, choices, limits, wakes] = t;
            std::vector<step_row> steps;
            for (const auto& [skill, arguments, kind, proceed] : choices) {
                step_row row{
                    "s" + std::to_string(steps.size()), bindings[skill % bindings.size()].as, {.arguments = arguments}};
                if (proceed) row.options.error_policy = on_error::proceed;
                if (kind == 1) row.options.when = "exists(trigger.n)";
                if (kind == 2) row.options.when = "trigger.n > 1";
                if (kind == 3 && !steps.empty()) row.options.arguments = R"({"n":"${)" + steps.back().id + R"(.n}"})";
                if (kind == 4 && !steps.empty()) row.options.when = "exists(" + steps.front().id + ")";
                if (kind == 5 && skill == 4) row.options.abstain_reason = "enough";
                steps.push_back(std::move(row));
            }
            return make_steps_agent(id, bindings, std::move(steps), {.limits = limits, .triggers = wakes});
        });
}

inline rc::Gen<snapshot_ptr> any_loop_agent(std::string id = "loop") {
    const auto triggers = short_list(3, any_trigger());
    return rc::gen::map(
        rc::gen::tuple(any_bindings(), any_limits(), triggers, rc::gen::inRange<std::uint32_t>(0, 16)),
        [id](const std::tuple<std::vector<skill_binding>, run_limits, std::vector<trigger_spec>, std::uint32_t>& t) {
            const auto& [bindings, limits, wakes, kind] = t;
            agent_options options{.limits = limits, .triggers = wakes};
            if (kind & 1) options.system = "be brief";
            if (kind & 2) options.price = {.input = {10'000}, .output = {20'000}, .cached_input = {}};
            options.converse = (kind & 4) != 0;
            options.may_abstain = true;
            if (kind & 8) options.ends_after = {"a"};
            return make_loop_agent(id, bindings, "go", std::move(options));
        });
}

inline rc::Gen<snapshot_ptr> any_agent(std::string id = "agent") {
    return rc::gen::oneOf(any_steps_agent(id), any_loop_agent(id));
}

/// A turn of a model that knows the bindings "a" to "d" and some that do not exist: answers, parallel calls, arguments that
/// are wrong or no JSON, abstaining, cut and withheld answers, usage from none to absurd.
inline rc::Gen<model_response> any_turn() {
    const auto call = rc::gen::map(
        rc::gen::pair(rc::gen::elementOf(std::vector<std::string>{"a", "a", "b", "b", "c", "d", "nobody", "abstain"}),
                      rc::gen::weightedOneOf<payload>(
                          {{6, rc::gen::map(any_arguments(), [](const std::string& s) { return json(s); })},
                           {1, any_payload(2)}})),
        [](std::pair<std::string, payload> p) { return proposed_call{std::move(p.first), std::move(p.second)}; });
    return rc::gen::map(
        rc::gen::tuple(short_list(5, call), any_text(), rc::gen::inRange(0, 20), rc::gen::inRange<std::int64_t>(0, 60)),
        [](std::tuple<std::vector<proposed_call>, std::string, int, std::int64_t> t) {
            auto& [calls, text, kind, tokens] = t;
            model_response r;
            r.calls = std::move(calls);
            if (kind % 2 == 0) r.content = payload::of_string(text);
            r.finish = kind == 3 ? "length" : kind == 5 ? "content_filter" : kind == 7 ? "refusal" : "stop";
            r.usage = {.input = tokens, .output = tokens / 2, .reported = kind != 9};
            if (kind == 11) r.usage.input = std::numeric_limits<std::int64_t>::max();
            if (kind == 13) r.usage.output = -1;
            return r;
        });
}

/// What a model says in a run, turn by turn.
inline rc::Gen<std::vector<model_response>> any_script() { return short_list(20, any_turn()); }

} // namespace aivp::testing
