// Answers that a fault has in its hands: whose they are, and when they go on.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "aivp/ports/completion.hpp"
#include "mocks/pending.hpp"
#include "mocks/world.hpp"
#include "sim/faults/fault.hpp"

namespace aivp::sim {

/// A sink for nobody. Faulty ports override what they are asked for.
class no_answers : public completion_sink {
public:
    void model_done(model_completion) override {}
    void skill_done(skill_completion) override {}
    void user_done(user_completion) override {}
    void timer_fired(timer_key) override {}
};

/// Must outlive what it handed to the world.
class held_answers {
public:
    struct expected {
        call_ref ref;
        completion_sink* sink;
        const fault* why;
        bool writes;
    };
    explicit held_answers(mock_world& world) : world_(world) {}

    void expect(call_ref ref, completion_sink& sink, const fault& why, bool writes = false) {
        expected_.push_back({ref, &sink, &why, writes});
    }
    std::optional<expected> take(call_ref ref) {
        for (std::size_t i = 0; i < expected_.size(); ++i) {
            if (expected_[i].ref != ref) continue;
            const expected found = expected_[i];
            expected_.erase(expected_.begin() + static_cast<std::ptrdiff_t>(i));
            return found;
        }
        return std::nullopt;
    }
    /// An answer that is late by fault comes although nobody wants it any more.
    bool ignores_cancel(call_ref ref) const {
        for (const expected& e : expected_)
            if (e.ref == ref && info(e.why->kind).span.name == "late") return true;
        return false;
    }

    template <class Completion>
    void later(completion_sink& sink, duration delay, Completion answer) {
        world_.after(delay,
                     [&sink, a = std::make_shared<Completion>(std::move(answer))] { deliver(sink, std::move(*a)); });
    }

    /// The answer waits until another one has passed, or its time is over.
    void behind_next(completion_sink& sink, duration longest, skill_completion answer) {
        const auto held = std::make_shared<overtaken>(overtaken{&sink, std::move(answer)});
        waiting_.push_back(held);
        world_.after(longest, [held] { held->go(); });
    }
    void one_passed() {
        for (const auto& held : std::exchange(waiting_, {})) world_.after({}, [held] { held->go(); });
    }

private:
    struct overtaken {
        completion_sink* sink;
        skill_completion answer;
        void go() {
            if (completion_sink* const to = std::exchange(sink, nullptr)) to->skill_done(std::move(answer));
        }
    };
    mock_world& world_;
    std::vector<expected> expected_;
    std::vector<std::shared_ptr<overtaken>> waiting_;
};

} // namespace aivp::sim
