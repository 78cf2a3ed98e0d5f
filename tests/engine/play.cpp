#include "tests/engine/play.hpp"

#include <algorithm>
#include <limits>
#include <ostream>
#include <stdexcept>
#include <utility>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"

namespace engine_test {

using namespace aivp;

namespace {

std::string text_of(const payload& p) { return std::string(p.text()); }

std::int64_t add_up(std::int64_t a, std::int64_t b) {
    std::int64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::int64_t>::max() : sum;
}

/// The n-th of a map's keys, modulo their number.
template <class Map>
auto nth(const Map& map, std::uint32_t n) {
    auto it = map.begin();
    std::advance(it, n % map.size());
    return it;
}

} // namespace

std::ostream& operator<<(std::ostream& out, const move& m) {
    static constexpr const char* names[] = {"start",         "answer",   "answer_again", "fire_next_timer",
                                            "let_time_pass", "cancel",   "publish",      "repeat_completion",
                                            "retire",        "activate", "stray_timer"};
    out << names[static_cast<std::size_t>(m.what)] << '(' << m.pick << ',' << m.how;
    for (const proposed_call& c : m.turn.calls) out << ' ' << c.name << text_of(c.arguments);
    return out << ')';
}

play::play(std::vector<snapshot_ptr> agents)
    : now_(testing::spec::start), agents_(std::move(agents)), seen_(std::variant_size_v<engine_event>) {
    for (const snapshot_ptr& a : agents_) put(activate_agent{a});
}

void play::demand(bool holds, const std::string& what) const {
    if (!holds) throw std::logic_error(what + " after input " + std::to_string(seq_));
}

std::string play::journal() const {
    std::string out;
    for (const std::string& line : lines_) out += line + "\n";
    return out;
}

std::uint64_t play::seen(std::size_t event_index) const { return seen_.at(event_index); }

// ---- moves -------------------------------------------------------------------------------------------------------------

/// A timer that fires when it is due is not armed any more; one that fires early stays armed.
void play::fire(timer_key key) {
    const auto armed = timers_.find(key);
    if (armed != timers_.end() && armed->second <= now_) timers_.erase(armed);
    put(timer_elapsed{key});
}

void play::make(const move& m) {
    switch (m.what) {
    case move::kind::start:
        put(start_run{{m.pick % (agents_.size() + 1) + (m.how == 7)},
                      m.how % 2 ? testing::json("{\"n\":" + std::to_string(m.how % 5) + "}") : payload()});
        break;
    case move::kind::answer:
    case move::kind::answer_again:
        if (!open_.empty()) answer(nth(open_, m.pick)->first, m);
        break;
    case move::kind::fire_next_timer: {
        const auto due = std::min_element(timers_.begin(), timers_.end(),
                                          [](const auto& a, const auto& b) { return a.second < b.second; });
        if (due == timers_.end()) break;
        // Never early; sometimes late.
        now_ = std::max(now_, due->second + (m.how == 0 ? seconds(m.pick % 40) : duration{}));
        fire(due->first);
        break;
    }
    case move::kind::let_time_pass: now_ = now_ + seconds(m.pick % 30); break;
    case move::kind::cancel:
        if (!books_.empty() && m.how % 4 == 0)
            put(cancel_run{nth(books_, m.pick)->first, "enough"});
        else if (m.how % 4 == 1)
            put(cancel_run{{m.pick}, "who?"});
        break;
    case move::kind::publish: put(publish_event{m.how % 8 == 0 ? "nobody" : "ping", {}}); break;
    case move::kind::repeat_completion:
        if (!all_calls_.empty()) answer(all_calls_[m.pick % all_calls_.size()], m);
        break;
    case move::kind::retire:
        if (m.how % 4 == 0) put(retire_agent{{m.pick % (agents_.size() + 1)}});
        break;
    case move::kind::activate: put(activate_agent{agents_[m.pick % agents_.size()]}); break;
    case move::kind::stray_timer:
        fire({m.how % 2 ? timer_key::kind::run : timer_key::kind::trigger, m.pick % 5, m.how % 3});
        break;
    case move::kind::count: break;
    }
}

void play::answer(call_ref ref, const move& m) {
    const auto it = open_.find(ref);
    const call_kind kind = it == open_.end() ? static_cast<call_kind>(m.how % 3) : it->second.kind;
    if (kind == call_kind::model) {
        model_completion c{.ref = ref, .outcome = effect_outcome::ok, .response = m.turn, .message = {}};
        if (m.how == 1)
            c = {.ref = ref, .outcome = effect_outcome::failed, .code = errc::model_failed, .message = "down"};
        if (m.how == 2) c = {.ref = ref, .outcome = effect_outcome::unknown, .message = {}};
        put(std::move(c));
    } else if (kind == call_kind::user) {
        put(user_completion{ref, m.how == 1 ? payload() : payload::of_string("go on"), m.how < 2});
    } else {
        skill_completion c{.ref = ref,
                           .outcome = effect_outcome::ok,
                           .result = testing::json(R"({"n":2,"token":"hush"})"),
                           .message = {}};
        if (m.how == 1)
            c = {.ref = ref,
                 .outcome = effect_outcome::failed,
                 .result = {},
                 .code = errc::skill_failed,
                 .message = "no"};
        if (m.how == 2) c = {.ref = ref, .outcome = effect_outcome::unknown, .result = {}, .message = {}};
        if (m.how == 3) c.result = testing::json("[\"no object\"]");
        put(std::move(c));
    }
}

void play::drain() {
    for (int i = 0; !open_.empty(); ++i) {
        demand(i < 10'000, "open calls never end");
        answer(open_.begin()->first, {.what = move::kind::answer,
                                      .how = open_.begin()->second.kind == call_kind::user ? 0U : 9U,
                                      .turn = testing::make_answer("done")});
    }
    demand(state_.runs.empty(), "a run is left over although nothing is open");
    demand(accepted_ == finished_, "an accepted trigger has no end");
}

// ---- one input -----------------------------------------------------------------------------------------------------------

void play::put(engine_input input) {
    const input_envelope envelope{{++seq_}, now_, input_source::host, {}, {}, std::move(input)};
    const engine_state before = state_;
    const decision pure = decide(state_, envelope);
    demand(state_ == before, "decide() changed the state");
    step(state_, envelope, out_);
    std::string line, pure_line;
    append_journal_line(line, envelope, out_);
    append_journal_line(pure_line, envelope, pure);
    lines_.push_back(line);
    demand(line == pure_line, "decide() and step() tell different events");
    demand(pure.effects.size() == out_.effects.size(), "decide() and step() want different effects");
    for (std::size_t i = 0; i < pure.effects.size(); ++i)
        demand(testing::to_payload(pure.effects[i]) == testing::to_payload(out_.effects[i]),
               "decide() and step() want different effects");
    for (const engine_event& e : pure.events) evolve(replayed_, e, now_);
    demand(replayed_ == state_, "the events alone lead to another state");
    const auto parsed = payload::parse(line);
    demand(parsed && parsed->text() == line, "a journal line is not canonical");
    demand(line.find("hush") == std::string::npos || line.find("secret:") == std::string::npos,
           "a redacted result shows its secret");
    chain_.append(line);

    for (const engine_event& e : out_.events) note(e);
    const std::vector<engine_event> events = out_.events;
    for (const engine_effect& e : std::vector<engine_effect>(out_.effects)) perform(e, events);
    check_state();
}

void play::begin(run_book& b) {
    b.started = true;
    const auto* loop = std::get_if<loop_brain>(&b.snapshot->brain);
    if (!loop) return;
    if (!loop->system.empty())
        b.messages.push_back(payload::of_object(
            {{"content", payload::of_string(loop->system)}, {"role", payload::of_string("system")}}));
    std::string goal = loop->goal;
    if (!b.body.is_null()) goal += "\n\n" + text_of(b.body);
    b.messages.push_back(
        payload::of_object({{"content", payload::of_string(goal)}, {"role", payload::of_string("user")}}));
}

void play::note_reservation(run_book& b, call_id call, usd_micros amount) {
    demand(b.reserved.emplace(call.value, amount.value).second, "a call is intended twice");
    std::int64_t committed = b.spent;
    for (const auto& [open, reserved] : b.reserved) committed += reserved;
    demand(committed <= b.snapshot->limits.budget.value, "more is reserved than the budget holds");
}

void play::note_cost(run_book& b, call_id call, usd_micros cost) {
    demand(b.reserved.erase(call.value) == 1, "a call is settled that was not open");
    b.spent = add_up(b.spent, cost.value);
    b.largest = std::max(b.largest, cost.value);
    demand(b.spent <= b.snapshot->limits.budget.value || b.spent - b.snapshot->limits.budget.value <= b.largest,
           "the budget is exceeded by more than one call");
}

void play::note(run_book& b, const model_requested& e) {
    const run_limits& limits = b.snapshot->limits;
    demand(++b.model_turns <= limits.model_turns, "too many model turns");
    demand(b.tokens < limits.tokens, "a turn is asked for beyond the cap on tokens");
    note_reservation(b, e.call, e.reserved);
}

void play::note(run_book& b, const model_settled& e) {
    note_cost(b, e.call, e.cost);
    if (!e.response) return;
    b.tokens = add_up(add_up(b.tokens, e.response->usage.input), e.response->usage.output);
    std::vector<payload> calls;
    b.slots.clear();
    for (const proposed_call& c : e.response->calls) {
        calls.push_back(payload::of_object({{"args", c.arguments},
                                            {"id", payload::of_string("call#" + std::to_string(b.named++))},
                                            {"name", payload::of_string(c.name)}}));
        b.slots.emplace_back();
    }
    std::vector<std::pair<std::string, payload>> message{{"role", payload::of_string("assistant")}};
    if (!calls.empty()) message.emplace_back("calls", payload::of_array(calls));
    if (!e.response->content.is_null()) message.emplace_back("content", e.response->content);
    b.messages.push_back(payload::of_object(std::move(message)));
}

void play::note(run_book& b, const call_intended& e) {
    demand(++b.skill_calls <= b.snapshot->limits.skill_calls, "too many skill calls");
    demand(e.binding < b.snapshot->bindings.size(), "a skill is called that is not bound");
    const effect effect{e.binding, e.arguments_hash};
    const auto unknown = b.unknown.find(e.idempotency_key);
    if (unknown != b.unknown.end())
        demand(unknown->second == effect, "the key of one effect is used for another");
    else
        demand(keys_.insert(e.idempotency_key).second, "an idempotency key is used twice");
    for (const auto& [key, made] : b.unknown)
        demand(made != effect || key == e.idempotency_key, "a write that may have happened is made again");
    b.effects[e.call.value] = {e.idempotency_key, effect};
    note_reservation(b, e.call, e.reserved);
}

void play::note(run_book& b, const call_settled& e) {
    note_cost(b, e.call, e.cost);
    const auto& [key, made] = b.effects.at(e.call.value);
    b.unknown.erase(key);
    if (e.outcome == effect_outcome::unknown && b.snapshot->bindings[e.binding].skill->effect == effect_class::write)
        b.unknown.emplace(key, made);
    demand(e.outcome == effect_outcome::ok ? e.code == errc::ok : e.code != errc::ok,
           "outcome and code contradict each other");
    if (!b.slots.empty()) b.slots.at(e.step) = {e.result, e.outcome != effect_outcome::ok};
}

void play::note(run_book& b, const call_refused& e) {
    demand(e.why && !e.why->decided_by.empty() && !e.why->message.empty() && !e.why->help.empty(),
           "a refusal does not explain itself");
    if (!b.slots.empty()) b.slots.at(e.step) = {aivp::to_payload(*e.why), true};
}

void play::note(const engine_event& event) {
    ++seen_[event.index()];
    if (const auto* accepted = std::get_if<trigger_accepted>(&event)) {
        ++accepted_;
        run_book& b = books_[accepted->run];
        demand(!b.snapshot, "a run is accepted twice");
        b.agent = accepted->agent;
        b.snapshot = state_.agents[accepted->agent.value - 1].snapshot;
        b.body = accepted->body;
        return;
    }
    if (std::holds_alternative<completion_ignored>(event)) return;
    const run_id run = run_of(event);
    if (!run) return;
    const auto book = books_.find(run);
    demand(book != books_.end(), std::string(event_name(event)) + " of a run that is not open");
    run_book& b = book->second;
    demand(b.started || std::holds_alternative<run_started>(event) || std::holds_alternative<run_finished>(event),
           "a run acts before it starts");
    std::visit(
        [this](const auto& e) {
            using event_type = std::decay_t<decltype(e)>;
            if constexpr (std::is_same_v<event_type, model_settled> || std::is_same_v<event_type, call_settled> ||
                          std::is_same_v<event_type, user_answered>)
                open_.erase(call_ref{e.run, e.call});
        },
        event);
    if (std::holds_alternative<run_started>(event)) {
        demand(!running_[b.agent], "two runs of one agent are under way");
        running_[b.agent] = run;
        begin(b);
    } else if (const auto* requested = std::get_if<model_requested>(&event)) {
        note(b, *requested);
    } else if (const auto* settled = std::get_if<model_settled>(&event)) {
        note(b, *settled);
    } else if (const auto* intended = std::get_if<call_intended>(&event)) {
        note(b, *intended);
    } else if (const auto* done = std::get_if<call_settled>(&event)) {
        note(b, *done);
    } else if (const auto* refused = std::get_if<call_refused>(&event)) {
        note(b, *refused);
    } else if (std::holds_alternative<turn_completed>(event)) {
        std::uint64_t n = b.named - b.slots.size();
        for (const run_book::slot& s : std::exchange(b.slots, {})) {
            std::vector<std::pair<std::string, payload>> m{{"call", payload::of_string("call#" + std::to_string(n++))},
                                                           {"content", s.content},
                                                           {"role", payload::of_string("tool")}};
            if (s.failed) m.emplace_back("error", payload::of_bool(true));
            b.messages.push_back(payload::of_object(std::move(m)));
        }
    } else if (const auto* asked = std::get_if<user_asked>(&event)) {
        note_reservation(b, asked->call, {});
    } else if (const auto* answered = std::get_if<user_answered>(&event)) {
        note_cost(b, answered->call, {});
        if (answered->message.is_string())
            b.messages.push_back(
                payload::of_object({{"content", answered->message}, {"role", payload::of_string("user")}}));
    } else if (const auto* finished = std::get_if<run_finished>(&event)) {
        ++finished_;
        demand(finished->outcome->cost.value == b.spent, "the outcome tells another cost than the calls");
        demand(b.reserved.empty(), "a run ends and leaves an intent open");
        demand(b.unknown.empty() || finished->outcome->status != outcome_status::success,
               "a run succeeds although nobody knows what it did");
        if (running_[b.agent] == run) running_[b.agent] = {};
        std::erase_if(open_, [run](const auto& o) { return o.first.run == run; });
        books_.erase(book);
    }
}

void play::perform(const engine_effect& e, const std::vector<engine_event>& events) {
    if (const auto* timer = std::get_if<timer_request>(&e)) {
        if (timer->due == instant::max())
            timers_.erase(timer->key);
        else
            timers_[timer->key] = timer->due;
        return;
    }
    if (const auto* cancelled = std::get_if<call_cancel>(&e)) {
        open_.erase(cancelled->ref);
        return;
    }
    const auto intent = [&](auto is_intent) {
        demand(std::any_of(events.begin(), events.end(), is_intent),
               std::string(effect_name(e)) + " without an intent");
    };
    const auto open = [&](call_ref ref, call_kind kind) {
        open_[ref] = {kind, false};
        all_calls_.push_back(ref);
    };
    if (const auto* skill = std::get_if<skill_call>(&e)) {
        intent([&](const engine_event& x) {
            const auto* i = std::get_if<call_intended>(&x);
            return i && call_ref{i->run, i->call} == skill->ref && i->idempotency_key == skill->idempotency_key &&
                   i->deadline == skill->deadline;
        });
        open(skill->ref, call_kind::skill);
    } else if (const auto* model = std::get_if<model_call>(&e)) {
        intent([&](const engine_event& x) {
            const auto* i = std::get_if<model_requested>(&x);
            return i && call_ref{i->run, i->call} == model->ref && i->key == model->key;
        });
        open(model->ref, call_kind::model);
    } else if (const auto* question = std::get_if<user_question_effect>(&e)) {
        intent([&](const engine_event& x) {
            const auto* i = std::get_if<user_asked>(&x);
            return i && call_ref{i->run, i->call} == question->ref;
        });
        open(question->ref, call_kind::user);
    }
}

// ---- the state as a whole --------------------------------------------------------------------------------------------------

void play::check_run(const run_state& r) const {
    const run_book& b = books_.at(r.id);
    demand(r.snapshot == b.snapshot, "a run changed its snapshot");
    demand(r.started == b.started, "a run is started for one and not for the other");
    if (!r.started) return;
    demand(!r.open.empty(), to_string(r.id) + " waits for nothing");
    demand(r.spent.value == b.spent && r.skill_calls == b.skill_calls && r.model_turns == b.model_turns &&
               r.tokens == b.tokens,
           "the run counts otherwise than its events");
    demand(r.open.size() == b.reserved.size(), "other calls are open than the events tell");
    std::int64_t reserved = 0;
    for (const auto& [call, amount] : b.reserved) reserved += amount;
    demand(r.reserved.value == reserved, "another amount is reserved than the events tell");
    const auto watchdog = timers_.find({timer_key::kind::run, r.id.value, 0});
    demand(watchdog != timers_.end() && watchdog->second == r.watchdog, "a run has no watchdog");
    for (const open_call& o : r.open) {
        const auto performed = open_.find({r.id, o.call});
        demand(performed != open_.end() && performed->second.kind == o.kind, "a call is open that was not performed");
        demand(r.watchdog <= o.deadline && o.deadline <= r.deadline, "a deadline lies after the watchdog");
    }
    demand(r.messages.messages() == b.messages, "the conversation is another one than the events tell");
}

void play::check_state() const {
    demand(accepted_ == finished_ + state_.runs.size(), "an accepted trigger is neither open nor ended");
    demand(state_.finished_runs == finished_ && state_.last_run == accepted_, "runs are counted wrongly");
    demand(state_.runs.size() == books_.size(), "other runs are open than the events tell");
    std::size_t open = 0;
    for (const auto& [id, run] : state_.runs) {
        check_run(run);
        open += run.open.size();
    }
    demand(open == open_.size(), "a call was performed that is not open");
    for (const agent_state& a : state_.agents) {
        const auto running = running_.find(a.id);
        demand(a.active == (running == running_.end() ? run_id{} : running->second),
               "an agent runs something else than its events tell");
        demand(a.active || a.waiting.empty(), "runs wait for nothing");
        demand(std::is_sorted(a.waiting.begin(), a.waiting.end()), "runs do not wait in their order");
        for (std::uint32_t t = 0; t < a.due.size(); ++t) {
            const auto timer = timers_.find({timer_key::kind::trigger, a.id.value, t});
            // A timer that has fired early or for another reason is still due; it is never armed for another time.
            demand(timer == timers_.end() ? a.due[t] == instant::max() : timer->second == a.due[t],
                   "a trigger's timer and its due time differ");
        }
    }
}

} // namespace engine_test
