// One line of canonical JSON for each step. Keys of every object are written in sorted order by hand: this is the hot
// path of the whole engine, and a general writer would sort what is known to be sorted. What can be told from the rest of
// the line, or from the intent that a line settles, is not written: journal_reader.cpp fills it in.
#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "aivp/engine/engine.hpp"

namespace aivp {

namespace {

/// Writes into the string's own memory and looks after its size once in a while instead of at every character. Members are
/// written with a comma before each; `open` remembers where the object began, and `close` makes a brace of its first comma.
class line_writer {
public:
    line_writer(std::string& out, run_id correlation) : out_(out), used_(out.size()), correlation_(correlation) {
        grow(1024);
    }
    line_writer(const line_writer&) = delete;
    line_writer& operator=(const line_writer&) = delete;
    ~line_writer() { out_.resize(used_ + written()); }

    /// Literals are copied with their size known to the compiler: there are two dozen in a line.
    template <std::size_t N>
    line_writer& raw(const char (&literal)[N]) {
        need(N - 1);
        std::memcpy(at_, literal, N - 1);
        at_ += N - 1;
        return *this;
    }
    line_writer& copy(std::string_view s) {
        need(s.size());
        std::memcpy(at_, s.data(), s.size());
        at_ += s.size();
        return *this;
    }
    std::size_t open() const { return written(); }
    line_writer& close(std::size_t opened) {
        begin_[opened] = '{';
        return raw("}");
    }
    line_writer& number(std::int64_t v) {
        need(20);
        if (v < 0) *at_++ = '-';
        write_number(v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v));
        return *this;
    }
    line_writer& number(std::uint64_t v) { return number(static_cast<std::int64_t>(v)); }
    line_writer& number(std::uint32_t v) { return number(static_cast<std::int64_t>(v)); }
    line_writer& text(std::string_view s) {
        if (is_plain(s)) return raw("\"").copy(s).raw("\"");
        std::string escaped;
        append_json_string(escaped, s);
        return copy(escaped);
    }
    line_writer& boolean(bool b) { return b ? raw("true") : raw("false"); }
    line_writer& hex(const digest& d) { return hex_bytes(d.bytes.data(), d.bytes.size()); }
    line_writer& hex(const effect_key& k) { return hex_bytes(k.bytes.data(), k.bytes.size()); }
    /// "max" instants stand for never.
    line_writer& when(instant t) { return t == instant::max() ? raw("null") : number(t.us); }
    line_writer& word(std::string_view w) { return raw("\"").copy(w).raw("\""); }
    line_writer& code(errc c) { return word(info(c).name); }

    // Members that are left out when they say nothing: the line is hashed for every input, and half of it would be zeros.
    template <std::size_t N>
    line_writer& unless_ok(const char (&name)[N], errc c) {
        return c == errc::ok ? *this : raw(name).code(c);
    }
    template <std::size_t N>
    line_writer& unless_ok(const char (&name)[N], effect_outcome o) {
        return o == effect_outcome::ok ? *this : raw(name).word(to_string(o));
    }
    template <std::size_t N>
    line_writer& unless_empty(const char (&name)[N], std::string_view s) {
        return s.empty() ? *this : raw(name).text(s);
    }
    template <std::size_t N>
    line_writer& unless_zero(const char (&name)[N], std::int64_t v) {
        return v == 0 ? *this : raw(name).number(v);
    }
    line_writer& unless_none(retry_stop s) {
        return s == retry_stop::none ? *this : raw(",\"not_retried\":").word(to_string(s));
    }
    /// Nearly always the run that the record is about.
    line_writer& run(run_id r) { return r == correlation_ ? *this : raw(",\"run\":").number(r.value); }

private:
    static constexpr char two_digits[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";

    static bool is_plain(std::string_view s) {
        for (const char c : s)
            if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f || c == '"' || c == '\\')
                return false;
        return true;
    }
    static void put_pair(char* to, std::uint32_t below_100) { std::memcpy(to, two_digits + 2 * below_100, 2); }
    /// Eight digits in pairs that do not wait for each other; an instant in microseconds is two of these.
    void put_8(std::uint32_t v) {
        const std::uint32_t high = v / 10'000;
        const std::uint32_t low = v % 10'000;
        put_pair(at_, high / 100);
        put_pair(at_ + 2, high % 100);
        put_pair(at_ + 4, low / 100);
        put_pair(at_ + 6, low % 100);
        at_ += 8;
    }
    void write_number(std::uint64_t v) {
        if (v >= 100'000'000) {
            write_number(v / 100'000'000);
            put_8(static_cast<std::uint32_t>(v % 100'000'000));
            return;
        }
        auto rest = static_cast<std::uint32_t>(v);
        const std::uint32_t length = rest < 10          ? 1
                                     : rest < 100       ? 2
                                     : rest < 1'000     ? 3
                                     : rest < 10'000    ? 4
                                     : rest < 100'000   ? 5
                                     : rest < 1'000'000 ? 6
                                                        : 7 + (rest >= 10'000'000);
        char* to = at_ + length;
        for (; rest >= 100; rest /= 100) put_pair(to -= 2, rest % 100);
        if (rest >= 10)
            put_pair(to - 2, rest);
        else
            to[-1] = static_cast<char>('0' + rest);
        at_ += length;
    }
    line_writer& hex_bytes(const std::uint8_t* bytes, std::size_t n) {
        static constexpr char digits[] = "0123456789abcdef";
        need(2 * n + 2);
        *at_++ = '"';
        for (std::size_t i = 0; i < n; ++i) {
            *at_++ = digits[bytes[i] >> 4];
            *at_++ = digits[bytes[i] & 15];
        }
        *at_++ = '"';
        return *this;
    }
    std::size_t written() const { return static_cast<std::size_t>(at_ - begin_); }
    void need(std::size_t n) {
        if (static_cast<std::size_t>(end_ - at_) < n) [[unlikely]]
            grow(n);
    }
    void grow(std::size_t n) {
        const std::size_t so_far = used_ + written();
        out_.resize(so_far + std::max(n, out_.size() - used_));
        begin_ = out_.data() + used_;
        at_ = out_.data() + so_far;
        end_ = out_.data() + out_.size();
    }

    std::string& out_;
    std::size_t used_; ///< what stood in the string before
    run_id correlation_;
    char* begin_ = nullptr;
    char* at_ = nullptr;
    char* end_ = nullptr;
};

using w = line_writer;

// ---- events ------------------------------------------------------------------------------------------------------------

void write(w& o, const agent_activated& e) {
    const snapshot_hashes& h = e.snapshot->hashes;
    o.raw(",\"agent\":").number(e.agent.value).raw(",\"id\":").text(e.snapshot->id);
    o.raw(",\"snapshot\":{\"agent\":").hex(h.agent).raw(",\"policy\":").hex(h.policy);
    o.raw(",\"prompts\":").hex(h.prompts).raw(",\"skills\":").hex(h.skills);
    o.raw(",\"whole\":").hex(h.whole).raw("},\"type\":\"agent_activated\"");
}

void write(w& o, const agent_retired& e) {
    o.raw(",\"agent\":").number(e.agent.value).raw(",\"type\":\"agent_retired\"");
}

void write(w& o, const trigger_armed& e) {
    o.raw(",\"agent\":").number(e.agent.value).raw(",\"due\":").when(e.due).raw(",\"trigger\":").number(e.trigger);
    o.raw(",\"type\":\"trigger_armed\"");
}

void write(w& o, const trigger_accepted& e) {
    o.raw(",\"agent\":").number(e.agent.value).raw(",\"body\":").copy(e.body.text()).run(e.run);
    o.raw(",\"scheduled_for\":").number(e.scheduled_for.us).raw(",\"trigger\":").number(e.trigger);
    o.raw(",\"type\":\"trigger_accepted\",\"waits\":").boolean(e.waits);
}

void write(w& o, const trigger_refused& e) {
    o.raw(",\"agent\":").number(e.agent.value).raw(",\"code\":").code(e.code).raw(",\"count\":").number(e.count);
    o.raw(",\"reason\":").text(e.reason).raw(",\"scheduled_for\":").number(e.scheduled_for.us);
    o.raw(",\"trigger\":").number(e.trigger).raw(",\"type\":\"trigger_refused\"");
}

void write(w& o, const run_started& e) { o.run(e.run).raw(",\"type\":\"run_started\""); }

void write(w& o, const model_requested& e) {
    o.raw(",\"call\":").number(e.call.value).raw(",\"deadline\":").number(e.deadline.us).raw(",\"key\":").hex(e.key);
    o.unless_zero(",\"reserved\":", e.reserved.value).run(e.run).raw(",\"type\":\"model_requested\"");
}

void write(w& o, const model_response& r) {
    o.raw("{\"calls\":[");
    bool first = true;
    for (const proposed_call& c : r.calls) {
        if (!first) o.raw(",");
        first = false;
        o.raw("{\"args\":").copy(c.arguments.text()).raw(",\"name\":").text(c.name).raw("}");
    }
    o.raw("],\"content\":").copy(r.content.text()).raw(",\"finish\":").text(r.finish);
    o.raw(",\"usage\":{\"cached_input\":").number(r.usage.cached_input).raw(",\"input\":").number(r.usage.input);
    o.raw(",\"output\":").number(r.usage.output).raw(",\"reported\":").boolean(r.usage.reported).raw("}}");
}

void write(w& o, const model_settled& e) {
    o.raw(",\"call\":").number(e.call.value).unless_ok(",\"code\":", e.code).unless_zero(",\"cost\":", e.cost.value);
    o.unless_empty(",\"message\":", e.message).unless_none(e.not_retried).unless_ok(",\"outcome\":", e.outcome);
    if (e.response) {
        o.raw(",\"response\":");
        write(o, *e.response);
    }
    o.run(e.run).raw(",\"type\":\"model_settled\"");
}

void write(w& o, const call_refused& e) {
    o.raw(",\"arguments_hash\":").hex(e.arguments_hash).raw(",\"as\":").text(e.as);
    o.raw(",\"call\":").number(e.call.value).raw(",\"code\":").code(e.why->code);
    o.raw(",\"decided_by\":").text(e.why->decided_by).raw(",\"help\":").text(e.why->help);
    o.raw(",\"message\":").text(e.why->message).run(e.run);
    o.raw(",\"stage\":").word(to_string(e.why->stage)).raw(",\"step\":").number(e.step);
    o.raw(",\"type\":\"call_refused\"");
}

void write(w& o, const call_intended& e) {
    o.raw(",\"arguments\":").copy(e.arguments.text());
    // Where nothing was redacted the hash can be computed from what stands there.
    if (e.arguments_hash != e.arguments.hash()) o.raw(",\"arguments_hash\":").hex(e.arguments_hash);
    o.raw(",\"binding\":").number(e.binding).raw(",\"call\":").number(e.call.value);
    o.raw(",\"deadline\":").number(e.deadline.us).raw(",\"key\":").hex(e.idempotency_key);
    o.unless_zero(",\"reserved\":", e.reserved.value).run(e.run).raw(",\"step\":").number(e.step);
    o.raw(",\"type\":\"call_intended\"");
}

/// Step and binding stand in the intent.
void write(w& o, const call_settled& e) {
    o.raw(",\"call\":").number(e.call.value).unless_ok(",\"code\":", e.code).unless_zero(",\"cost\":", e.cost.value);
    o.unless_empty(",\"message\":", e.message).unless_none(e.not_retried).unless_ok(",\"outcome\":", e.outcome);
    o.raw(",\"result\":").copy(e.result.text()).run(e.run).raw(",\"type\":\"call_settled\"");
}

void write(w& o, const step_finished& e) {
    o.unless_ok(",\"code\":", e.code).unless_empty(",\"message\":", e.message).run(e.run);
    if (e.status != outcome_status::success) o.raw(",\"status\":").word(to_string(e.status));
    o.raw(",\"step\":").number(e.step).raw(",\"type\":\"step_finished\"");
}

void write(w& o, const turn_completed& e) { o.run(e.run).raw(",\"type\":\"turn_completed\""); }

void write(w& o, const user_asked& e) {
    o.raw(",\"call\":").number(e.call.value).run(e.run).raw(",\"text\":").copy(e.text.text());
    o.raw(",\"type\":\"user_asked\"");
}

void write(w& o, const user_answered& e) {
    o.raw(",\"call\":").number(e.call.value).raw(",\"ended\":").boolean(e.ended);
    o.raw(",\"message\":").copy(e.message.text()).run(e.run).raw(",\"type\":\"user_answered\"");
}

void write(w& o, const timer_armed& e) { o.raw(",\"due\":").when(e.due).run(e.run).raw(",\"type\":\"timer_armed\""); }

void write(w& o, const completion_ignored& e) {
    o.raw(",\"call\":").number(e.call.value).raw(",\"reason\":").text(e.reason).run(e.run);
    o.raw(",\"type\":\"completion_ignored\"");
}

void write(w& o, const run_finished& e) {
    const structured_outcome& s = *e.outcome;
    o.raw(",\"abstained\":").boolean(s.abstained).raw(",\"code\":").code(s.code);
    o.raw(",\"cost\":").number(s.cost.value).raw(",\"details\":").copy(s.details.text());
    o.raw(",\"latency\":").number(s.latency.us).raw(",\"message\":").text(s.message).run(e.run);
    o.raw(",\"side_effects\":[");
    bool first = true;
    for (const side_effect& x : s.side_effects) {
        if (!first) o.raw(",");
        first = false;
        o.raw("{\"target\":").text(x.target).raw(",\"type\":").text(x.type).raw("}");
    }
    o.raw("],\"status\":").word(to_string(s.status)).raw(",\"type\":\"run_finished\"");
}

void write(w& o, const journal_opened& e) { o.raw(",\"name\":").hex(e.name).raw(",\"type\":\"journal_opened\""); }

void write(w& o, const recovered& e) {
    o.raw(",\"parked\":").number(e.parked).raw(",\"resent\":").number(e.resent).raw(",\"type\":\"recovered\"");
}

void write(w& o, const time_lost& e) { o.raw(",\"by\":").number(e.by.us).raw(",\"type\":\"time_lost\""); }

void write(w& o, const call_parked& e) {
    o.raw(",\"call\":").number(e.call.value).raw(",\"code\":").code(e.code).raw(",\"message\":").text(e.message);
    o.run(e.run).raw(",\"type\":\"call_parked\"");
}

void write(w& o, const call_resent& e) {
    o.raw(",\"call\":").number(e.call.value).raw(",\"deadline\":").number(e.deadline.us);
    o.unless_zero(",\"lost\":", e.lost.value).run(e.run).raw(",\"type\":\"call_resent\"");
}

void write(w& o, const call_retry_planned& e) {
    o.raw(",\"attempt\":").number(e.attempt).raw(",\"call\":").number(e.call.value).unless_ok(",\"code\":", e.code);
    o.raw(",\"due\":").number(e.due.us).unless_zero(",\"lost\":", e.lost.value);
    o.unless_empty(",\"message\":", e.message);
    if (e.outcome != effect_outcome::failed) o.raw(",\"outcome\":").word(to_string(e.outcome));
    o.run(e.run).raw(",\"type\":\"call_retry_planned\"");
}

void write(w& o, const run_paused& e) {
    o.unless_empty(",\"reason\":", e.reason).run(e.run).raw(",\"type\":\"run_paused\"");
}

void write(w& o, const run_resumed& e) { o.run(e.run).raw(",\"type\":\"run_resumed\""); }

// ---- inputs ------------------------------------------------------------------------------------------------------------
// What the events repeat in full is only named here. A raw result may hold a secret that the events show redacted, so it is
// never written from the input. A completion is about the call that an event of the record names.

void write(w& o, const activate_agent& in) {
    o.raw(",\"id\":").text(in.snapshot->id).raw(",\"type\":\"activate_agent\"");
}

void write(w& o, const retire_agent& in) {
    o.raw(",\"agent\":").number(in.agent.value).raw(",\"type\":\"retire_agent\"");
}

void write(w& o, const start_run& in) {
    o.raw(",\"agent\":").number(in.agent.value).raw(",\"body\":").copy(in.body.text()).raw(",\"type\":\"start_run\"");
}

void write(w& o, const publish_event& in) {
    o.raw(",\"body\":").copy(in.body.text()).raw(",\"event\":").text(in.type).raw(",\"type\":\"publish_event\"");
}

void write(w& o, const timer_elapsed& in) {
    o.raw(",\"ordinal\":").number(in.key.ordinal).raw(",\"owner\":").number(in.key.owner);
    if (in.key.what == timer_key::kind::run)
        o.raw(",\"timer\":\"run\",\"type\":\"timer_elapsed\"");
    else
        o.raw(",\"timer\":\"trigger\",\"type\":\"timer_elapsed\"");
}

void write(w& o, const model_completion&) { o.raw(",\"type\":\"model_completed\""); }
void write(w& o, const skill_completion&) { o.raw(",\"type\":\"skill_completed\""); }
void write(w& o, const user_completion&) { o.raw(",\"type\":\"user_replied\""); }

void write(w& o, const cancel_run& in) {
    o.raw(",\"reason\":").text(in.reason).run(in.run).raw(",\"type\":\"cancel_run\"");
}

void write(w& o, const open_journal&) { o.raw(",\"type\":\"open_journal\""); }
void write(w& o, const recover& in) { o.raw(",\"away\":").number(in.away.us).raw(",\"type\":\"recover\""); }
void write(w& o, const wake& in) { o.raw(",\"slept\":").number(in.slept.us).raw(",\"type\":\"wake\""); }
void write(w& o, const pause_run& in) { o.run(in.run).raw(",\"type\":\"pause_run\""); }
void write(w& o, const resume_run& in) { o.run(in.run).raw(",\"type\":\"resume_run\""); }

void write(w& o, const resolve_call& in) {
    o.raw(",\"call\":").number(in.ref.call.value).raw(",\"finding\":").word(to_string(in.finding));
    o.unless_empty(",\"note\":", in.note).run(in.ref.run).raw(",\"type\":\"resolve_call\"");
}

template <class Variant>
void write_object(w& o, const Variant& v) {
    const std::size_t opened = o.open();
    std::visit([&o](const auto& x) { write(o, x); }, v);
    o.close(opened);
}

} // namespace

input_source natural_source(const engine_input& body) {
    return std::visit(
        [](const auto& in) {
            using input_type = std::decay_t<decltype(in)>;
            if constexpr (std::is_same_v<input_type, model_completion>)
                return input_source::model;
            else if constexpr (std::is_same_v<input_type, skill_completion>)
                return input_source::connector;
            else if constexpr (std::is_same_v<input_type, user_completion>)
                return input_source::user;
            else if constexpr (std::is_same_v<input_type, publish_event>)
                return input_source::event_bus;
            else if constexpr (std::is_same_v<input_type, timer_elapsed>)
                return in.key.what == timer_key::kind::run ? input_source::timer : input_source::schedule;
            else
                return input_source::host;
        },
        body);
}

namespace {

/// Most records are these: an answer came, and the first event says which call it settled.
bool tells_its_input(const engine_input& body, const std::vector<engine_event>& events) {
    if (events.empty()) return false;
    if (std::holds_alternative<skill_completion>(body)) return std::holds_alternative<call_settled>(events.front());
    if (std::holds_alternative<model_completion>(body)) return std::holds_alternative<model_settled>(events.front());
    if (std::holds_alternative<user_completion>(body)) return std::holds_alternative<user_answered>(events.front());
    return false;
}

} // namespace

void append_journal_line(std::string& out, const input_envelope& input, const decision& d) {
    line_writer o(out, input.correlation);
    o.raw("{\"at\":").number(input.at.us);
    o.unless_zero(",\"causation\":", static_cast<std::int64_t>(input.causation.value));
    o.unless_zero(",\"correlation\":", static_cast<std::int64_t>(input.correlation.value));
    o.raw(",\"events\":[");
    bool first = true;
    for (const engine_event& event : d.events) {
        if (!first) o.raw(",");
        first = false;
        write_object(o, event);
    }
    o.raw("]");
    if (!tells_its_input(input.body, d.events)) {
        o.raw(",\"input\":");
        write_object(o, input.body);
    }
    o.raw(",\"seq\":").number(input.seq.value);
    if (input.source != natural_source(input.body)) o.raw(",\"source\":").word(to_string(input.source));
    o.raw("}");
}

} // namespace aivp
