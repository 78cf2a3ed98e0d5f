// The one thread of a live host: posted work, monotonic timers and signals. Built on Asio, which stays in the .cpp files;
// other adapters reach it through runtime/os/internal/asio_loop.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "aivp/base/error.hpp"
#include "aivp/base/time.hpp"

namespace boost::asio {
class io_context;
}

namespace aivp {

/// CLOCK_MONOTONIC in microseconds. Never steps, stands still while the machine sleeps, means nothing to another boot.
struct monotonic_instant {
    std::int64_t us = 0;

    friend constexpr auto operator<=>(const monotonic_instant&, const monotonic_instant&) = default;
};
constexpr monotonic_instant operator+(monotonic_instant t, duration d) { return {detail::add_saturated(t.us, d.us)}; }
constexpr duration operator-(monotonic_instant a, monotonic_instant b) { return {detail::sub_saturated(a.us, b.us)}; }

/// Reads the clock.
monotonic_instant monotonic_now();

/// Holds a timer or a signal hook; the end of the handle is the end of what it holds. May outlive the loop.
class loop_handle {
public:
    loop_handle() = default;
    loop_handle(loop_handle&&) noexcept = default;
    loop_handle& operator=(loop_handle&& other) noexcept;
    ~loop_handle() { cancel(); }

    /// After it the function is not called any more, even when it was due already. Does nothing the second time.
    void cancel();
    /// Gives up the handle without cancelling.
    void detach() { held_.reset(); }
    /// Whether a timer has yet to fire, or a hook is in place.
    bool active() const;

    /// What can be cancelled; implemented by the loop.
    struct held {
        virtual ~held() = default;
        virtual void cancel() = 0;
        virtual bool active() const = 0;
    };
    explicit loop_handle(std::shared_ptr<held> h) : held_(std::move(h)) {}

private:
    std::shared_ptr<held> held_;
};

/// Threads: one thread runs the loop and calls everything but post() and stop(), which any thread may call. Functions
/// given to it run on the loop's thread, never from within the call that hands them over, and must not throw. What is
/// still queued when the loop ends is destroyed without being called.
class event_loop {
public:
    event_loop();
    ~event_loop();
    event_loop(const event_loop&) = delete;
    event_loop& operator=(const event_loop&) = delete;

    /// In order of posting.
    void post(std::move_only_function<void()> fn);
    /// Once, at or after the deadline; one that has passed fires at the next turn.
    [[nodiscard]] loop_handle call_at(monotonic_instant deadline, std::move_only_function<void()> fn);
    [[nodiscard]] loop_handle call_after(duration delay, std::move_only_function<void()> fn);
    /// Each time the process gets `signal` (SIGINT, SIGTERM, SIGHUP, SIGCHLD, …), several deliveries maybe as one. Any
    /// number of hooks for each signal, called in order of their making; the signal's default action is off from the first
    /// hook until the last one ends. Errors: config.not_supported for a signal that cannot be caught.
    result<loop_handle> on_signal(int signal, std::function<void()> fn);

    /// Until stop(). With nothing to do it waits.
    void run();
    /// Until `done()` is true, stop() is called or `limit` has passed; `done` is asked before each piece of work. Returns
    /// done()'s last answer.
    bool run_until(const std::function<bool()>& done, duration limit = {INT64_MAX});
    /// Runs what is ready now, without waiting; returns the number of functions called.
    std::size_t poll();
    /// Ends the present run() or run_until(), else the next one, after the function that is being called.
    void stop();

private:
    friend boost::asio::io_context& asio_context(event_loop& loop);
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace aivp
