// Answers on their way. The action handed to the world is two words, so it never allocates; the answer waits in a slot.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "aivp/ports/completion.hpp"
#include "mocks/world.hpp"

namespace aivp {

inline void deliver(completion_sink& sink, model_completion&& c) { sink.model_done(std::move(c)); }
inline void deliver(completion_sink& sink, skill_completion&& c) { sink.skill_done(std::move(c)); }
inline void deliver(completion_sink& sink, user_completion&& c) { sink.user_done(std::move(c)); }

/// Must outlive what it handed to the world.
template <class Completion>
class pending_answers {
public:
    /// `synchronous`: an answer without delay is given within complete() itself.
    pending_answers(mock_world& world, bool synchronous) : world_(world), synchronous_(synchronous) {}
    pending_answers(const pending_answers&) = delete;
    pending_answers& operator=(const pending_answers&) = delete;

    void complete(completion_sink& sink, Completion answer, duration delay) {
        if (synchronous_ && delay.us <= 0) {
            deliver(sink, std::move(answer));
            return;
        }
        std::uint32_t index = 0;
        if (free_.empty()) {
            index = static_cast<std::uint32_t>(slots_.size());
            slots_.push_back({std::move(answer), &sink});
        } else {
            index = free_.back();
            free_.pop_back();
            slots_[index] = {std::move(answer), &sink};
        }
        world_.after(delay, [this, index] { fire(index); });
    }

    /// The answer is dropped when its time comes.
    void cancel(call_ref ref) {
        for (slot& s : slots_)
            if (s.sink && s.answer.ref == ref) s.sink = nullptr;
    }

    std::size_t open() const { return slots_.size() - free_.size(); }

private:
    struct slot {
        Completion answer;
        completion_sink* sink = nullptr;
    };

    void fire(std::uint32_t index) {
        completion_sink* const sink = std::exchange(slots_[index].sink, nullptr);
        Completion answer = std::move(slots_[index].answer);
        free_.push_back(index);
        if (sink) deliver(*sink, std::move(answer));
    }

    mock_world& world_;
    std::vector<slot> slots_;
    std::vector<std::uint32_t> free_;
    bool synchronous_;
};

} // namespace aivp
