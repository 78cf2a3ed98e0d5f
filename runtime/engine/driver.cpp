#include "aivp/engine/driver.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "aivp/base/assert.hpp"
#include "aivp/base/probe.hpp"
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

void driver::restore(recovered_state s) {
    AIVP_ASSERT(last_seq_.value == 0 && !busy_, "a driver that has worked is not restored");
    state_ = std::move(s.state);
    last_seq_ = s.seq;
    last_at_ = s.at;
    chain_ = digest_chain(s.chain);
}

result<void> driver::submit(engine_input input, input_source source) {
    if (!failures_.empty()) return std::unexpected(failures_.front());
    const bool first = !busy_ && !held_ && inbox_.empty();
    const seq_no before = last_seq_;
    enqueue(source, std::move(input));
    // The input itself is in the journal when anything is: what failed then came after it.
    if (failures_.empty() || !first || last_seq_ != before) return {};
    refused_ = true;
    return std::unexpected(failures_.front());
}

template <class Input>
void driver::enqueue(input_source source, Input&& body) {
    input_envelope& in = inbox_.emplace_back();
    in.source = source;
    in.causation = cause_;
    if constexpr (std::is_same_v<std::decay_t<Input>, engine_input>)
        in.body = std::forward<Input>(body);
    else
        in.body.emplace<std::decay_t<Input>>(std::forward<Input>(body));
    if (!busy_ && !held_ && failures_.empty()) drain();
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

void driver::release() {
    held_ = false;
    if (!busy_ && failures_.empty()) drain();
}

/// Inputs are taken in the order in which they came; a port that answers at once queues behind what is waiting.
void driver::drain() {
    busy_ = true;
    while (failures_.empty()) {
        if (inbox_.empty() && slept_.us > 0) put_wake(0);
        if (inbox_.empty()) break;
        const std::size_t count = std::min(inbox_.size(), std::max<std::size_t>(options_.batch_max, 1));
        if (!process(count)) break;
    }
    cause_ = {};
    busy_ = false;
}

void driver::slept(duration by) {
    slept_ = slept_ + by;
    if (!busy_ && !held_ && failures_.empty()) drain();
}

void driver::put_wake(std::size_t place) {
    input_envelope in;
    in.source = input_source::host;
    in.body.emplace<wake>(std::exchange(slept_, {}));
    inbox_.insert(inbox_.begin() + static_cast<std::ptrdiff_t>(place), std::move(in));
}

result<void> driver::retry(snapshot_source& snapshots) {
    if (failures_.empty()) return {};
    AIVP_TRY(const journal_record head, ports_.store.head());
    const std::size_t count = records_.size();
    if (head.seq == records_.back().seq && head.chain == records_.back().chain) {
        AIVP_REACHABLE("driver: a commit of which nobody knew was kept");
        failures_.clear();
        last_seq_ = head.seq;
        chain_ = digest_chain(head.chain);
        busy_ = true;
        perform_batch(count);
        inbox_.erase(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(count));
    } else if (head.seq == last_seq_ && head.chain == chain_.head()) {
        AIVP_REACHABLE("driver: what was not committed is decided anew");
        AIVP_TRY(recovered_state known, read_state(ports_.store, snapshots));
        state_ = std::move(known.state);
        failures_.clear();
        // Whoever submitted it was told that it has no effect; completions and timers have nobody else to come back to.
        if (refused_) inbox_.erase(inbox_.begin() + static_cast<std::ptrdiff_t>(count - 1));
    } else {
        AIVP_REACHABLE("driver: somebody else wrote to the journal");
        return fail(errc::store_fenced, "record " + std::to_string(head.seq.value) + " was written by somebody else");
    }
    refused_ = false;
    drain();
    if (!failures_.empty()) return std::unexpected(failures_.front());
    return {};
}

bool driver::process(std::size_t count) {
    count = decide_batch(count);
    if (!commit_batch()) return false;
    perform_batch(count);
    inbox_.erase(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(count));
    return true;
}

/// How many there are in the end: a `wake` may have come between them.
std::size_t driver::decide_batch(std::size_t count) {
    // Each of them may find out that the machine slept.
    if (slots_.size() < 2 * count) slots_.resize(2 * count);
    records_.clear();
    digest_chain chain = chain_;
    for (std::size_t i = 0; i < count; ++i) {
        // The log's time never runs backwards, whatever the clock does.
        const instant now = ports_.clock.now();
        AIVP_SOMETIMES(now < last_at_, "driver: the clock ran back");
        last_at_ = std::max(last_at_, now);
        if (slept_.us > 0) {
            AIVP_REACHABLE("driver: an input finds out that the machine slept");
            put_wake(i);
            ++count;
            decide_one(i++, chain);
        }
        decide_one(i, chain);
    }
    return count;
}

void driver::decide_one(std::size_t place, digest_chain& chain) {
    input_envelope& input = inbox_[place];
    input.seq = {last_seq_.value + place + 1};
    input.at = last_at_;
    input.correlation = correlation_of(input.body);
    slot& s = slots_[place];
    step(state_, input, s.decided);
    s.line.clear();
    append_journal_line(s.line, input, s.decided);
    records_.push_back({input.seq, input.at, s.line, chain.append(s.line)});
}

bool driver::commit_batch() {
    AIVP_SOMETIMES(records_.size() > 1, "driver: several inputs are one commit");
    const commit_outcome how = ports_.store.commit(records_);
    if (how == commit_outcome::ok) {
        last_seq_ = records_.back().seq;
        chain_ = digest_chain(records_.back().chain);
        return true;
    }
    const std::string first = std::to_string(records_.front().seq.value);
    const std::string what = records_.size() == 1
                                 ? "record " + first
                                 : "records " + first + " to " + std::to_string(records_.back().seq.value);
    const bool unknown = how == commit_outcome::unknown;
    AIVP_SOMETIMES(!unknown, "driver: a commit fails");
    AIVP_SOMETIMES(unknown, "driver: nobody knows about a commit");
    failures_.push_back({unknown ? errc::store_commit_unknown : errc::store_commit_failed,
                         what + (records_.size() == 1 ? (unknown ? " may be committed or not" : " was not committed")
                                                      : (unknown ? " may be committed or not" : " were not committed")),
                         {},
                         {},
                         {}});
    return false;
}

void driver::perform_batch(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        for (driver_observer* o : observers_) o->committed(inbox_[i], slots_[i].decided, state_, records_[i]);
    for (std::size_t i = 0; i < count; ++i) {
        cause_ = inbox_[i].seq;
        for (const engine_effect& e : slots_[i].decided.effects) {
            if (count > 1 && !still_open(e)) {
                AIVP_REACHABLE("driver: an effect is not begun because its batch ended it");
                continue;
            }
            for (driver_observer* o : observers_) o->performing(e);
            perform(e);
        }
    }
    cause_ = {};
}

/// A later input of the same batch may have ended what an earlier one asked for: it is then not begun at all.
bool driver::still_open(const engine_effect& e) const {
    const auto is_open = [this](call_ref ref) {
        const run_state* r = state_.find(ref.run);
        return r && std::any_of(r->open.begin(), r->open.end(), [&](const open_call& o) { return o.call == ref.call; });
    };
    if (const auto* model = std::get_if<model_call>(&e)) return is_open(model->ref);
    if (const auto* skill = std::get_if<skill_call>(&e)) return is_open(skill->ref);
    if (const auto* question = std::get_if<user_question_effect>(&e)) return is_open(question->ref);
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
            AIVP_REACHABLE("driver: a secret is not there");
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
                           .deadline = e.deadline,
                           .space = e.snapshot->space},
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
