// Clock and timers.
//
// Ownership: the host owns them; the driver holds references for its own lifetime.
// Threads: called from the driver's thread only.
// Fault model: the wall clock may step in both directions, drift, and stand still while the machine sleeps; timers may
// fire late, never early, and at most once for each arming. The driver never lets time run backwards in the input log.
#pragma once

#include <cstdint>

#include "aivp/base/id.hpp"
#include "aivp/base/time.hpp"

namespace aivp {

class clock_port {
public:
    virtual ~clock_port() = default;
    /// UTC, microseconds.
    virtual instant now() = 0;
};

/// What a timer belongs to. Arming a key that is armed replaces it.
struct timer_key {
    enum class kind : std::uint8_t { run, trigger } what = kind::run;
    std::uint64_t owner = 0;   ///< run_id or agent_id
    std::uint32_t ordinal = 0; ///< trigger index
    friend constexpr auto operator<=>(const timer_key&, const timer_key&) = default;
};

class timer_port {
public:
    virtual ~timer_port() = default;
    /// The host calls completion_sink::timer_fired(key) once at or after `due`.
    virtual void arm(timer_key key, instant due) = 0;
    /// Nothing happens when the key is not armed.
    virtual void disarm(timer_key key) = 0;
};

class forwarding_clock : public clock_port {
public:
    explicit forwarding_clock(clock_port& next) : next_(next) {}
    instant now() override { return next_.now(); }

protected:
    clock_port& next_;
};

class forwarding_timers : public timer_port {
public:
    explicit forwarding_timers(timer_port& next) : next_(next) {}
    void arm(timer_key key, instant due) override { next_.arm(key, due); }
    void disarm(timer_key key) override { next_.disarm(key); }

protected:
    timer_port& next_;
};

} // namespace aivp
