// Any lines in place of a journal are refused with a reason, or lead to a state that can be written, read back as the same,
// and taken up by the engine. The first line may be an encoded state. Two agents are known: a loop agent and a steps agent.
#include "aivp/engine/recovery.hpp"

#include <vector>

#include "aivp/testing/fixtures.hpp"
#include "ci/fuzz/fuzz.hpp"

namespace {

using namespace aivp;

const std::vector<snapshot_ptr>& agents() {
    using namespace aivp::testing;
    static const std::vector<snapshot_ptr> all = [] {
        const std::vector<skill_binding> bindings{
            make_binding("a", make_skill("x.a", {.effect = effect_class::read, .cost = {3}})),
            make_binding("b", make_skill("x.b")),
            make_binding("c", make_skill("x.c", {.takes_key = true, .output_schema = R"({"type":"object"})"})),
            make_binding("d", make_skill("x.d", {.takes_key = true, .secret_arguments = {"/n"}}))};
        const model_price price{.input = {10'000}, .output = {20'000}, .cached_input = {}};
        return std::vector<snapshot_ptr>{
            make_loop_agent("one", bindings, "go", {.price = price, .converse = true, .may_abstain = true}),
            make_steps_agent(
                "two", bindings,
                {{"s0", "a"}, {"s1", "b", {.error_policy = on_error::proceed}}, {"s2", "d"}, {"s3", "c"}})};
    }();
    return all;
}

struct known_agents final : snapshot_source {
    /// A seed stays good when the agents above change: every hash that begins with 0 is the first agent's, any other the
    /// second one's.
    snapshot_ptr find(const digest& whole) override {
        for (const snapshot_ptr& a : agents())
            if (a->hashes.whole == whole) return a;
        return agents()[whole.bytes[0] == 0 ? 0 : 1];
    }
};

void require_codec(const engine_state& state, known_agents& known) {
    const std::string text = encode_state(state);
    const auto parsed = payload::parse(text);
    fuzz::require(parsed && parsed->text() == text, "an encoded state is canonical");
    if (const auto again = decode_state(text, known)) {
        fuzz::require(*again == state, "an encoded state is read back as the same");
        fuzz::require(encode_state(*again) == text, "and written as the same");
    }
}

/// Lines that are JSON are made canonical: few mutations leave them so, and otherwise nothing but that would be tried.
std::string canonical(std::string_view line) {
    const auto parsed = payload::parse(line);
    return std::string(parsed ? parsed->text() : line);
}

/// What anybody may do to a run: nothing of it may come as a surprise to the engine.
void go_on(engine_state state, instant at, known_agents& known) {
    decision d;
    std::uint64_t seq = 1'000'000;
    const auto put = [&](engine_input in) {
        const input_envelope input{{++seq}, at, input_source::host, {}, {}, std::move(in)};
        step(state, input, d);
        std::string line;
        append_journal_line(line, input, d);
        const auto parsed = payload::parse(line);
        fuzz::require(parsed && parsed->text() == line, "a journal line is canonical");
    };
    put(recover{seconds(7)});
    require_codec(state, known);
    const engine_state before = state;
    for (const auto& [id, r] : before.runs) {
        put(resume_run{id});
        for (const open_call& o : r.open) {
            put(resolve_call{{id, o.call}, static_cast<call_finding>(o.call.value % 3), {}, {}});
            put(skill_completion{.ref = {id, o.call}, .outcome = effect_outcome::ok, .result = {}, .message = {}});
            put(user_completion{.ref = {id, o.call}, .message = payload::of_string("x")});
            put(model_completion{
                .ref = {id, o.call}, .response = testing::make_turn({testing::make_call("b")}), .message = {}});
        }
        put(timer_elapsed{{timer_key::kind::run, id.value, 0}});
        put(cancel_run{id, "enough"});
    }
    require_codec(state, known);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest = fuzz::as_text(data, size);
    known_agents known;
    engine_state state;
    instant at;
    for (bool first = true; !rest.empty(); first = false) {
        const std::size_t stop = std::min(rest.find('\n'), rest.size());
        const std::string line = canonical(rest.substr(0, stop));
        rest.remove_prefix(std::min(stop + 1, rest.size()));
        if (first)
            if (auto saved = decode_state(line, known)) {
                state = std::move(*saved);
                continue;
            }
        engine_state after = state;
        const auto read = replay_line(after, line, known);
        if (!read) {
            fuzz::require(!read.error().message.empty(), "an error has a message");
            break;
        }
        at = read->at;
        state = std::move(after);
    }
    require_codec(state, known);
    go_on(std::move(state), at, known);
    return 0;
}
