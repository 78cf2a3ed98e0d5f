#include "aivp/testing/spec.hpp"

#include <vector>

#include "aivp/base/assert.hpp"

namespace aivp::testing {

namespace {

std::string at(const std::source_location& where) {
    return std::string(where.file_name()) + ":" + std::to_string(where.line()) + ": ";
}

payload number(std::uint64_t n) { return payload::of_integer(static_cast<std::int64_t>(n)); }

/// What the journal leaves out because it says nothing.
bool says_nothing(const payload& value) {
    for (const std::string_view text : {"0", "\"\"", "\"ok\"", "\"success\"", "null"})
        if (value.text() == text) return true;
    return false;
}

/// Empty when `actual` is what is expected; else what is missing or different.
std::string mismatch(const expected_part& expected, const payload& actual) {
    const auto type = member(actual, "type");
    if (!type || as_string(*type) != expected.type) return "type";
    for (const auto& [key, value] : members(json(expected.members))) {
        const auto found = member(actual, key);
        if (!found && says_nothing(value)) continue;
        if (!found) return "`" + key + "` is absent";
        if (*found != value) return "`" + key + "` is not " + std::string(value.text());
    }
    return {};
}

template <class List>
std::vector<payload> to_payloads(const List& list) {
    std::vector<payload> out;
    for (const auto& one : list) out.push_back(to_payload(one));
    return out;
}

std::string in_lines(const std::vector<payload>& actual) {
    std::string out;
    for (const payload& p : actual) out += "\n    " + std::string(p.text());
    return out.empty() ? "\n    nothing" : out;
}

void check_exactly(const char* what, std::initializer_list<expected_part> expected, const std::vector<payload>& actual,
                   const std::source_location& where) {
    std::size_t n = 0;
    for (const expected_part& e : expected) {
        const std::string wrong = n < actual.size() ? mismatch(e, actual[n]) : "absent";
        if (!wrong.empty())
            throw expectation_failed(std::string(what) + " " + std::to_string(n) + " should be " + e.type + " " +
                                         e.members + " (" + wrong + "), but there is" + in_lines(actual),
                                     where);
        ++n;
    }
    if (n != actual.size())
        throw expectation_failed(
            "there should be " + std::to_string(n) + " " + what + "s, but there is" + in_lines(actual), where);
}

payload ref_members(const char* type, call_ref ref, std::vector<std::pair<std::string, payload>> more) {
    more.emplace_back("type", payload::of_string(type));
    more.emplace_back("run", number(ref.run.value));
    more.emplace_back("call", number(ref.call.value));
    return payload::of_object(std::move(more));
}

payload describe(const model_call& e) {
    return ref_members("model_call", e.ref,
                       {{"deadline", payload::of_integer(e.deadline.us)},
                        {"key", payload::of_string(to_hex(e.key))},
                        {"messages", payload::of_array(e.messages.messages())}});
}

payload describe(const skill_call& e) {
    const skill_binding& b = e.snapshot->bindings[e.binding];
    return ref_members("skill_call", e.ref,
                       {{"arguments", e.arguments},
                        {"as", payload::of_string(b.as)},
                        {"deadline", payload::of_integer(e.deadline.us)},
                        {"has_secrets", payload::of_bool(e.has_secrets)},
                        {"key", payload::of_string(to_hex(e.idempotency_key))},
                        {"skill", payload::of_string(b.skill->id)}});
}

payload describe(const user_question_effect& e) { return ref_members("user_question", e.ref, {{"text", e.text}}); }

payload describe(const timer_request& e) {
    return payload::of_object({{"type", payload::of_string("timer_request")},
                               {"due", e.due == instant::max() ? payload() : payload::of_integer(e.due.us)},
                               {"ordinal", number(e.key.ordinal)},
                               {"owner", number(e.key.owner)},
                               {"timer", payload::of_string(e.key.what == timer_key::kind::run ? "run" : "trigger")}});
}

payload describe(const call_cancel& e) {
    const char* kind = e.kind == call_kind::model ? "model" : e.kind == call_kind::skill ? "skill" : "user";
    return ref_members("call_cancel", e.ref, {{"kind", payload::of_string(kind)}});
}

} // namespace

expectation_failed::expectation_failed(std::string_view what, const std::source_location& where)
    : std::logic_error(at(where) + std::string(what)) {}

payload json(std::string_view text) {
    auto p = payload::parse(text);
    AIVP_ASSERT(p.has_value(), "a test holds JSON that does not parse");
    return *p;
}

payload to_payload(const engine_event& event) {
    std::string line;
    append_journal_line(line, {.body = cancel_run{}}, {.events = {event}, .effects = {}});
    const auto written = at_pointer(json(line), "/events/0");
    AIVP_ASSERT(written.has_value(), "a journal line shows its event");
    const auto* settled = std::get_if<call_settled>(&event);
    if (!settled) return *written;
    // The journal leaves these to the intent.
    return merged(*written,
                  payload::of_object({{"binding", number(settled->binding)}, {"step", number(settled->step)}}));
}

payload to_payload(const engine_effect& effect) {
    return std::visit([](const auto& e) { return describe(e); }, effect);
}

spec& spec::and_given(engine_input input, duration later, std::source_location where) {
    return when(std::move(input), later, where);
}

spec& spec::when(engine_input input, duration later, std::source_location where) {
    AIVP_ASSERT(later.us >= 0, "time does not run backwards");
    now_ = now_ + later;
    seq_ = {seq_.value + 1};
    const input_envelope envelope{seq_, now_, input_source::host, {}, {}, std::move(input)};
    const engine_state before = state_;
    const decision pure = decide(state_, envelope);
    if (state_ != before) throw expectation_failed("decide() changed the state", where);
    engine_state replayed = before;
    for (const engine_event& e : pure.events) evolve(replayed, e, now_);
    step(state_, envelope, last_);
    line_.clear();
    append_journal_line(line_, envelope, last_);
    if (state_ != replayed) throw expectation_failed("step() differs from evolve() over its events: " + line_, where);
    std::string pure_line;
    append_journal_line(pure_line, envelope, pure);
    if (pure_line != line_)
        throw expectation_failed("decide() and step() differ:\n    " + pure_line + "\n    " + line_, where);
    if (to_payloads(pure.effects) != to_payloads(last_.effects))
        throw expectation_failed("decide() and step() differ in their effects", where);
    return *this;
}

spec& spec::then(std::initializer_list<expected_part> events, std::source_location where) {
    check_exactly("event", events, to_payloads(last_.events), where);
    return *this;
}

spec& spec::then_among_others(std::initializer_list<expected_part> events, std::source_location where) {
    const std::vector<payload> actual = to_payloads(last_.events);
    std::size_t next = 0;
    for (const expected_part& e : events) {
        while (next < actual.size() && !mismatch(e, actual[next]).empty()) ++next;
        if (next++ >= actual.size())
            throw expectation_failed(
                "there should be " + e.type + " " + e.members + " in this place of" + in_lines(actual), where);
    }
    return *this;
}

spec& spec::performing(std::initializer_list<expected_part> effects, std::source_location where) {
    check_exactly("effect", effects, to_payloads(last_.effects), where);
    return *this;
}

spec given(std::initializer_list<snapshot_ptr> agents, std::source_location where) {
    spec s;
    for (const snapshot_ptr& agent : agents) s.when(activate_agent{agent}, {}, where);
    return s;
}

} // namespace aivp::testing
