// Next-event scheduler on a virtual clock. Time jumps to the next event; nothing ticks. Events at the same instant run by
// class, then in the order in which they were scheduled. The verbs follow ripple's CSF.
//
// An event is a handler and a token: no closure, no allocation, a value that can be copied with the queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "aivp/base/assert.hpp"
#include "aivp/base/time.hpp"

namespace aivp::sim {

class event_handler {
public:
    virtual void fire(std::uint64_t token) = 0;

protected:
    ~event_handler() = default;
};

/// Tie-break classes at one instant: what has been on its way arrives before what is only due.
enum class event_class : std::uint8_t { completion, timer, external };

class scheduler {
public:
    explicit scheduler(instant start) : now_(start) {}

    instant now() const { return now_; }
    std::size_t pending() const { return heap_.size(); }
    std::uint64_t fired() const { return fired_; }
    bool empty() const { return heap_.empty(); }
    /// Requires !empty().
    instant next_at() const { return heap_.front().at < busy_until_ ? busy_until_ : heap_.front().at; }

    /// An instant in the past means now: an event cannot come before what has happened.
    void at(instant when, event_class c, event_handler& handler, std::uint64_t token) {
        if (when < now_) when = now_;
        AIVP_ASSERT(next_ < ordinal_max, "too many events for one scheduler");
        const std::uint64_t n = ties_ == 0 ? next_++ : scrambled(next_++);
        const std::uint64_t order = static_cast<std::uint64_t>(c) << class_shift | n;
        push({when, order, &handler, token});
    }
    void in(duration delay, event_class c, event_handler& handler, std::uint64_t token) {
        at(now_ + delay, c, handler, token);
    }

    /// Nothing happens for so long from now: what is due meanwhile comes late.
    void busy_for(duration d) { busy_until_ = (busy_until_ < now_ ? now_ : busy_until_) + d; }

    /// What happens at the same instant in the same class happens in another order from now on, one for each key; 0 = the
    /// order in which it was scheduled.
    void permute_ties(std::uint64_t key) { ties_ = key; }

    /// Runs the next event. False when there is none.
    bool step_one() {
        if (heap_.empty()) return false;
        now_ = next_at();
        const entry e = pop();
        ++fired_;
        e.handler->fire(e.token);
        return true;
    }
    /// Runs all events up to and including `end`, then sets the clock to `end`.
    void step_until(instant end) {
        while (!heap_.empty() && next_at() <= end) step_one();
        if (now_ < end) now_ = end;
    }
    void step_for(duration d) { step_until(now_ + d); }
    /// Runs while `go_on()` holds and there are events.
    template <class Predicate>
    void step_while(Predicate&& go_on) {
        while (go_on() && step_one()) {}
    }
    /// Moves the clock without running anything; `t` must not be after the next event.
    void set_now(instant t) {
        AIVP_ASSERT(t >= now_ && (heap_.empty() || t <= next_at()), "the clock cannot pass an event");
        now_ = t;
    }

private:
    struct entry {
        instant at;
        std::uint64_t order; ///< class, then sequence
        event_handler* handler;
        std::uint64_t token;
        bool before(const entry& o) const { return at.us != o.at.us ? at.us < o.at.us : order < o.order; }
    };
    /// A bijection on 60 bits: different numbers stay different. Multiplication by an odd number and xor-shifts, as in
    /// SplitMix64 (Steele, Lea, Flood 2014).
    std::uint64_t scrambled(std::uint64_t n) const {
        constexpr std::uint64_t mask = ordinal_max - 1;
        n = (n + ties_ * 0x9e3779b97f4a7c15) & mask;
        n = ((n ^ n >> 30) * 0xbf58476d1ce4e5b9) & mask;
        n = ((n ^ n >> 27) * 0x94d049bb133111eb) & mask;
        return n ^ n >> 31;
    }
    static constexpr unsigned class_shift = 60;
    static constexpr std::uint64_t ordinal_max = std::uint64_t{1} << class_shift;
    static constexpr std::size_t arity = 4; // a 4-ary heap halves the depth; its four children share a cache line pair

    void push(const entry& e) {
        std::size_t hole = heap_.size();
        heap_.push_back(e);
        while (hole > 0) {
            const std::size_t parent = (hole - 1) / arity;
            if (!e.before(heap_[parent])) break;
            heap_[hole] = heap_[parent];
            hole = parent;
        }
        heap_[hole] = e;
    }

    entry pop() {
        const entry top = heap_.front();
        const entry last = heap_.back();
        heap_.pop_back();
        const std::size_t n = heap_.size();
        if (n == 0) return top;
        std::size_t hole = 0;
        for (;;) {
            const std::size_t first = hole * arity + 1;
            if (first >= n) break;
            const std::size_t end = first + arity < n ? first + arity : n;
            std::size_t best = first;
            for (std::size_t c = first + 1; c < end; ++c)
                if (heap_[c].before(heap_[best])) best = c;
            if (!heap_[best].before(last)) break;
            heap_[hole] = heap_[best];
            hole = best;
        }
        heap_[hole] = last;
        return top;
    }

    instant now_;
    instant busy_until_ = instant::min();
    std::uint64_t next_ = 0;
    std::uint64_t ties_ = 0;
    std::uint64_t fired_ = 0;
    std::vector<entry> heap_;
};

} // namespace aivp::sim
