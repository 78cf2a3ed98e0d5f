// The mocked world alone: turns of scripted models, skill calls, ledger entries.
#include "mocks/connector.hpp"

#include <functional>
#include <string>
#include <utility>

#include "ci/bench/bench.hpp"
#include "mocks/generative_model.hpp"
#include "mocks/model_rules.hpp"
#include "mocks/scripted_model.hpp"

namespace {

using namespace aivp;

class still_world final : public mock_world {
public:
    instant now() override { return {1'772'442'000'000'000}; }
    void after(duration, std::function<void()> action) override { action_ = std::move(action); }
    void run() { std::exchange(action_, nullptr)(); }

private:
    std::function<void()> action_;
};

class counting_sink final : public completion_sink {
public:
    void model_done(model_completion c) override { count += 1 + c.response.calls.size(); }
    void skill_done(skill_completion c) override { count += c.result.text().size(); }
    void user_done(user_completion) override {}
    void timer_fired(timer_key) override {}
    std::uint64_t count = 0;
};

payload json(std::string_view text) { return payload::parse(text).value(); }

constexpr std::string_view tools =
    R"([{"description":"","name":"charge","parameters":{"type":"object","required":["customer","amount_cents"],
    "properties":{"customer":{"type":"string","pattern":"^cus-[a-z0-9-]+$"},"amount_cents":{"type":"integer","minimum":1,"maximum":1000000}}}},
    {"description":"","name":"search","parameters":{"type":"object","properties":{"query":{"type":"string"},"limit":{"type":"integer"}}}}])";

// Ten messages, the last one the result of a tool.
history talk() {
    history h =
        history().appended(system_message("You are a careful assistant.")).appended(user_message("Find the invoice."));
    for (int i = 0; i < 4; ++i) {
        const std::string id = call_name(static_cast<std::uint64_t>(i));
        h = h.appended(json(R"({"calls":[{"args":{"query":"invoice"},"id":")" + id +
                            R"(","name":"search"}],"role":"assistant"})"));
        h = h.appended(tool_message(id, json(R"({"messages":[{"id":"m1"}],"count":1})"), false));
    }
    return h;
}

void measure_model(const char* name, std::string_view script, bool latency) {
    still_world world;
    counting_sink sink;
    scripted_model model(world, std::move(parse_model_script(json(script), 1)->source));
    if (latency) model.set_latencies(latency_table::parse(json(R"({"exponential":"1s","least":"1us"})")).value());
    model_request r;
    r.agent = "bench";
    r.model = "mock-1";
    r.tools = json(tools);
    r.messages = talk();
    r.key = request_key(r.messages, r.tools, r.params, r.model);
    std::uint64_t turn = 0;
    bench::measure(name, [&] {
        r.run = {1 + turn / 8};
        r.call = {++turn};
        r.key.bytes[0] = static_cast<std::uint8_t>(turn);
        model.call(r, sink);
        if (latency) world.run();
        if (turn % 8 == 0) model.forget(r.run);
    });
    bench::keep(sink.count);
}

void measure_calls(const char* name, ledger_mode mode, std::string_view skill, std::string_view arguments) {
    still_world world;
    world_ledger ledger(mode);
    counting_sink sink;
    mock_connector connector(world, ledger);
    if (!connector.seed(json(
            R"({"kv":{"values":{"bench":{"cursor":1}}},"mail":{"messages":[{"id":"m1","from":"a@x.test","subject":"s","received_at":"2026-03-01T08:00:00Z"}]}})")))
        return;
    skill_request r;
    r.agent = "bench";
    r.skill = skill;
    r.arguments = json(arguments);
    std::uint64_t call = 0;
    bench::measure(name, [&] {
        r.run = {1 + call / 8};
        r.call = {++call};
        connector.call(r, sink);
    });
    bench::keep(sink.count);
}

} // namespace

int main() {
    measure_model(
        "model turn, sequence",
        R"({"sequence":[{"calls":[{"name":"search","args":{"query":"x"}}]},{"content":"done"}],"then":"start_again"})",
        false);
    measure_model(
        "model turn, sequence, with latency",
        R"({"sequence":[{"calls":[{"name":"search","args":{"query":"x"}}]},{"content":"done"}],"then":"start_again"})",
        true);
    measure_model(
        "model turn, rules",
        R"({"rules":[{"when":{"last_role":"user"},"respond":{"content":"x"}},{"when":{"tool_result_of":"search"},"respond":{"content":"found"}}]})",
        false);
    measure_model(
        "model turn, rules with references",
        R"({"rules":[{"when":{"last_role":"tool"},"respond":{"calls":[{"name":"read","args":{"id":"${/messages/0/id}"}}]}}]})",
        false);
    measure_model("model turn, generated", R"({"generate":{"stop_per_mille":0}})", false);
    measure_calls("skill call, kv.get, tally", ledger_mode::tally, "kv.get", R"({"key":"cursor"})");
    measure_calls("skill call, kv.get, counts and digest", ledger_mode::counts, "kv.get", R"({"key":"cursor"})");
    measure_calls("skill call, kv.set, tally", ledger_mode::tally, "kv.set", R"({"key":"cursor","value":{"a":1}})");
    measure_calls("skill call, mail.search, tally", ledger_mode::tally, "mail.search", R"({"query":"s","limit":5})");
    return 0;
}
