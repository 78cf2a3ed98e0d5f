// One line of canonical JSON for each step. Keys of every object are written in sorted order by hand: this is the hot
// path of the whole engine, and a general writer would sort what is known to be sorted.
#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "aivp/engine/engine.hpp"

namespace aivp {

namespace {

/// Writes into the string's own memory and looks after its size once in a while instead of at every character.
class line_writer {
public:
    explicit line_writer(std::string& out) : out_(out), used_(out.size()) { grow(1024); }
    line_writer(const line_writer&) = delete;
    line_writer& operator=(const line_writer&) = delete;
    ~line_writer() { out_.resize(used_ + static_cast<std::size_t>(at_ - begin_)); }

    line_writer& raw(std::string_view s) {
        need(s.size());
        std::memcpy(at_, s.data(), s.size());
        at_ += s.size();
        return *this;
    }
    line_writer& number(std::int64_t v) {
        need(20);
        auto rest = static_cast<std::uint64_t>(v);
        if (v < 0) {
            *at_++ = '-';
            rest = 0 - rest;
        }
        if (rest < 10) {
            *at_++ = static_cast<char>('0' + rest);
            return *this;
        }
        // Two digits at a time from the end; a dozen numbers stand in every line, and std::to_chars measures each first.
        char digits[20];
        char* first = digits + sizeof digits;
        for (; rest >= 100; rest /= 100) {
            first -= 2;
            std::memcpy(first, two_digits + 2 * (rest % 100), 2);
        }
        if (rest >= 10) {
            first -= 2;
            std::memcpy(first, two_digits + 2 * rest, 2);
        } else {
            *--first = static_cast<char>('0' + rest);
        }
        const auto length = static_cast<std::size_t>(digits + sizeof digits - first);
        std::memcpy(at_, first, length);
        at_ += length;
        return *this;
    }
    line_writer& number(std::uint64_t v) { return number(static_cast<std::int64_t>(v)); }
    line_writer& number(std::uint32_t v) { return number(static_cast<std::int64_t>(v)); }
    line_writer& text(std::string_view s) {
        if (is_plain(s)) return raw("\"").raw(s).raw("\"");
        std::string escaped;
        append_json_string(escaped, s);
        return raw(escaped);
    }
    line_writer& hex(const digest& d) { return hex_bytes(d, 32); }
    /// The first 128 bits: enough to name an effect, and half the bytes to hash.
    line_writer& key(const digest& d) { return hex_bytes(d, 16); }
    /// "max" instants stand for never.
    line_writer& when(instant t) { return t == instant::max() ? raw("null") : number(t.us); }
    line_writer& code(errc c) { return raw("\"").raw(info(c).name).raw("\""); }

    // Members that are left out when they say nothing: the line is hashed for every input, and half of it would be zeros.
    // Each begins its name with a comma, so none may be the first of its object.
    line_writer& unless_ok(std::string_view name, errc c) { return c == errc::ok ? *this : raw(name).code(c); }
    line_writer& unless_empty(std::string_view name, std::string_view s) {
        return s.empty() ? *this : raw(name).text(s);
    }
    line_writer& unless_zero(std::string_view name, std::int64_t v) { return v == 0 ? *this : raw(name).number(v); }

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
    line_writer& hex_bytes(const digest& d, std::size_t bytes) {
        static constexpr char digits[] = "0123456789abcdef";
        need(2 * bytes + 2);
        *at_++ = '"';
        for (std::size_t i = 0; i < bytes; ++i) {
            *at_++ = digits[d.bytes[i] >> 4];
            *at_++ = digits[d.bytes[i] & 15];
        }
        *at_++ = '"';
        return *this;
    }
    void need(std::size_t n) {
        if (static_cast<std::size_t>(end_ - at_) < n) [[unlikely]]
            grow(n);
    }
    void grow(std::size_t n) {
        const std::size_t written = used_ + static_cast<std::size_t>(at_ - begin_);
        out_.resize(written + std::max(n, out_.size() - used_));
        begin_ = out_.data() + used_;
        at_ = out_.data() + written;
        end_ = out_.data() + out_.size();
    }

    std::string& out_;
    std::size_t used_; ///< what stood in the string before
    char* begin_ = nullptr;
    char* at_ = nullptr;
    char* end_ = nullptr;
};

using w = line_writer;

void write(w& o, const agent_activated& e) {
    const snapshot_hashes& h = e.snapshot->hashes;
    o.raw("{\"agent\":").number(e.agent.value).raw(",\"id\":").text(e.snapshot->id);
    o.raw(",\"snapshot\":{\"agent\":")
        .hex(h.agent)
        .raw(",\"policy\":")
        .hex(h.policy)
        .raw(",\"prompts\":")
        .hex(h.prompts);
    o.raw(",\"skills\":").hex(h.skills).raw(",\"whole\":").hex(h.whole).raw("},\"type\":\"agent_activated\"}");
}

void write(w& o, const agent_retired& e) {
    o.raw("{\"agent\":").number(e.agent.value).raw(",\"type\":\"agent_retired\"}");
}

void write(w& o, const trigger_armed& e) {
    o.raw("{\"agent\":").number(e.agent.value).raw(",\"due\":").when(e.due).raw(",\"trigger\":").number(e.trigger);
    o.raw(",\"type\":\"trigger_armed\"}");
}

void write(w& o, const trigger_accepted& e) {
    o.raw("{\"agent\":")
        .number(e.agent.value)
        .raw(",\"body\":")
        .raw(e.body.text())
        .raw(",\"run\":")
        .number(e.run.value);
    o.raw(",\"scheduled_for\":").number(e.scheduled_for.us).raw(",\"trigger\":").number(e.trigger);
    o.raw(",\"type\":\"trigger_accepted\",\"waits\":").raw(e.waits ? "true}" : "false}");
}

void write(w& o, const trigger_refused& e) {
    o.raw("{\"agent\":").number(e.agent.value).raw(",\"code\":").code(e.code).raw(",\"count\":").number(e.count);
    o.raw(",\"reason\":").text(e.reason).raw(",\"scheduled_for\":").number(e.scheduled_for.us);
    o.raw(",\"trigger\":").number(e.trigger).raw(",\"type\":\"trigger_refused\"}");
}

void write(w& o, const run_started& e) { o.raw("{\"run\":").number(e.run.value).raw(",\"type\":\"run_started\"}"); }

void write(w& o, const model_requested& e) {
    o.raw("{\"call\":").number(e.call.value).raw(",\"deadline\":").number(e.deadline.us).raw(",\"key\":").hex(e.key);
    o.unless_zero(",\"reserved\":", e.reserved.value).raw(",\"run\":").number(e.run.value);
    o.raw(",\"type\":\"model_requested\"}");
}

void write(w& o, const model_response& r) {
    o.raw("{\"calls\":[");
    bool first = true;
    for (const proposed_call& c : r.calls) {
        if (!first) o.raw(",");
        first = false;
        o.raw("{\"args\":").raw(c.arguments.text()).raw(",\"name\":").text(c.name).raw("}");
    }
    o.raw("],\"content\":").raw(r.content.text()).raw(",\"finish\":").text(r.finish);
    o.raw(",\"usage\":{\"cached_input\":").number(r.usage.cached_input).raw(",\"input\":").number(r.usage.input);
    o.raw(",\"output\":").number(r.usage.output).raw(",\"reported\":").raw(r.usage.reported ? "true}}" : "false}}");
}

void write(w& o, const model_settled& e) {
    o.raw("{\"call\":").number(e.call.value).unless_ok(",\"code\":", e.code).unless_zero(",\"cost\":", e.cost.value);
    o.unless_empty(",\"message\":", e.message).raw(",\"outcome\":\"").raw(to_string(e.outcome)).raw("\"");
    if (e.response) {
        o.raw(",\"response\":");
        write(o, *e.response);
    }
    o.raw(",\"run\":").number(e.run.value).raw(",\"type\":\"model_settled\"}");
}

void write(w& o, const call_refused& e) {
    o.raw("{\"arguments_hash\":")
        .hex(e.arguments_hash)
        .raw(",\"as\":")
        .text(e.as)
        .raw(",\"call\":")
        .number(e.call.value);
    o.raw(",\"code\":")
        .code(e.why->code)
        .raw(",\"decided_by\":")
        .text(e.why->decided_by)
        .raw(",\"help\":")
        .text(e.why->help);
    o.raw(",\"message\":").text(e.why->message).raw(",\"run\":").number(e.run.value);
    o.raw(",\"stage\":\"").raw(to_string(e.why->stage)).raw("\",\"step\":").number(e.step);
    o.raw(",\"type\":\"call_refused\"}");
}

void write(w& o, const call_intended& e) {
    o.raw("{\"arguments\":").raw(e.arguments.text());
    // Where nothing was redacted the hash can be computed from what stands there.
    if (e.arguments_hash != e.arguments.hash()) o.raw(",\"arguments_hash\":").hex(e.arguments_hash);
    o.raw(",\"binding\":").number(e.binding).raw(",\"call\":").number(e.call.value);
    o.raw(",\"deadline\":").number(e.deadline.us).raw(",\"key\":").key(e.idempotency_key);
    o.unless_zero(",\"reserved\":", e.reserved.value)
        .raw(",\"run\":")
        .number(e.run.value)
        .raw(",\"step\":")
        .number(e.step);
    o.raw(",\"type\":\"call_intended\"}");
}

void write(w& o, const call_settled& e) {
    o.raw("{\"binding\":").number(e.binding).raw(",\"call\":").number(e.call.value).unless_ok(",\"code\":", e.code);
    o.unless_zero(",\"cost\":", e.cost.value).unless_empty(",\"message\":", e.message);
    o.raw(",\"outcome\":\"").raw(to_string(e.outcome)).raw("\",\"result\":").raw(e.result.text());
    o.raw(",\"run\":").number(e.run.value).raw(",\"step\":").number(e.step).raw(",\"type\":\"call_settled\"}");
}

void write(w& o, const step_finished& e) {
    if (e.code == errc::ok && e.message.empty()) {
        o.raw("{\"run\":");
    } else {
        o.raw("{\"code\":").code(e.code).unless_empty(",\"message\":", e.message).raw(",\"run\":");
    }
    o.number(e.run.value).raw(",\"status\":\"").raw(to_string(e.status)).raw("\",\"step\":").number(e.step);
    o.raw(",\"type\":\"step_finished\"}");
}

void write(w& o, const turn_completed& e) {
    o.raw("{\"run\":").number(e.run.value).raw(",\"type\":\"turn_completed\"}");
}

void write(w& o, const user_asked& e) {
    o.raw("{\"call\":").number(e.call.value).raw(",\"run\":").number(e.run.value).raw(",\"text\":").raw(e.text.text());
    o.raw(",\"type\":\"user_asked\"}");
}

void write(w& o, const user_answered& e) {
    o.raw("{\"call\":").number(e.call.value).raw(",\"ended\":").raw(e.ended ? "true" : "false");
    o.raw(",\"message\":")
        .raw(e.message.text())
        .raw(",\"run\":")
        .number(e.run.value)
        .raw(",\"type\":\"user_answered\"}");
}

void write(w& o, const timer_armed& e) {
    o.raw("{\"due\":").when(e.due).raw(",\"run\":").number(e.run.value).raw(",\"type\":\"timer_armed\"}");
}

void write(w& o, const completion_ignored& e) {
    o.raw("{\"call\":").number(e.call.value).raw(",\"reason\":").text(e.reason).raw(",\"run\":").number(e.run.value);
    o.raw(",\"type\":\"completion_ignored\"}");
}

void write(w& o, const run_finished& e) {
    const structured_outcome& s = *e.outcome;
    o.raw("{\"abstained\":").raw(s.abstained ? "true" : "false").raw(",\"code\":").code(s.code);
    o.raw(",\"cost\":").number(s.cost.value).raw(",\"details\":").raw(s.details.text());
    o.raw(",\"latency\":")
        .number(s.latency.us)
        .raw(",\"message\":")
        .text(s.message)
        .raw(",\"run\":")
        .number(e.run.value);
    o.raw(",\"side_effects\":[");
    bool first = true;
    for (const side_effect& x : s.side_effects) {
        o.raw(first ? "{\"target\":" : ",{\"target\":").text(x.target).raw(",\"type\":").text(x.type).raw("}");
        first = false;
    }
    o.raw("],\"status\":\"").raw(to_string(s.status)).raw("\",\"type\":\"run_finished\"}");
}

// Inputs: what the events below repeat in full is only named here. A raw result may hold a secret that the events show
// redacted, so it is never written from the input.

void write(w& o, const activate_agent& in) {
    o.raw("{\"id\":").text(in.snapshot->id).raw(",\"type\":\"activate_agent\"}");
}

void write(w& o, const retire_agent& in) {
    o.raw("{\"agent\":").number(in.agent.value).raw(",\"type\":\"retire_agent\"}");
}

void write(w& o, const start_run& in) {
    o.raw("{\"agent\":").number(in.agent.value).raw(",\"body\":").raw(in.body.text()).raw(",\"type\":\"start_run\"}");
}

void write(w& o, const publish_event& in) {
    o.raw("{\"body\":").raw(in.body.text()).raw(",\"event\":").text(in.type).raw(",\"type\":\"publish_event\"}");
}

void write(w& o, const timer_elapsed& in) {
    o.raw("{\"ordinal\":").number(in.key.ordinal).raw(",\"owner\":").number(in.key.owner);
    o.raw(in.key.what == timer_key::kind::run ? ",\"timer\":\"run\",\"type\":\"timer_elapsed\"}"
                                              : ",\"timer\":\"trigger\",\"type\":\"timer_elapsed\"}");
}

void write_completion(w& o, call_ref ref, std::string_view tail) {
    o.raw("{\"call\":").number(ref.call.value).raw(",\"run\":").number(ref.run.value).raw(tail);
}
void write(w& o, const model_completion& in) { write_completion(o, in.ref, ",\"type\":\"model_completed\"}"); }
void write(w& o, const skill_completion& in) { write_completion(o, in.ref, ",\"type\":\"skill_completed\"}"); }
void write(w& o, const user_completion& in) { write_completion(o, in.ref, ",\"type\":\"user_replied\"}"); }

void write(w& o, const cancel_run& in) {
    o.raw("{\"reason\":").text(in.reason).raw(",\"run\":").number(in.run.value).raw(",\"type\":\"cancel_run\"}");
}

} // namespace

void append_journal_line(std::string& out, const input_envelope& input, const decision& d) {
    line_writer o(out);
    o.raw("{\"at\":")
        .number(input.at.us)
        .unless_zero(",\"causation\":", static_cast<std::int64_t>(input.causation.value));
    o.unless_zero(",\"correlation\":", static_cast<std::int64_t>(input.correlation.value)).raw(",\"events\":[");
    bool first = true;
    for (const engine_event& event : d.events) {
        if (!first) o.raw(",");
        first = false;
        std::visit([&o](const auto& e) { write(o, e); }, event);
    }
    o.raw("],\"input\":");
    std::visit([&o](const auto& in) { write(o, in); }, input.body);
    o.raw(",\"seq\":").number(input.seq.value).raw(",\"source\":\"").raw(to_string(input.source)).raw("\",\"v\":1}");
}

} // namespace aivp
