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
                                            "retire",        "activate", "stray_timer",  "name_journal",
                                            "crash",         "recover",  "wake",         "pause",
                                            "resume",        "resolve"};
    out << names[static_cast<std::size_t>(m.what)] << '(' << m.pick << ',' << m.how;
    for (const proposed_call& c : m.turn.calls) out << ' ' << c.name << text_of(c.arguments);
    return out << ')';
}

play::play(std::vector<snapshot_ptr> agents, bool journal)
    : now_(testing::spec::start), agents_(std::move(agents)), seen_(std::variant_size_v<engine_event>) {
    if (journal) put(open_journal{effect_key_of(sha256("a journal"))});
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
        if (m.how % 2)
            fire({timer_key::kind::run, m.pick % 5, 0});
        else
            fire({timer_key::kind::trigger, m.pick % 5, m.how % 3});
        break;
    case move::kind::name_journal: put(open_journal{effect_key_of(sha256(std::to_string(m.pick)))}); break;
    case move::kind::crash: crash(m); break;
    case move::kind::recover_uncrashed:
        if (m.how % 4 == 0) recover({});
        break;
    case move::kind::wake: {
        const duration slept = seconds(m.pick % 90);
        now_ = now_ + slept;
        put(aivp::wake{slept});
        break;
    }
    case move::kind::pause: put(pause_run{books_.empty() ? run_id{m.pick} : nth(books_, m.pick)->first, "wait"}); break;
    case move::kind::resume: put(resume_run{books_.empty() ? run_id{m.pick} : nth(books_, m.pick)->first}); break;
    case move::kind::resolve: {
        const std::vector<call_ref> parked = parked_calls();
        if (!parked.empty())
            resolve(parked[m.pick % parked.size()], m);
        else if (!all_calls_.empty() && m.how % 4 == 0)
            resolve(all_calls_[m.pick % all_calls_.size()], m);
        break;
    }
    case move::kind::count: break;
    }
}

/// The process is gone, and with it timers and whatever the ports were doing. Another one reads the journal.
void play::crash(const move& m) {
    listed_snapshots agents(agents_);
    engine_state fresh;
    std::size_t first = 0;
    if (m.how % 3 != 0 && !encoded_.empty()) {
        first = m.pick % encoded_.size();
        auto decoded = decode_state(encoded_[first], agents);
        demand(decoded.has_value(), "a state cannot be read back");
        fresh = std::move(*decoded);
        ++first;
    }
    for (std::size_t i = first; i < lines_.size(); ++i) {
        const auto step = replay_line(fresh, lines_[i], agents);
        demand(step.has_value(), "a line cannot be read back");
        demand(step->seq.value == i + 1, "a line is read with another number");
    }
    demand(fresh == state_, "the journal leads to another state");
    state_ = std::move(fresh);
    timers_.clear();
    open_.clear();
    const duration away = seconds(m.pick % 50);
    now_ = now_ + away;
    recover(m.how % 2 ? away : duration{});
    if (m.how == 5) {
        timers_.clear();
        open_.clear();
        recover({});
    }
}

void play::recover(duration away) {
    const std::vector<call_ref> lost = calls_under_way();
    put(aivp::recover{away});
    check_recovery(lost);
}

void play::resolve(call_ref ref, const move& m) {
    const auto finding = static_cast<call_finding>(m.how % 3);
    const auto book = books_.find(ref.run);
    const bool parked = book != books_.end() && book->second.parked.contains(ref.call.value);
    if (parked && finding == call_finding::again) ++sent_.at(ref).allowed;
    put(resolve_call{ref, finding, testing::json(R"({"n":2,"token":"hush"})"), m.how > 5 ? "looked" : ""});
    const auto after = books_.find(ref.run);
    const bool still = after != books_.end() && after->second.parked.contains(ref.call.value);
    if (still && finding == call_finding::again) --sent_.at(ref).allowed;
}

std::vector<call_ref> play::parked_calls() const {
    std::vector<call_ref> out;
    for (const auto& [run, b] : books_)
        for (const std::uint64_t call : b.parked) out.push_back({run, {call}});
    return out;
}

std::vector<call_ref> play::calls_under_way() const {
    std::vector<call_ref> out;
    for (const auto& [run, b] : books_)
        for (const auto& [call, reserved] : b.reserved)
            if (!b.parked.contains(call) && !b.planned.contains(call)) out.push_back({run, {call}});
    return out;
}

void play::answer(call_ref ref, const move& m) {
    const auto it = open_.find(ref);
    const call_kind kind = it == open_.end() ? static_cast<call_kind>(m.how % 3) : it->second;
    if (kind == call_kind::model) {
        model_completion c{.ref = ref, .outcome = effect_outcome::ok, .response = m.turn, .message = {}};
        if (m.how == 1)
            c = {.ref = ref, .outcome = effect_outcome::failed, .code = errc::model_failed, .message = "down"};
        if (m.how == 2) c = {.ref = ref, .outcome = effect_outcome::unknown, .message = {}};
        if (m.how == 3)
            c = {.ref = ref,
                 .outcome = effect_outcome::failed,
                 .code = errc::rate_limited,
                 .message = "wait",
                 .retry_after = seconds(1 + m.pick % 20)};
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
        if (m.how == 4 || m.how == 5)
            c = {.ref = ref,
                 .outcome = m.how == 4 ? effect_outcome::failed : effect_outcome::unknown,
                 .result = {},
                 .code = errc::rate_limited,
                 .message = "wait",
                 .retry_after = seconds(1 + m.pick % 20)};
        if (m.how == 3) c.result = testing::json("[\"no object\"]");
        put(std::move(c));
    }
}

void play::drain() {
    for (int i = 0;; ++i) {
        demand(i < 10'000, "open calls never end");
        const auto paused = std::find_if(books_.begin(), books_.end(), [](const auto& b) { return b.second.paused; });
        const std::vector<call_ref> parked = parked_calls();
        if (paused != books_.end())
            put(resume_run{paused->first});
        else if (!parked.empty())
            resolve(parked.front(), {.how = 1});
        else if (!open_.empty())
            answer(open_.begin()->first, {.what = move::kind::answer,
                                          .how = open_.begin()->second == call_kind::user ? 0U : 9U,
                                          .turn = testing::make_answer("done")});
        else if (!state_.runs.empty() && !timers_.empty())
            make({.what = move::kind::fire_next_timer, .how = 1});
        else
            break;
    }
    demand(state_.runs.empty(), "a run is left over although nothing is open");
    demand(accepted_ == finished_, "an accepted trigger has no end");
}

// ---- one input -----------------------------------------------------------------------------------------------------------

void play::put(engine_input input) {
    const run_id about = std::visit(
        [](const auto& in) -> run_id {
            if constexpr (requires { in.ref.run; })
                return in.ref.run;
            else if constexpr (requires { in.run; })
                return in.run;
            else
                return {};
        },
        input);
    const input_envelope envelope{{++seq_}, now_, input_source::host, about, {}, std::move(input)};
    input_ = envelope.body.index();
    const auto* skill_answer = std::get_if<skill_completion>(&envelope.body);
    told_failure_ = skill_answer && skill_answer->outcome == effect_outcome::failed;
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
    check_records(envelope, line);
    chain_.append(line);

    for (const engine_event& e : out_.events) note(e);
    const std::vector<engine_event> events = out_.events;
    for (const engine_effect& e : std::vector<engine_effect>(out_.effects)) perform(e, events);
    check_state();
}

/// What is written down is canonical, shows no secret, and leads back to the state.
void play::check_records(const input_envelope& envelope, const std::string& line) {
    const auto parsed = payload::parse(line);
    demand(parsed && parsed->text() == line, "a journal line is not canonical");
    demand(line.find("hush") == std::string::npos || line.find("secret:result") == std::string::npos,
           "a redacted result shows its secret");
    listed_snapshots agents(agents_);
    const auto read = replay_line(read_, line, agents);
    demand(read.has_value(), "a line cannot be read back: " + (read ? "" : read.error().message));
    demand(read->seq == envelope.seq && read->at == envelope.at && read->correlation == envelope.correlation &&
               read->events.size() == out_.events.size(),
           "a line is read back as another one");
    demand(read_ == state_, "the lines lead to another state");
    const std::string text = encode_state(state_);
    const auto canonical = payload::parse(text);
    demand(canonical && canonical->text() == text, "an encoded state is not canonical");
    const auto decoded = decode_state(text, agents);
    demand(decoded.has_value(), "a state cannot be read back: " + (decoded ? "" : decoded.error().message));
    demand(*decoded == state_, "a state is read back as another one");
    encoded_.push_back(text);
}

/// After the input `recover`: every call that was under way is under way again, waits for a person, or has an outcome.
void play::check_recovery(const std::vector<call_ref>& lost) const {
    std::uint64_t resent = 0, parked = 0;
    for (const engine_event& e : out_.events) {
        if (const auto* r = std::get_if<call_resent>(&e)) {
            ++resent;
            demand(std::count(lost.begin(), lost.end(), call_ref{r->run, r->call}) == 1,
                   "a call is sent again that was not under way");
        }
        parked += std::holds_alternative<call_parked>(e);
        if (const auto* counts = std::get_if<recovered>(&e))
            demand(counts->resent == resent && counts->parked == parked, "recovery counts otherwise than its events");
    }
    for (const call_ref ref : lost) {
        const auto book = books_.find(ref.run);
        const bool open = book != books_.end() && book->second.reserved.contains(ref.call.value);
        demand(!open || open_.contains(ref) != book->second.parked.contains(ref.call.value),
               "a call that was under way is neither sent again nor parked nor settled");
    }
}

void play::keep_clock(run_book& b) {
    const bool halted = b.paused || !b.parked.empty();
    if (halted && !b.halted_at) b.halted_at = now_;
    if (halted || !b.halted_at) return;
    b.deadline = b.deadline + (now_ - *b.halted_at);
    b.halted_at.reset();
}

instant play::effective_deadline(const run_book& b) const {
    return b.halted_at ? b.deadline + (now_ - *b.halted_at) : b.deadline;
}

void play::note_deadline(run_book& b, call_id call, instant deadline) {
    const instant last = effective_deadline(b);
    demand(deadline <= last, "a call's deadline lies after its run's");
    demand(deadline > now_ || last <= now_, "a call has no time left although its run has");
    b.due[call.value] = deadline;
}

/// A run that stands still loses nothing: its clock moves on by all of that time when it goes on.
void play::note_lost(duration by) {
    for (auto& [run, b] : books_) {
        if (!b.halted_at) b.deadline = b.deadline + by;
        for (auto& [call, due] : b.due)
            if (!b.planned.contains(call)) due = due + by;
    }
}

void play::begin(run_book& b) {
    b.started = true;
    b.deadline = now_ + b.snapshot->limits.run_timeout;
    if (b.halted_at) b.halted_at = now_;
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
    note_attempt(b, e.call.value, nullptr);
    const run_limits& limits = b.snapshot->limits;
    demand(++b.model_turns <= limits.model_turns, "too many model turns");
    demand(b.tokens < limits.tokens, "a turn is asked for beyond the cap on tokens");
    demand(!b.paused, "a run that is paused asks its model");
    note_reservation(b, e.call, e.reserved);
    note_deadline(b, e.call, e.deadline);
}

void play::note(run_book& b, const model_settled& e) {
    note_cost(b, e.call, e.cost);
    if (e.code == errc::limit_step_time) demand(b.due.at(e.call.value) <= now_, "a model is given up too early");
    b.due.erase(e.call.value);
    b.planned.erase(e.call.value);
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
    note_attempt(b, e.call.value, &e.binding);
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
    demand(!b.paused, "a run that is paused calls a skill");
    note_reservation(b, e.call, e.reserved);
    note_deadline(b, e.call, e.deadline);
}

void play::note(run_book& b, const call_parked& e) {
    const auto& [key, made] = b.effects.at(e.call.value);
    const skill_contract& skill = *b.snapshot->bindings[made.first].skill;
    demand(input_ == engine_input(aivp::recover{}).index(), "a call is parked without a restart");
    demand(skill.effect == effect_class::write, "a call is parked that changes nothing");
    demand((!skill.takes_key && !skill.idempotent) || !skill.secret_arguments.empty(),
           "a call is parked that could be sent again");
    demand(b.parked.insert(e.call.value).second, "a call is parked twice");
    open_.erase({e.run, e.call});
    keep_clock(b);
}

void play::note_spent(run_book& b, usd_micros lost) {
    b.spent = add_up(b.spent, lost.value);
    std::int64_t committed = b.spent;
    for (const auto& [open, amount] : b.reserved) committed += amount;
    if (lost.value > 0)
        demand(committed <= b.snapshot->limits.budget.value, "a lost attempt is paid from an empty budget");
}

void play::note(run_book& b, const call_resent& e) {
    const std::uint64_t call = e.call.value;
    const auto reserved = b.reserved.find(call);
    demand(reserved != b.reserved.end(), "a call is sent again that is not open");
    const bool question = !b.due.contains(call);
    const bool model = !question && !b.effects.contains(call);
    if (b.planned.erase(call)) {
        demand(b.due.at(call) <= now_ && !b.paused, "a planned attempt is made too early");
        demand(e.lost.value == 0, "a planned attempt costs what was charged before");
    } else {
        demand(input_ ==
                   (b.parked.contains(call) ? engine_input(resolve_call{}) : engine_input(aivp::recover{})).index(),
               "a call is sent again neither at recovery nor because a person said so");
        demand(e.lost.value == (model ? reserved->second : 0), "a lost attempt costs something else than was reserved");
    }
    note_spent(b, e.lost);
    if (!question) note_deadline(b, e.call, e.deadline);
    b.parked.erase(call);
    keep_clock(b);
}

void play::note_attempt(run_book& b, std::uint64_t call, const std::uint32_t* binding) {
    const loop_brain* loop = std::get_if<loop_brain>(&b.snapshot->brain);
    const skill_contract* skill = binding ? b.snapshot->bindings[*binding].skill.get() : nullptr;
    const retry_policy& retry = skill ? skill->retry : loop->model.retry;
    run_book::tried_call& t = b.tried[call];
    if (!retry.budget) return;
    t.budget = *retry.budget;
    t.dependency = skill ? "skill " + skill->id : "model " + loop->model.name;
    attempts_[t.dependency].first.push_back(now_);
}

void play::note_retry(run_book& b, const call_retry_planned& e) {
    run_book::tried_call& t = b.tried.at(e.call.value);
    demand(e.attempt == t.attempts || e.attempt == t.attempts + 1, "an attempt has another number");
    if (e.attempt == std::exchange(t.attempts, e.attempt) || t.dependency.empty()) return;
    attempts_book& all = attempts_[t.dependency];
    all.again.push_back(now_);
    const auto since = [](const std::vector<instant>& times, instant first) {
        return std::count_if(times.begin(), times.end(), [&](instant when) { return when > first; });
    };
    const duration ttl = t.budget.ttl;
    demand(since(all.again, now_ - duration{ttl.us / 10 * 9}) * 1000 <=
               since(all.first, now_ - ttl) * t.budget.share_permille + t.budget.min_per_second * ttl.us / 1000,
           "there are more retries than their budget allows");
}

void play::note(run_book& b, const call_retry_planned& e) {
    note_retry(b, e);
    const std::uint64_t call = e.call.value;
    demand(b.reserved.contains(call) && b.due.contains(call), "an attempt is planned of a call that is not open");
    demand(!b.parked.contains(call), "an attempt is planned of a call that is parked");
    demand(b.planned.insert(call).second, "an attempt is planned twice");
    demand(e.due >= now_, "an attempt is planned for the past");
    note_spent(b, e.lost);
    b.due.at(call) = e.due;
    const call_ref ref{e.run, e.call};
    if (told_failure_) ++sent_.at(ref).allowed;
    open_.erase(ref);
}

void play::note(run_book& b, const call_settled& e) {
    note_cost(b, e.call, e.cost);
    if (e.code == errc::limit_step_time && e.message == "no answer in time")
        demand(b.due.at(e.call.value) <= now_, "a call is given up too early");
    b.due.erase(e.call.value);
    b.planned.erase(e.call.value);
    if (b.parked.erase(e.call.value))
        demand(input_ == engine_input(resolve_call{}).index() || input_ == engine_input(cancel_run{}).index(),
               "a parked call gets an outcome that no person told");
    keep_clock(b);
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
    if (const auto* lost = std::get_if<time_lost>(&event)) note_lost(lost->by);
    const run_id run = run_of(event);
    if (!run) return;
    const auto book = books_.find(run);
    demand(book != books_.end(), std::string(event_name(event)) + " of a run that is not open");
    run_book& b = book->second;
    demand(b.started || std::holds_alternative<run_started>(event) || std::holds_alternative<run_finished>(event) ||
               std::holds_alternative<run_paused>(event) || std::holds_alternative<run_resumed>(event),
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
    } else if (const auto* parked = std::get_if<call_parked>(&event)) {
        note(b, *parked);
    } else if (const auto* resent = std::get_if<call_resent>(&event)) {
        note(b, *resent);
    } else if (const auto* planned = std::get_if<call_retry_planned>(&event)) {
        note(b, *planned);
    } else if (std::holds_alternative<run_paused>(event) || std::holds_alternative<run_resumed>(event)) {
        demand(b.paused == std::holds_alternative<run_resumed>(event), "a run is paused or resumed twice");
        b.paused = !b.paused;
        keep_clock(b);
    } else if (std::holds_alternative<turn_completed>(event)) {
        note_turn_completed(b);
    } else if (const auto* asked = std::get_if<user_asked>(&event)) {
        demand(!b.paused, "a run that is paused asks a person");
        note_reservation(b, asked->call, {});
    } else if (const auto* answered = std::get_if<user_answered>(&event)) {
        note_cost(b, answered->call, {});
        if (answered->message.is_string())
            b.messages.push_back(
                payload::of_object({{"content", answered->message}, {"role", payload::of_string("user")}}));
    } else if (const auto* finished = std::get_if<run_finished>(&event)) {
        note_finished(b, *finished);
        books_.erase(book);
    }
}

void play::note_turn_completed(run_book& b) {
    std::uint64_t n = b.named - b.slots.size();
    for (const run_book::slot& s : std::exchange(b.slots, {})) {
        std::vector<std::pair<std::string, payload>> m{{"call", payload::of_string("call#" + std::to_string(n++))},
                                                       {"content", s.content},
                                                       {"role", payload::of_string("tool")}};
        if (s.failed) m.emplace_back("error", payload::of_bool(true));
        b.messages.push_back(payload::of_object(std::move(m)));
    }
}

void play::note_finished(run_book& b, const run_finished& e) {
    ++finished_;
    demand(e.outcome->cost.value == b.spent, "the outcome tells another cost than the calls");
    demand(b.reserved.empty(), "a run ends and leaves an intent open");
    demand(b.unknown.empty() || e.outcome->status != outcome_status::success,
           "a run succeeds although nobody knows what it did");
    if (e.outcome->code == errc::limit_time)
        demand(!b.halted_at && b.deadline <= now_, "a run is given up before its time is over");
    if (running_[b.agent] == e.run) running_[b.agent] = {};
    std::erase_if(open_, [&e](const auto& o) { return o.first.run == e.run; });
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
    const auto sent_again = [](const engine_event& x, call_ref ref) {
        const auto* r = std::get_if<call_resent>(&x);
        return r && call_ref{r->run, r->call} == ref;
    };
    const auto open = [&](call_ref ref, call_kind kind) {
        open_[ref] = kind;
        all_calls_.push_back(ref);
    };
    if (const auto* skill = std::get_if<skill_call>(&e)) {
        intent([&](const engine_event& x) {
            const auto* i = std::get_if<call_intended>(&x);
            if (sent_again(x, skill->ref)) return std::get<call_resent>(x).deadline == skill->deadline;
            return i && call_ref{i->run, i->call} == skill->ref && i->idempotency_key == skill->idempotency_key &&
                   i->deadline == skill->deadline;
        });
        perform(*skill);
        open(skill->ref, call_kind::skill);
    } else if (const auto* model = std::get_if<model_call>(&e)) {
        intent([&](const engine_event& x) {
            const auto* i = std::get_if<model_requested>(&x);
            return sent_again(x, model->ref) || (i && call_ref{i->run, i->call} == model->ref && i->key == model->key);
        });
        open(model->ref, call_kind::model);
    } else if (const auto* question = std::get_if<user_question_effect>(&e)) {
        intent([&](const engine_event& x) {
            const auto* i = std::get_if<user_asked>(&x);
            return sent_again(x, question->ref) || (i && call_ref{i->run, i->call} == question->ref);
        });
        open(question->ref, call_kind::user);
    }
}

/// One call, one key, the same arguments; and where a second call would be a second effect, no second call.
void play::perform(const skill_call& e) {
    const auto [it, first] = sent_.try_emplace(e.ref, sent_call{e.idempotency_key, e.arguments});
    sent_call& s = it->second;
    ++s.times;
    demand(s.key == e.idempotency_key, "one call is made under two keys");
    demand(s.arguments == e.arguments, "one call is made with two sets of arguments");
    demand(text_of(e.arguments).find("secret:argument") == std::string::npos,
           "a call is made with a redacted argument");
    const skill_contract& skill = *e.snapshot->bindings[e.binding].skill;
    if (skill.effect == effect_class::write && !skill.takes_key && !skill.idempotent)
        demand(s.times <= s.allowed, "a write is made twice and nobody said so");
}

// ---- the state as a whole --------------------------------------------------------------------------------------------------

void play::check_run(const run_state& r) const {
    const run_book& b = books_.at(r.id);
    demand(r.snapshot == b.snapshot, "a run changed its snapshot");
    demand(r.started == b.started, "a run is started for one and not for the other");
    demand(r.paused == b.paused, "a run is paused for one and not for the other");
    if (!r.started) return;
    demand(!r.open.empty() || r.paused, to_string(r.id) + " waits for nothing");
    demand(r.spent.value == b.spent && r.skill_calls == b.skill_calls && r.model_turns == b.model_turns &&
               r.tokens == b.tokens,
           "the run counts otherwise than its events");
    demand(r.open.size() == b.reserved.size(), "other calls are open than the events tell");
    std::int64_t reserved = 0;
    for (const auto& [call, amount] : b.reserved) reserved += amount;
    demand(r.reserved.value == reserved, "another amount is reserved than the events tell");
    check_clock(r, b);
    demand(r.messages.messages() == b.messages, "the conversation is another one than the events tell");
}

/// Every deadline that runs is watched, at its time or before.
void play::check_clock(const run_state& r, const run_book& b) const {
    const auto watchdog = timers_.find({timer_key::kind::run, r.id.value, 0});
    demand(watchdog == timers_.end() ? r.watchdog == instant::max() : watchdog->second == r.watchdog,
           "a run's watchdog and its timer differ");
    demand(b.halted_at.has_value() == (r.halted_at != instant::max()),
           "a run stands still for one and not for the other");
    if (b.halted_at) {
        demand(r.deadline - r.halted_at == b.deadline - *b.halted_at, "a run that stands still loses time");
    } else {
        demand(r.deadline == b.deadline, "a run has another deadline than its events tell");
        demand(r.watchdog <= r.deadline, "nobody watches a run's deadline");
    }
    for (const open_call& o : r.open) {
        const auto performed = open_.find({r.id, o.call});
        demand(o.parked == b.parked.contains(o.call.value), "a call is parked for one and not for the other");
        const bool planned = o.retry_at != instant::max();
        demand(planned == b.planned.contains(o.call.value), "an attempt is planned for one and not for the other");
        demand(performed == open_.end() || (!o.parked && !planned), "a port works at a call that waits");
        if (o.parked || (planned && r.paused)) continue;
        if (planned) {
            demand(r.watchdog <= o.deadline && o.deadline == b.due.at(o.call.value),
                   "nobody watches a planned attempt");
            continue;
        }
        demand(performed != open_.end() && performed->second == o.kind, "a call is open that was not performed");
        if (o.kind == call_kind::user) continue; // people have as long as the run has
        demand(r.watchdog <= o.deadline, "a deadline lies before the watchdog");
        demand(o.deadline == b.due.at(o.call.value), "a call has another deadline than its events tell");
    }
}

void play::check_state() const {
    demand(accepted_ == finished_ + state_.runs.size(), "an accepted trigger is neither open nor ended");
    demand(state_.finished_runs == finished_ && state_.last_run == accepted_, "runs are counted wrongly");
    demand(state_.runs.size() == books_.size(), "other runs are open than the events tell");
    std::size_t open = 0;
    for (const auto& [id, run] : state_.runs) {
        check_run(run);
        open += static_cast<std::size_t>(std::count_if(run.open.begin(), run.open.end(), [](const open_call& o) {
            return !o.parked && o.retry_at == instant::max();
        }));
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
