// Whatever a scenario says about the world, its model and its people, and whatever an agent then asks of that world: it is
// refused with a code or served; answers are canonical; a failed call changes nothing; a dump seeds the same world again.
#include "mocks/connector.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ci/fuzz/fuzz.hpp"
#include "mocks/canned.hpp"
#include "mocks/scripted_model.hpp"
#include "mocks/scripted_user.hpp"

namespace {

using namespace aivp;

class fuzz_world final : public mock_world {
public:
    instant now() override { return now_; }
    void after(duration delay, std::function<void()> action) override {
        waiting_.emplace_back(now_ + delay, std::move(action));
    }
    void run_all() {
        while (!waiting_.empty()) {
            const auto next = std::ranges::min_element(waiting_, {}, [](const auto& w) { return w.first; });
            auto [due, action] = std::move(*next);
            waiting_.erase(next);
            now_ = std::max(now_, due);
            action();
        }
    }

private:
    instant now_{1'772'442'000'000'000};
    std::vector<std::pair<instant, std::function<void()>>> waiting_;
};

class checking_sink final : public completion_sink {
public:
    void model_done(model_completion c) override {
        ++answers;
        canonical(c.response.content);
        for (const proposed_call& p : c.response.calls) canonical(p.arguments);
    }
    void skill_done(skill_completion c) override {
        ++answers;
        canonical(c.result);
        fuzz::require((c.outcome == effect_outcome::ok) == (c.code == errc::ok), "what did not end well has a code");
        failed = c.outcome != effect_outcome::ok;
    }
    void user_done(user_completion c) override {
        ++answers;
        canonical(c.message);
    }
    void timer_fired(timer_key) override {}
    std::size_t answers = 0;
    bool failed = false;

private:
    static void canonical(const payload& p) {
        const auto again = payload::parse(p.text());
        fuzz::require(again && again->text() == p.text(), "an answer is canonical JSON");
    }
};

payload part(const payload& document, std::string_view key, std::string_view fallback) {
    return member(document, key).value_or(payload::from_canonical(std::string(fallback)));
}

void refused_with_words(const error& e) {
    fuzz::require(e.code != errc::ok && !e.message.empty(), "a refusal has code and words");
}

void try_world(const payload& document) {
    fuzz_world world;
    world_ledger ledger;
    mock_connector connector(world, ledger);
    if (const auto seeded = connector.seed(part(document, "world", "{}")); !seeded)
        return refused_with_words(seeded.error());
    if (auto table = latency_table::parse(part(document, "latency", "0"))) connector.set_latencies(std::move(*table));
    checking_sink sink;
    std::size_t calls = 0;
    for (const payload& call : items(part(document, "calls", "[]"))) {
        const auto skill = as_string(part(call, "skill", "\"\""));
        if (!skill || ++calls > 20) break;
        skill_request r;
        r.run = {1};
        r.call = {calls};
        r.agent = "fuzz";
        r.skill = *skill;
        r.arguments = part(call, "args", "{}");
        if (const auto key = member(call, "key")) {
            r.takes_key = true;
            r.idempotency_key = effect_key_of(key->hash());
        }
        const payload before = connector.dump();
        connector.call(r, sink);
        world.run_all();
        fuzz::require(sink.answers == calls, "each call is answered once");
        // A route counts its calls, also those that it leaves without an answer.
        if (sink.failed && !skill->starts_with("http."))
            fuzz::require(connector.dump() == before, "a failed call changes nothing");
    }
    const payload dump = connector.dump();
    fuzz_world other;
    world_ledger other_ledger;
    mock_connector again(other, other_ledger);
    const auto seeded = again.seed(dump);
    fuzz::require(seeded.has_value(), "a dump is a seed");
    fuzz::require(again.dump() == dump, "a dump seeds the same world");
    fuzz::require(payload::parse(dump.text()).value() == dump, "a dump is canonical");
    (void)ledger.digest_head();
}

void try_model(const payload& document) {
    fuzz_world world;
    auto script = parse_model_script(part(document, "model", "{}"), 1);
    if (!script) return refused_with_words(script.error());
    scripted_model model(world, std::move(script->source));
    model.set_latencies(std::move(script->latencies));
    checking_sink sink;
    history talk;
    for (const payload& m : items(part(document, "messages", "[]"))) talk = talk.appended(m);
    for (std::uint64_t call = 1; call <= 4; ++call) {
        model_request r;
        r.run = {1 + call / 3};
        r.call = {call};
        r.agent = "fuzz";
        r.model = "mock-1";
        r.tools = part(document, "tools", "[]");
        r.messages = talk;
        r.key = request_key(r.messages, r.tools, r.params, r.model);
        model.call(r, sink);
        world.run_all();
        fuzz::require(sink.answers == call, "each call is answered once");
        talk = talk.appended(user_message("go on"));
    }
}

void try_others(const payload& document) {
    fuzz_world world;
    world_ledger ledger(ledger_mode::counts);
    checking_sink sink;
    if (auto answers = parse_canned_answers(part(document, "answers", "[]"))) {
        canned_connector canned(world, ledger, std::move(*answers));
        skill_request r;
        r.call = {1};
        r.skill = "mail.read";
        r.arguments = part(document, "arguments", "{}");
        canned.call(r, sink);
        fuzz::require(sink.answers == 1, "a canned call is answered once");
    } else {
        refused_with_words(answers.error());
    }
    if (const auto script = parse_user_script(part(document, "user", "{}")); !script)
        refused_with_words(script.error());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto document = payload::parse(fuzz::as_text(data, size));
    if (!document || !document->is_object()) return 0;
    try_world(*document);
    try_model(*document);
    try_others(*document);
    return 0;
}
