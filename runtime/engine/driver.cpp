#include "aivp/engine/driver.hpp"

#include <algorithm>
#include <utility>

#include "aivp/skill/secret_reference.hpp"

namespace aivp {

namespace {

run_id correlation_of(const engine_input& body) {
    return std::visit(
        [](const auto& in) -> run_id {
            if constexpr (requires { in.ref.run; })
                return in.ref.run;
            else if constexpr (requires { in.run; })
                return in.run;
            else if constexpr (requires { in.key.what; })
                return in.key.what == timer_key::kind::run ? run_id{in.key.owner} : run_id{};
            else
                return {};
        },
        body);
}

} // namespace

result<agent_id> driver::activate(snapshot_ptr snapshot) {
    const std::string id = snapshot->id;
    AIVP_CHECK(submit(activate_agent{std::move(snapshot)}, input_source::host));
    for (const agent_state& a : state_.agents)
        if (a.snapshot->id == id) return a.id;
    return fail(errc::internal_bug, "an activated agent is not there");
}

result<void> driver::submit(engine_input input, input_source source) {
    enqueue(source, std::move(input));
    if (!failures_.empty()) return std::unexpected(failures_.front());
    return {};
}

void driver::model_done(model_completion c) { enqueue(input_source::model, std::move(c)); }

void driver::skill_done(skill_completion c) {
    if (!secrets_seen_.empty()) {
        c.result = secrets_seen_.scrub(c.result);
        c.message = secrets_seen_.scrub_text(c.message);
    }
    enqueue(input_source::connector, std::move(c));
}

void driver::user_done(user_completion c) { enqueue(input_source::user, std::move(c)); }

void driver::timer_fired(timer_key key) {
    enqueue(key.what == timer_key::kind::run ? input_source::timer : input_source::schedule, timer_elapsed{key});
}

void driver::enqueue(input_source source, engine_input body) {
    inbox_.push_back({source, cause_, std::move(body)});
    if (!busy_) drain();
}

/// Inputs are taken in the order in which they came; a port that answers at once queues behind what is waiting.
void driver::drain() {
    busy_ = true;
    while (!inbox_.empty() && failures_.empty()) {
        pending p = std::move(inbox_.front());
        inbox_.pop_front();
        if (!process(p)) break;
    }
    if (!failures_.empty()) inbox_.clear();
    cause_ = {};
    busy_ = false;
}

bool driver::process(pending& p) {
    // The log's time never runs backwards, whatever the clock does.
    last_at_ = std::max(last_at_, ports_.clock.now());
    const input_envelope input{{last_seq_.value + 1},  last_at_,    p.source,
                               correlation_of(p.body), p.causation, std::move(p.body)};
    decision& d = decision_;
    step(state_, input, d);
    line_.clear();
    append_journal_line(line_, input, d);
    digest_chain chain = chain_;
    const journal_record record{input.seq, input.at, line_, chain.append(line_)};
    switch (ports_.store.commit(record)) {
    case commit_outcome::ok: break;
    case commit_outcome::failed:
        failures_.push_back({errc::store_commit_failed,
                             "record " + std::to_string(input.seq.value) + " was not committed",
                             {},
                             {},
                             {}});
        return false;
    case commit_outcome::unknown:
        failures_.push_back({errc::store_commit_unknown,
                             "record " + std::to_string(input.seq.value) + " may be committed or not",
                             {},
                             {},
                             {}});
        return false;
    }
    last_seq_ = input.seq;
    chain_ = chain;
    for (driver_observer* o : observers_) o->committed(input, d, state_, record);
    cause_ = input.seq;
    for (const engine_effect& e : d.effects) {
        for (driver_observer* o : observers_) o->performing(e);
        perform(e);
    }
    cause_ = {};
    return true;
}

void driver::perform(const engine_effect& e) {
    std::visit([this](const auto& x) { perform(x); }, e);
}

void driver::perform(const model_call& e) {
    const auto& brain = std::get<loop_brain>(e.snapshot->brain);
    ports_.models.call({.run = e.ref.run,
                        .call = e.ref.call,
                        .agent = e.snapshot->id,
                        .model = brain.model.name,
                        .params = brain.model.params,
                        .tools = e.snapshot->tools,
                        .messages = e.messages,
                        .key = e.key,
                        .deadline = e.deadline},
                       *this);
}

void driver::perform(const skill_call& e) {
    const skill_binding& binding = e.snapshot->bindings[e.binding];
    payload arguments = e.arguments;
    if (e.has_secrets) {
        auto filled = with_secrets(arguments, [this](std::string_view name) -> result<std::string> {
            AIVP_TRY(std::string value, ports_.secrets.reveal(name));
            secrets_seen_.add(std::string(name), value);
            return value;
        });
        if (!filled) {
            skill_done({e.ref, effect_outcome::failed, {}, filled.error().code, filled.error().message});
            return;
        }
        arguments = std::move(*filled);
    }
    ports_.connector.call({.run = e.ref.run,
                           .call = e.ref.call,
                           .agent = e.snapshot->id,
                           .skill = binding.skill->id,
                           .skill_version = binding.skill->version,
                           .as = binding.as,
                           .effect = binding.skill->effect,
                           .takes_key = binding.skill->takes_key,
                           .arguments = std::move(arguments),
                           .idempotency_key = e.idempotency_key,
                           .deadline = e.deadline},
                          *this);
}

void driver::perform(const user_question_effect& e) {
    ports_.users.ask({e.ref.run, e.ref.call, e.snapshot->id, e.text, e.messages}, *this);
}

void driver::perform(const timer_request& e) {
    if (e.due == instant::max())
        ports_.timers.disarm(e.key);
    else
        ports_.timers.arm(e.key, e.due);
}

void driver::perform(const call_cancel& e) {
    switch (e.kind) {
    case call_kind::model: ports_.models.cancel(e.ref); break;
    case call_kind::skill: ports_.connector.cancel(e.ref); break;
    case call_kind::user: ports_.users.cancel(e.ref); break;
    }
}

} // namespace aivp
