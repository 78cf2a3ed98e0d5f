// How many engine inputs a second one core handles on the full path: gate, decision, journal line, SHA-256 chain, commit to
// the in-memory store, property checkers, mocked connector. And the bare scheduler in the hold model.
//
//   bench_engine [full|bare|turns|wakes|all] [runs of the full path]
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>

#include "aivp/testing/fixtures.hpp"
#include "ci/bench/instant_connector.hpp"
#include "sim/simulation.hpp"

namespace {

using namespace aivp;
using namespace aivp::testing;

/// CPU seconds of this one thread: what a core does, whoever else is using the machine.
double seconds_of(const std::function<void()>& body) {
    const auto begin = std::clock();
    body();
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

/// Calls one skill for `turns` turns of a run, then answers.
class instant_model final : public model_provider {
public:
    explicit instant_model(std::uint32_t turns) : turns_(turns) {}
    void call(const model_request& r, completion_sink& sink) override {
        const bool last = r.messages.size() >= 2 * turns_ - 1;
        sink.model_done({{r.run, r.call}, effect_outcome::ok, last ? answer_ : turn_, errc::ok, {}});
    }
    void cancel(call_ref) override {}

private:
    std::uint32_t turns_;
    model_response turn_ = make_turn({make_call("look", R"({"key":"a"})")});
    model_response answer_ = make_answer("done");
};

void print(const char* name, double count, double elapsed, const char* unit) {
    std::printf("%-46s %12.0f %s/s   (%.0f in %.3f s)\n", name, count / elapsed, unit, count, elapsed);
}

void bench_full_path(bool check, std::uint32_t runs) {
    constexpr std::uint32_t steps = 1000;
    std::vector<step_row> rows;
    for (std::uint32_t i = 0; i < steps; ++i)
        rows.push_back(
            {"s" + std::to_string(i), i % 2 ? "b" : "a", {.arguments = R"({"path":"/inbox/report.txt","n":3})"}});
    const skill_options options{
        .input_schema =
            R"({"type":"object","properties":{"path":{"type":"string"},"n":{"type":"integer"}},"required":["path"]})"};
    const auto agent = make_steps_agent(
        "bench",
        {make_binding("a", make_skill("files.write", options)), make_binding("b", make_skill("files.read", options))},
        rows, {.limits = {.skill_calls = steps + 1}});
    sim::simulation_setup setup;
    setup.agents = {agent};
    setup.keep = memory_store::retention::head;
    setup.ledger = ledger_mode::tally;
    setup.keep_run_log = false;
    setup.check_properties = check;
    setup.ports = [](const sim::world_parts&) {
        return sim::world_ports{nullptr, nullptr, std::make_shared<bench::instant_connector>()};
    };
    auto s = *sim::simulation::create(std::move(setup));
    const double elapsed = seconds_of([&] {
        for (std::uint32_t i = 0; i < runs; ++i)
            (void)s->engine().submit(start_run{agent_id{1}, {}}, input_source::host);
    });
    if (!s->properties().violations().empty()) std::printf("VIOLATION in the benchmark\n");
    print(check ? "full path, steps agent, checkers on" : "full path, steps agent, checkers off",
          static_cast<double>(s->engine().last_seq().value), elapsed, "inputs");
    std::printf("   journal %.0f bytes an input, digest %s\n",
                static_cast<double>(s->journal().bytes()) / static_cast<double>(s->journal().size()),
                to_hex(s->engine().chain(), 16).c_str());
}

void bench_turns(std::uint32_t turns) {
    const std::uint32_t runs = 200'000 / turns;
    const auto agent = make_loop_agent(
        "bench",
        {make_binding(
            "look",
            make_skill(
                "kv.get",
                {.effect = effect_class::read,
                 .input_schema = R"({"type":"object","properties":{"key":{"type":"string"}},"required":["key"]})"}))},
        "look and answer",
        {.limits = {.skill_calls = turns, .model_turns = turns, .tokens = 1'000'000'000, .repeated_calls = turns}});
    sim::simulation_setup setup;
    setup.agents = {agent};
    setup.keep = memory_store::retention::head;
    setup.ledger = ledger_mode::tally;
    setup.keep_run_log = false;
    setup.ports = [turns](const sim::world_parts&) {
        return sim::world_ports{std::make_shared<instant_model>(turns), nullptr,
                                std::make_shared<bench::instant_connector>()};
    };
    auto s = *sim::simulation::create(std::move(setup));
    const double elapsed = seconds_of([&] {
        for (std::uint32_t i = 0; i < runs; ++i)
            (void)s->engine().submit(start_run{agent_id{1}, {}}, input_source::host);
    });
    const std::string name = "scripted model, runs of " + std::to_string(turns) + " turns";
    print(name.c_str(), static_cast<double>(runs) * turns, elapsed, "turns");
}

struct hold final : sim::event_handler {
    explicit hold(sim::scheduler& s) : scheduler(s) {}
    void fire(std::uint64_t token) override {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        scheduler.in(microseconds(static_cast<std::int64_t>(1 + state % 1'000'000)), sim::event_class::completion,
                     *this, token);
    }
    sim::scheduler& scheduler;
    std::uint64_t state = 88172645463325252ull;
};

void bench_bare(std::uint64_t pending) {
    sim::scheduler s(instant{0});
    hold h(s);
    for (std::uint64_t i = 0; i < pending; ++i) h.fire(i);
    constexpr std::uint64_t events = 10'000'000;
    const double elapsed = seconds_of([&] {
        for (std::uint64_t i = 0; i < events; ++i) s.step_one();
    });
    const std::string name = "bare scheduler, hold model, " + std::to_string(pending) + " pending";
    print(name.c_str(), static_cast<double>(events), elapsed, "events");
}

void bench_wakes() {
    trigger_spec daily{
        .id = "daily", .when = interval_schedule{days(1), instant{0}}, .payload_schema = {}, .where = {}};
    const auto agent =
        make_steps_agent("daily", {make_binding("a", make_skill("kv.get", {.effect = effect_class::read}))},
                         {{"look", "a"}}, {.triggers = {daily}});
    sim::simulation_setup setup;
    setup.agents = {agent};
    setup.ports = [](const sim::world_parts&) {
        return sim::world_ports{nullptr, nullptr, std::make_shared<bench::instant_connector>()};
    };
    auto s = *sim::simulation::create(std::move(setup));
    const double elapsed = seconds_of([&] { s->run(s->now() + days(365), 1'000'000); });
    std::printf("%-46s %12.3f ms   (%zu runs)\n", "a year of daily wakes", elapsed * 1e3, s->log().runs().size());
}

} // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "all";
    const auto runs = static_cast<std::uint32_t>(argc > 2 ? std::atoi(argv[2]) : 1000);
    const bool all = what == "all";
    if (all || what == "full") {
        bench_full_path(true, runs);
        bench_full_path(false, runs);
    }
    if (all || what == "bare")
        for (const std::uint64_t pending : {1ull, 1'000ull, 100'000ull}) bench_bare(pending);
    if (all || what == "turns")
        for (const std::uint32_t turns : {10u, 100u, 1'000u, 10'000u}) bench_turns(turns);
    if (all || what == "wakes") bench_wakes();
    return 0;
}
