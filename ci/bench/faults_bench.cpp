// What faults and a scenario's own properties cost on the full path: gate, decision, journal line, SHA-256 chain, commit to the
// store in memory, built-in properties, the injector of faults, simulated time. Two worlds: one as bench_engine's, whose
// skills answer at once and where nothing is kept; and one as a scenario's, on the kv mock, with ledger, journal and log of runs,
// and the journal verified at the end. Of each, variants take turns, so that all meet the same load; figures are medians,
// ratios those of single rounds.
//
//   bench_faults [rounds] [worlds a round]
//
// In a world one agent's run makes 1,000 calls of two skills. Under faults it has a plan of 16, of 13 kinds: of the skills, the clock, an
// operator and the order of what happens at once; every one of them is met.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aivp/testing/fixtures.hpp"
#include "ci/bench/instant_connector.hpp"
#include "sim/faulty_run.hpp"
#include "sim/property/property.hpp"
#include "sim/simulation.hpp"

namespace {

using namespace aivp;
using namespace aivp::testing;

constexpr std::uint32_t steps = 1000;

struct variant {
    const char* name;
    bool faults;
    bool properties;
};
constexpr std::array<variant, 4> variants{{{"neither", false, false},
                                           {"faults", true, false},
                                           {"properties", false, true},
                                           {"faults and properties", true, true}}};
enum class world_kind { engine, scenario };

skill_ptr retried(const char* id, effect_class effect, const char* schema) {
    auto out = std::make_shared<skill_contract>(*make_skill(id, {.effect = effect,
                                                                 .takes_key = effect == effect_class::write,
                                                                 .timeout = seconds(10),
                                                                 .input_schema = schema}));
    out->retry.max_attempts = 4;
    return out;
}

snapshot_ptr bench_agent() {
    std::vector<step_row> rows;
    for (std::uint32_t i = 0; i < steps; ++i) {
        const std::string key = R"("key":"report/)" + std::to_string(i % 10) + "\"";
        rows.push_back(i % 2
                           ? step_row{"s" + std::to_string(i),
                                      "get",
                                      {.arguments = "{" + key + "}", .error_policy = on_error::proceed}}
                           : step_row{"s" + std::to_string(i),
                                      "set",
                                      {.arguments = "{" + key + R"(,"value":3})", .error_policy = on_error::proceed}});
    }
    return make_steps_agent(
        "bench",
        {make_binding("get", retried("kv.get", effect_class::read,
                                     R"({"type":"object","properties":{"key":{"type":"string"}},"required":["key"]})")),
         make_binding(
             "set",
             retried("kv.set", effect_class::write,
                     R"({"type":"object","properties":{"key":{"type":"string"},"value":{}},"required":["key"]})"))},
        rows, {.limits = {.skill_calls = steps + 1, .run_timeout = days(1), .repeated_calls = steps}});
}

sim::fault_plan bench_plan() {
    using k = sim::fault_kind;
    sim::fault_plan out;
    const auto add = [&](const char* site, std::uint64_t ordinal, k kind, std::uint8_t severity = 1) {
        out.faults.push_back({.site = site, .ordinal = ordinal, .kind = kind, .severity = severity});
    };
    std::uint64_t n = 20;
    for (const k kind : {k::skill_unavailable, k::skill_silent, k::skill_lost, k::skill_swallowed, k::skill_late,
                         k::skill_answers_twice, k::skill_delivered_twice, k::skill_rate_limited})
        add("skill/bench/set", n += 40, kind);
    for (const k kind : {k::skill_overtaken, k::skill_unavailable, k::skill_late, k::skill_lost})
        add("skill/bench/get", n += 10, kind);
    add("clock", 300, k::clock_forward);
    add("clock", 600, k::clock_back);
    add("command/bench", 500, k::command_pause);
    add("ties", 3, k::ties_permute);
    return out;
}

struct property_text {
    sim::property_mode mode;
    const char* text;
};
using mode = sim::property_mode;
constexpr std::array<property_text, 4> of_calls{
    {{mode::always, R"(count(calls where call == "get" && outcome == "ok" per arguments.key) <= 100)"},
     {mode::always, "max(latency of calls) <= 1h"},
     {mode::finally, "count(runs) == count(triggers)"},
     {mode::sometimes, "count(calls where attempts >= 2) >= 1"}}};
constexpr std::array<property_text, 2> of_the_ledger{
    {{mode::always, R"(count(ledger where operation == "kv.set" && outcome == "ok" && !duplicate) <= 500)"},
     {mode::always, R"(count(ledger where operation == "kv.set" && !duplicate per arguments.key) <= 100)"}}};

std::vector<sim::scenario_property> bench_properties(world_kind kind) {
    const sim::property_names names{{"bench"}, {"get", "set"}, {"kv.get", "kv.set"}, {"kv.get", "kv.set"}};
    std::vector<sim::scenario_property> out;
    std::vector<error> errors;
    const auto add = [&](const property_text& p) {
        if (const auto program = sim::compile_property({p.text, {}, {}}, names, errors))
            out.push_back({p.text, p.mode, {}, program, p.text});
    };
    for (const property_text& p : of_calls) add(p);
    if (kind == world_kind::scenario)
        for (const property_text& p : of_the_ledger) add(p);
    for (const error& e : errors) std::printf("FAILED %s\n", to_string(e).c_str());
    if (!errors.empty()) std::exit(1);
    return out;
}

struct counted {
    std::uint64_t inputs = 0;
    double cpu_s = 0;
    std::size_t faults_met = 0;
    std::set<sim::fault_kind> kinds;
    std::uint64_t evaluations = 0;
};

void look_at_plan(const sim::fault_injector& faults, counted& out) {
    const std::vector<sim::fault>& planned = faults.plan().faults;
    for (const sim::met_fault& m : faults.met()) out.kinds.insert(planned[m.index].kind);
    out.faults_met = planned.size() - faults.unmet().size();
    for (const std::size_t i : faults.unmet()) std::printf("NOT MET %s\n", to_string(planned[i]).c_str());
}

/// One world to its end. The time of building it counts: a search builds one for each plan.
counted run_world(world_kind kind, const variant& v, const snapshot_ptr& agent,
                  const std::vector<sim::scenario_property>& properties) {
    counted out;
    const std::clock_t begin = std::clock();
    sim::simulation_setup setup;
    setup.agents = {agent};
    if (v.properties) setup.properties = &properties;
    if (v.faults) setup.faults = bench_plan();
    if (kind == world_kind::scenario) {
        setup.world = *payload::parse(R"({"kv":{}})");
    } else {
        setup.keep = memory_store::retention::head;
        setup.ledger = ledger_mode::tally;
        setup.keep_run_log = false;
        setup.ports = [](const sim::world_parts&) {
            return sim::world_ports{nullptr, nullptr, std::make_shared<bench::instant_connector>()};
        };
    }
    auto world = *sim::simulation::create(std::move(setup));
    world->input_at(world->now(), start_run{agent_id{1}, {}}, input_source::host);
    std::optional<error> failed;
    const sim::stop_reason stopped = sim::run_through_faults(*world, world->now() + days(1), 1'000'000, failed);
    world->conclude(stopped);
    out.cpu_s = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    out.inputs = world->engine().last_seq().value;
    for (const sim::violation& x : world->properties().violations())
        std::printf("VIOLATION %s: %s\n", x.name.c_str(), x.actual.c_str());
    if (!world->state().runs.empty()) std::printf("VIOLATION the run did not end\n");
    for (const sim::property_verdict& p : world->properties().own_verdicts()) out.evaluations += p.evaluations;
    if (world->faults()) look_at_plan(*world->faults(), out);
    return out;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void compare(world_kind kind, int rounds, int worlds) {
    const snapshot_ptr agent = bench_agent();
    const std::vector<sim::scenario_property> properties = bench_properties(kind);
    std::array<std::vector<double>, variants.size()> rates, ratios;
    counted last;
    for (int round = 0; round < rounds; ++round) {
        std::array<double, variants.size()> inputs{}, seconds{};
        for (int world = 0; world < worlds; ++world)
            for (std::size_t i = 0; i < variants.size(); ++i) {
                last = run_world(kind, variants[i], agent, properties);
                inputs[i] += static_cast<double>(last.inputs);
                seconds[i] += last.cpu_s;
            }
        for (std::size_t i = 0; i < variants.size(); ++i) {
            rates[i].push_back(inputs[i] / seconds[i]);
            ratios[i].push_back(rates[i].back() / rates[0].back());
        }
    }
    for (std::size_t i = 0; i < variants.size(); ++i) {
        const auto [least, most] = std::minmax_element(ratios[i].begin(), ratios[i].end());
        std::printf("%-32s%-24s %10.0f inputs/s   %.2f of neither (%.2f to %.2f)\n",
                    kind == world_kind::engine ? "full path, nothing kept, with" : "full path as a scenario, with",
                    variants[i].name, median(rates[i]), median(ratios[i]), *least, *most);
    }
    std::printf("   %zu faults of %zu kinds met in each world of %llu inputs; %llu evaluations of %zu properties\n",
                last.faults_met, last.kinds.size(), static_cast<unsigned long long>(last.inputs),
                static_cast<unsigned long long>(last.evaluations), properties.size());
}

} // namespace

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
    const int worlds = argc > 2 ? std::atoi(argv[2]) : 100;
    if (rounds < 1 || worlds < 1) return 2;
    compare(world_kind::engine, rounds, worlds);
    compare(world_kind::scenario, rounds, worlds);
    return 0;
}
