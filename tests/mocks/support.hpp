// A world whose time a test moves by hand, a sink that collects, and short ways to make requests.
#pragma once

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aivp/ports/connector.hpp"
#include "aivp/ports/model_provider.hpp"
#include "mocks/connector.hpp"
#include "mocks/ledger.hpp"
#include "mocks/world.hpp"

namespace aivp::mocks_test {

inline payload js(std::string_view text) {
    auto parsed = payload::parse(text);
    if (!parsed) throw std::runtime_error("the test's own JSON is broken: " + to_string(parsed.error()));
    return *parsed;
}

inline instant at(std::string_view text) {
    auto parsed = parse_instant(text);
    if (!parsed) throw std::runtime_error("the test's own instant is broken: " + std::string(text));
    return *parsed;
}

class manual_world final : public mock_world {
public:
    explicit manual_world(instant start = at("2026-03-02T09:00:00Z")) : now_(start) {}
    instant now() override { return now_; }
    void after(duration delay, std::function<void()> action) override {
        queue_.push_back({now_ + std::max(delay, duration{}), ordinal_++, std::move(action)});
    }
    std::size_t waiting() const { return queue_.size(); }
    void set(instant t) { now_ = t; }
    /// Runs everything, in order of time, then of arrival.
    void run_all() {
        while (!queue_.empty()) {
            const auto next = std::ranges::min_element(queue_, [](const auto& a, const auto& b) {
                return a.due != b.due ? a.due < b.due : a.ordinal < b.ordinal;
            });
            entry e = std::move(*next);
            queue_.erase(next);
            now_ = e.due;
            e.action();
        }
    }

private:
    struct entry {
        instant due;
        std::uint64_t ordinal = 0;
        std::function<void()> action;
    };
    instant now_;
    std::uint64_t ordinal_ = 0;
    std::vector<entry> queue_;
};

class collecting_sink final : public completion_sink {
public:
    void model_done(model_completion c) override { models.push_back(std::move(c)); }
    void skill_done(skill_completion c) override { skills.push_back(std::move(c)); }
    void user_done(user_completion c) override { users.push_back(std::move(c)); }
    void timer_fired(timer_key) override {}

    std::vector<model_completion> models;
    std::vector<skill_completion> skills;
    std::vector<user_completion> users;
};

struct call_options {
    std::uint64_t run = 1;
    std::string_view key = {}; ///< text whose hash is the idempotency key; empty = none
    effect_class effect = effect_class::write;
    std::string_view agent = "tester";
    std::string_view space = {};
};

inline skill_request skill_call(std::string_view skill, payload arguments, std::uint64_t call,
                                const call_options& options = {}) {
    skill_request r;
    r.run = {options.run};
    r.call = {call};
    r.agent = options.agent;
    r.skill = skill;
    r.as = skill;
    r.effect = options.effect;
    r.takes_key = !options.key.empty();
    r.arguments = std::move(arguments);
    r.space = options.space;
    if (r.takes_key) r.idempotency_key = effect_key_of(sha256(options.key));
    return r;
}

/// A mocked world with its ledger, and calls that answer at once.
struct mocked {
    manual_world world;
    world_ledger ledger;
    mock_connector connector{world, ledger};
    std::uint64_t calls = 0;

    explicit mocked(std::string_view seed = "{}") {
        if (auto seeded = connector.seed(js(seed)); !seeded) throw std::runtime_error(to_string(seeded.error()));
    }
    skill_completion call(std::string_view skill, std::string_view arguments, const call_options& options = {}) {
        collecting_sink sink;
        connector.call(skill_call(skill, js(arguments), ++calls, options), sink);
        if (sink.skills.size() != 1) throw std::runtime_error("no answer, or more than one");
        return sink.skills.front();
    }
    /// The result's JSON; of a failure: "code: message".
    std::string text(std::string_view skill, std::string_view arguments, const call_options& options = {}) {
        const auto c = call(skill, arguments, options);
        if (c.outcome == effect_outcome::ok) return std::string(c.result.text());
        return std::string(info(c.code).name) + ": " + c.message;
    }
};

inline model_request ask(const history& messages, std::uint64_t run, std::uint64_t call, payload tools = js("[]")) {
    model_request r;
    r.run = {run};
    r.call = {call};
    r.agent = "tester";
    r.model = "mock-1";
    r.params = js("{}");
    r.tools = std::move(tools);
    r.messages = messages;
    r.key = request_key(r.messages, r.tools, r.params, r.model);
    return r;
}

inline history conversation_of(std::initializer_list<std::string_view> messages) {
    history h;
    for (const std::string_view m : messages) h = h.appended(js(m));
    return h;
}

} // namespace aivp::mocks_test
