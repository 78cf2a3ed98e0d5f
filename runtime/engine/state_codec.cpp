// The engine's state as canonical JSON, for snapshots. A snapshot is a shortcut and nothing else: whatever is wrong with one,
// the journal still leads to the same state, so the reader refuses what it does not understand instead of guessing.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "aivp/base/canonical_text.hpp"
#include "aivp/engine/recovery.hpp"
#include "runtime/engine/internal/canonical_fields.hpp"

namespace aivp {

namespace {

constexpr std::int64_t state_version = 1;
/// Numbers that count something stay exact in JSON, and leave room for counting on.
constexpr std::uint64_t number_max = std::uint64_t{1} << 53;
constexpr call_kind all_call_kinds[] = {call_kind::model, call_kind::skill, call_kind::user};

const char* to_string(call_kind k) {
    return k == call_kind::model ? "model" : k == call_kind::skill ? "skill" : "user";
}

// ---- writing -----------------------------------------------------------------------------------------------------------

/// Members are written in the order of their names, which the caller sees to.
class object_writer {
public:
    explicit object_writer(std::string& out) : out_(out) { out_ += '{'; }
    ~object_writer() { out_ += '}'; }
    object_writer(const object_writer&) = delete;
    object_writer& operator=(const object_writer&) = delete;

    std::string& key(std::string_view name) {
        if (!std::exchange(first_, false)) out_ += ',';
        out_ += '"';
        out_ += name;
        out_ += "\":";
        return out_;
    }
    object_writer& number(std::string_view name, std::int64_t v) { return append_integer(key(name), v), *this; }
    object_writer& number(std::string_view name, std::uint64_t v) { return number(name, static_cast<std::int64_t>(v)); }
    object_writer& number(std::string_view name, std::uint32_t v) { return number(name, static_cast<std::int64_t>(v)); }
    object_writer& boolean(std::string_view name, bool v) { return key(name) += v ? "true" : "false", *this; }
    object_writer& value(std::string_view name, const payload& v) { return key(name) += v.text(), *this; }
    object_writer& text(std::string_view name, std::string_view v) { return append_json_string(key(name), v), *this; }
    object_writer& when(std::string_view name, instant t) {
        return t == instant::max() ? (key(name) += "null", *this) : number(name, t.us);
    }
    template <class List, class Write>
    object_writer& list(std::string_view name, const List& items, const Write& write) {
        std::string& out = key(name);
        out += '[';
        bool first = true;
        for (const auto& item : items) {
            if (!std::exchange(first, false)) out += ',';
            write(out, item);
        }
        out += ']';
        return *this;
    }

private:
    std::string& out_;
    bool first_ = true;
};

void write_open_call(std::string& out, const open_call& c) {
    object_writer o(out);
    o.value("arguments", c.arguments).text("arguments_hash", to_hex(c.arguments_hash)).number("attempt", c.attempt);
    o.number("binding", c.binding);
    o.number("call", c.call.value).when("deadline", c.deadline).text("key", to_hex(c.idempotency_key));
    o.text("kind", to_string(c.kind)).boolean("parked", c.parked).number("reserved", c.reserved.value);
    o.when("retry_at", c.retry_at).number("started_at", c.started_at.us).number("step", c.step);
}

void write_slot(std::string& out, const turn_slot& s) {
    object_writer o(out);
    o.value("content", s.content).boolean("done", s.done).boolean("ends_run", s.ends_run).boolean("failed", s.failed);
    o.number("ordinal", s.ordinal);
}

void write_response(std::string& out, const model_response& r) {
    object_writer o(out);
    o.list("calls", r.calls, [](std::string& to, const proposed_call& c) {
        object_writer(to).value("args", c.arguments).text("name", c.name);
    });
    o.value("content", r.content).text("finish", r.finish);
    object_writer(o.key("usage"))
        .number("cached_input", r.usage.cached_input)
        .number("input", r.usage.input)
        .number("output", r.usage.output)
        .boolean("reported", r.usage.reported);
}

void write_run(std::string& out, const run_state& r) {
    object_writer o(out);
    o.number("agent", r.agent.value).value("answer", r.answer).when("deadline", r.deadline);
    o.text("effect_seed", to_hex(r.effect_seed)).number("failed_steps", r.failed_steps).when("halted_at", r.halted_at);
    if (r.held) write_response(o.key("held"), *r.held);
    o.number("id", r.id.value).number("last_call", r.last_call);
    o.list("messages", r.messages.messages(), [](std::string& to, const payload& m) { to += m.text(); });
    o.number("model_turns", r.model_turns).number("named_calls", r.named_calls).number("next_step", r.next_step);
    o.list("open", r.open, write_open_call).boolean("paused", r.paused).number("repeated", r.repeated);
    o.number("repeated_binding", r.repeated_binding).text("repeated_hash", to_hex(r.repeated_hash));
    o.number("reserved", r.reserved.value);
    o.list("results", r.results, [](std::string& to, const step_result& s) {
        object_writer(to).boolean("ran", s.ran).value("value", s.value);
    });
    o.number("scheduled_for", r.scheduled_for.us);
    o.list("side_effects", r.side_effects, [](std::string& to, const side_effect& s) {
        object_writer(to).text("target", s.target).text("type", s.type);
    });
    o.number("skill_calls", r.skill_calls).list("slots", r.slots, write_slot);
    o.text("snapshot", to_hex(r.snapshot->hashes.whole)).number("spent", r.spent.value).boolean("started", r.started);
    o.number("started_at", r.started_at.us).number("tokens", r.tokens).number("trigger", r.trigger);
    o.value("trigger_body", r.trigger_body);
    o.list("unknown_writes", r.unknown_writes, [](std::string& to, const unknown_write& u) {
        object_writer(to)
            .text("arguments_hash", to_hex(u.arguments_hash))
            .number("binding", u.binding)
            .text("key", to_hex(u.idempotency_key));
    });
    o.when("watchdog", r.watchdog);
}

void write_agent(std::string& out, const agent_state& a) {
    object_writer o(out);
    o.number("active", a.active.value);
    o.list("due", a.due, [](std::string& to, instant t) {
        if (t == instant::max())
            to += "null";
        else
            append_integer(to, t.us);
    });
    o.boolean("retired", a.retired).text("snapshot", to_hex(a.snapshot->hashes.whole));
    o.list("waiting", a.waiting,
           [](std::string& to, run_id r) { append_integer(to, static_cast<std::int64_t>(r.value)); });
}

void write_account(std::string& out, const retry_account& a) {
    const retry_budget::books books = a.budget.kept();
    const retry_budget_policy& policy = a.budget.policy();
    object_writer o(out);
    o.list("balances", books.balances, [](std::string& to, std::int64_t milli) { append_integer(to, milli); });
    o.text("dependency", a.dependency).text("kind", to_string(a.kind)).number("min_per_second", policy.min_per_second);
    o.number("newest", books.newest.us).number("share_permille", policy.share_permille).number("ttl", policy.ttl.us);
}

// ---- reading -----------------------------------------------------------------------------------------------------------

class state_reader {
public:
    explicit state_reader(snapshot_source& snapshots) : snapshots_(snapshots) {}

    result<engine_state> read(std::string_view text) {
        const auto parsed = payload::parse(text);
        if (!parsed || parsed->text() != text) return fail(errc::store_snapshot, "it is no canonical JSON");
        engine_state s;
        canonical_fields f(text);
        if (f.integer("v") != state_version) return fail(errc::store_snapshot, "it has another version");
        s.journal = f.key("journal");
        s.last_run = f.count("last_run");
        s.finished_runs = f.count("finished_runs");
        for (const std::string_view item : item_texts(f.text("agents"))) read_agent(s, item);
        if (f.has("retry_accounts"))
            for (const std::string_view item : item_texts(f.text("retry_accounts"))) read_account(s, item);
        for (const std::string_view item : item_texts(f.text("runs"))) read_run(s, item);
        check(f);
        check_references(s);
        if (!fault_.empty()) return fail(errc::store_snapshot, fault_);
        return s;
    }

private:
    void check(const canonical_fields& f) {
        if (fault_.empty()) fault_ = f.fault();
    }
    void fault(std::string why) {
        if (fault_.empty()) fault_ = std::move(why);
    }
    snapshot_ptr snapshot(const digest& whole) {
        snapshot_ptr s = snapshots_.find(whole);
        if (!s) fault("the agent with snapshot " + to_hex(whole, 8) + " is not known");
        return s;
    }
    template <class Int>
    Int integer(std::string_view digits) {
        const auto value = as_integer(payload::from_canonical(std::string(digits)));
        if (!value) fault("a list holds something else than numbers");
        return static_cast<Int>(value.value_or(0));
    }

    void read_agent(engine_state& s, std::string_view object) {
        canonical_fields f(object);
        agent_state a;
        a.id = {s.agents.size() + 1};
        a.snapshot = snapshot(f.hash("snapshot"));
        a.retired = f.boolean("retired");
        a.active = {f.count("active")};
        for (const std::string_view item : item_texts(f.text("waiting")))
            a.waiting.push_back({integer<std::uint64_t>(item)});
        for (const std::string_view item : item_texts(f.text("due")))
            a.due.push_back(item == "null" ? instant::max() : instant{integer<std::int64_t>(item)});
        check(f);
        s.agents.push_back(std::move(a));
    }

    void read_account(engine_state& s, std::string_view object) {
        canonical_fields f(object);
        const retry_budget_policy policy{.share_permille = f.small("share_permille"),
                                         .min_per_second = f.small("min_per_second"),
                                         .ttl = {f.integer("ttl")}};
        retry_budget::books books{.newest = {f.integer("newest")}};
        const auto balances = item_texts(f.text("balances"));
        const std::string dependency = f.string("dependency");
        const call_kind kind = read_kind(f);
        check(f);
        if (!fault_.empty()) return;
        if (balances.size() != books.balances.size() || kind == call_kind::user || !aivp::check(policy))
            return fault("a retry budget is out of range");
        std::transform(balances.begin(), balances.end(), books.balances.begin(),
                       [this](std::string_view milli) { return integer<std::int64_t>(milli); });
        for (const retry_account& a : s.retry_accounts)
            if (a.kind == kind && a.dependency == dependency && a.budget.policy() == policy)
                fault("a retry budget stands there twice");
        s.retry_accounts.push_back({kind, dependency, retry_budget(policy, books)});
    }

    void read_run(engine_state& s, std::string_view object) {
        canonical_fields f(object);
        run_state r;
        r.id = {f.count("id")};
        r.agent = {f.count("agent")};
        r.trigger = f.small("trigger");
        r.snapshot = snapshot(f.hash("snapshot"));
        r.effect_seed = f.key("effect_seed");
        r.trigger_body = f.value("trigger_body");
        r.scheduled_for = {f.integer("scheduled_for")};
        r.started_at = {f.integer("started_at")};
        r.deadline = f.when("deadline");
        r.started = f.boolean("started");
        r.paused = f.boolean("paused");
        r.halted_at = f.when("halted_at");
        r.watchdog = f.when("watchdog");
        read_counters(r, f);
        read_lists(r, f);
        if (f.has("held")) r.held = read_model_response(f.text("held"), fault_);
        check(f);
        const run_id id = r.id;
        if (!s.runs.emplace(id, std::move(r)).second) fault("a run stands there twice");
    }

    void read_counters(run_state& r, canonical_fields& f) {
        r.last_call = f.count("last_call");
        r.skill_calls = f.small("skill_calls");
        r.model_turns = f.small("model_turns");
        r.tokens = f.integer("tokens");
        r.spent = {f.integer("spent")};
        r.reserved = {f.integer("reserved")};
        r.named_calls = f.count("named_calls");
        r.answer = f.value("answer");
        r.next_step = f.small("next_step");
        r.failed_steps = f.small("failed_steps");
        r.repeated = f.small("repeated");
        r.repeated_binding = f.small("repeated_binding");
        r.repeated_hash = f.hash("repeated_hash");
    }

    void read_lists(run_state& r, canonical_fields& f) {
        for (const std::string_view item : item_texts(f.text("messages")))
            r.messages = r.messages.appended(payload::from_canonical(std::string(item)));
        for (const std::string_view item : item_texts(f.text("open"))) r.open.push_back(read_open_call(item));
        for (const std::string_view item : item_texts(f.text("slots"))) {
            canonical_fields s(item);
            r.slots.push_back({s.count("ordinal"), s.boolean("done"), s.boolean("failed"), s.boolean("ends_run"),
                               s.value("content")});
            check(s);
        }
        for (const std::string_view item : item_texts(f.text("results"))) {
            canonical_fields s(item);
            r.results.push_back({s.boolean("ran"), s.value("value")});
            check(s);
        }
        for (const std::string_view item : item_texts(f.text("side_effects"))) {
            canonical_fields s(item);
            r.side_effects.push_back({s.string("type"), s.string("target")});
            check(s);
        }
        for (const std::string_view item : item_texts(f.text("unknown_writes"))) {
            canonical_fields s(item);
            r.unknown_writes.push_back({s.small("binding"), s.hash("arguments_hash"), s.key("key")});
            check(s);
        }
    }

    open_call read_open_call(std::string_view object) {
        canonical_fields f(object);
        open_call c{.call = f.call(),
                    .step = f.small("step"),
                    .binding = f.small("binding"),
                    .reserved = {f.integer("reserved")},
                    .started_at = {f.integer("started_at")},
                    .deadline = f.when("deadline"),
                    .arguments = f.value("arguments"),
                    .arguments_hash = f.hash("arguments_hash"),
                    .idempotency_key = f.key("key"),
                    .parked = f.boolean("parked"),
                    .attempt = f.small("attempt"),
                    .retry_at = f.when("retry_at")};
        c.kind = read_kind(f);
        check(f);
        return c;
    }

    static call_kind read_kind(canonical_fields& f) {
        const std::string kind = f.string("kind");
        for (const call_kind k : all_call_kinds)
            if (kind == to_string(k)) return k;
        f.wrong("kind");
        return call_kind::skill;
    }

    /// The engine indexes with what stands in a state: none of it may point outside.
    void check_references(const engine_state& s) {
        if (!fault_.empty()) return;
        // Every run stands in just one place: it is its agent's active one, or waits for it.
        std::size_t placed = 0;
        for (const agent_state& a : s.agents) {
            if (a.due.size() != a.snapshot->triggers.size()) fault("an agent's triggers do not fit its snapshot");
            std::vector<run_id> runs(a.waiting.begin(), a.waiting.end());
            if (a.active) runs.push_back(a.active);
            placed += runs.size();
            std::sort(runs.begin(), runs.end());
            if (std::adjacent_find(runs.begin(), runs.end()) != runs.end()) fault("a run stands in a queue twice");
            for (const run_id id : runs) {
                const run_state* r = s.find(id);
                if (!r || r->agent != a.id) fault("an agent's run does not exist, or is another agent's");
                if (r && r->started != (id == a.active)) fault("a run that waits has begun, or the active one has not");
            }
        }
        if (placed != s.runs.size()) fault("a run stands in no queue");
        if (s.last_run > number_max || (!s.runs.empty() && s.runs.rbegin()->first.value > s.last_run))
            fault("a run has a number that was not given yet");
        for (const auto& [id, r] : s.runs) check_run(s, r);
    }
    void check_run(const engine_state& s, const run_state& r) {
        if (r.agent.value < 1 || r.agent.value > s.agents.size()) fault("a run's agent does not exist");
        const auto* steps = std::get_if<steps_brain>(&r.snapshot->brain);
        const std::size_t places = steps ? steps->steps.size() : r.slots.size();
        if (steps && r.started && (r.results.size() != places || r.next_step > places || !r.slots.empty()))
            fault("a run's steps do not fit its snapshot");
        if (r.held && (steps || !r.paused || r.held->calls.size() != r.slots.size()))
            fault("a turn that is held does not fit");
        if (r.last_call > number_max || r.named_calls > number_max || r.spent.value < 0 || r.tokens < 0)
            fault("a counter is out of range");
        std::int64_t reserved = 0;
        std::uint64_t last_call = 0;
        for (const open_call& c : r.open) {
            if (c.call.value <= std::exchange(last_call, c.call.value) || c.call.value > r.last_call)
                fault("calls are not open in their order");
            if (c.parked && c.kind != call_kind::skill) fault("a call is parked that is no skill call");
            if (__builtin_add_overflow(reserved, c.reserved.value, &reserved) || c.reserved.value < 0)
                fault("a reservation is out of range");
            if (c.kind == call_kind::skill && (c.binding >= r.snapshot->bindings.size() || c.step >= places))
                fault("an open call does not fit its snapshot");
            if (c.kind != call_kind::skill && steps) fault("a run of a steps agent waits for a model");
        }
        if (reserved != r.reserved.value) fault("the reservations do not add up");
        for (const unknown_write& u : r.unknown_writes)
            if (u.binding >= r.snapshot->bindings.size()) fault("an unknown write does not fit its snapshot");
    }

    snapshot_source& snapshots_;
    std::string fault_;
};

} // namespace

std::string encode_state(const engine_state& state) {
    std::string out;
    {
        object_writer o(out);
        o.list("agents", state.agents, write_agent).number("finished_runs", state.finished_runs);
        o.text("journal", to_hex(state.journal)).number("last_run", state.last_run);
        if (!state.retry_accounts.empty()) o.list("retry_accounts", state.retry_accounts, write_account);
        o.list("runs", state.runs, [](std::string& to, const auto& entry) { write_run(to, entry.second); });
        o.number("v", state_version);
    }
    return out;
}

result<engine_state> decode_state(std::string_view text, snapshot_source& snapshots) {
    return state_reader(snapshots).read(text);
}

} // namespace aivp
