#include "aivp/testing/sim_fixture.hpp"

#include "mocks/scripted_model.hpp"
#include "mocks/scripted_user.hpp"

namespace aivp::testing {

class sim_fixture::watcher final : public driver_observer {
public:
    explicit watcher(sim_fixture& owner) : owner_(owner) {}
    void committed(const input_envelope&, const decision&, const engine_state&, const journal_record&) override {}
    void performing(const engine_effect& effect) override {
        owner_.performed_.push_back(effect);
        owner_.taken_.push_back(false);
    }

private:
    sim_fixture& owner_;
};

sim_fixture::sim_fixture() : watcher_(std::make_unique<watcher>(*this)) {}
sim_fixture::~sim_fixture() = default;

void sim_fixture::skill_answers(std::string skill, std::string_view result) {
    answers_.push_back(
        {.skill = std::move(skill), .when = {}, .results = {json(result)}, .message = {}, .details = {}});
}

void sim_fixture::skill_fails(std::string skill, errc code, std::string message) {
    answers_.push_back({.skill = std::move(skill),
                        .when = {},
                        .results = {},
                        .code = code,
                        .message = std::move(message),
                        .details = {}});
}

sim::world_ports sim_fixture::make_ports(const sim::world_parts& parts) const {
    sim::world_ports out;
    if (!turns_.empty()) {
        std::vector<model_answer> answers;
        for (const model_response& turn : turns_) answers.push_back(prepared_answer(turn));
        out.model = std::make_shared<scripted_model>(
            parts.world, std::make_unique<sequence_source>(std::move(answers)),
            scripted_model_options{.seed = parts.seed, .synchronous = setup.synchronous});
    }
    if (!replies_.empty())
        out.users = std::make_shared<scripted_user>(
            parts.world, user_script{.replies = replies_, .latency = {}},
            scripted_user_options{.seed = parts.seed, .synchronous = setup.synchronous});
    if (!answers_.empty())
        out.connector = std::make_shared<canned_connector>(
            parts.world, parts.ledger, answers_, &parts.mocks,
            mock_connector_options{.seed = parts.seed, .synchronous = setup.synchronous});
    return out;
}

sim::simulation& sim_fixture::world(where at) {
    if (world_) return *world_;
    if (!setup.ports) setup.ports = [this](const sim::world_parts& parts) { return make_ports(parts); };
    auto built = sim::simulation::create(setup);
    if (!built) throw expectation_failed("the world cannot be built: " + to_string(built.error()), at);
    world_ = std::move(*built);
    world_->engine().observe(*watcher_);
    return *world_;
}

void sim_fixture::advance(duration d, where at) {
    sim::simulation& w = world(at);
    w.time().step_until(w.now() + d);
}

void sim_fixture::run_until_idle(std::uint64_t events_max, where at) {
    const sim::stop_reason stopped = world(at).run(instant::max(), events_max);
    if (stopped != sim::stop_reason::idle)
        throw expectation_failed(std::string("the world did not come to rest: ") + sim::to_string(stopped), at);
}

void sim_fixture::submit(engine_input input, where at) {
    if (const auto done = world(at).engine().submit(std::move(input), input_source::host); !done)
        throw expectation_failed(to_string(done.error()), at);
}

run_id sim_fixture::start(std::string_view agent, payload body, where at) {
    const auto id = world(at).agent(agent);
    if (!id) throw expectation_failed(to_string(id.error()), at);
    const run_id next{world_->engine().state().last_run + 1};
    submit(start_run{*id, std::move(body)}, at);
    if (world_->engine().state().last_run < next.value)
        throw expectation_failed("the run was refused: " + world_->log().refused_triggers().back().reason, at);
    return next;
}

std::string sim_fixture::list_effects() const {
    std::string out;
    for (const engine_effect& e : performed_) out += "\n    " + std::string(to_payload(e).text());
    return out.empty() ? " none" : out;
}

void sim_fixture::expect_calls(std::string_view as, std::size_t count, where at) {
    std::size_t n = 0;
    for (const engine_effect& e : performed_)
        if (const auto* call = std::get_if<skill_call>(&e)) n += call->snapshot->bindings[call->binding].as == as;
    if (n != count)
        throw expectation_failed("`" + std::string(as) + "` should be called " + std::to_string(count) +
                                     " times, but was " + std::to_string(n) + " times; performed were" + list_effects(),
                                 at);
}

const structured_outcome& sim_fixture::outcome_of(run_id run, where at) {
    const auto& runs = world(at).log().runs();
    const auto it = runs.find(run);
    if (it == runs.end()) throw expectation_failed("there is no " + to_string(run), at);
    if (!it->second.outcome) throw expectation_failed(to_string(run) + " has not ended", at);
    return *it->second.outcome;
}

const structured_outcome& sim_fixture::last_outcome(where at) {
    return outcome_of({world(at).engine().state().last_run}, at);
}

} // namespace aivp::testing
