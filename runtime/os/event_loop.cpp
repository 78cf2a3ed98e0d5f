#include "runtime/os/event_loop.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <map>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "runtime/os/internal/asio_loop.hpp"

namespace aivp {

namespace {

using steady = std::chrono::steady_clock;

steady::time_point to_steady(monotonic_instant t) {
    // steady_clock counts nanoseconds: what lies beyond its end is its end.
    constexpr std::int64_t us_max = INT64_MAX / 1000;
    const std::int64_t us = std::clamp<std::int64_t>(t.us, 0, us_max);
    return steady::time_point(std::chrono::duration_cast<steady::duration>(std::chrono::microseconds(us)));
}

struct timer_wait;

struct held_timer final : loop_handle::held {
    void cancel() override;
    bool active() const override { return fn != nullptr; }

    std::move_only_function<void()> fn;
    timer_wait* wait = nullptr; ///< while it waits
};

/// Belongs to the pending operation, so that it ends with it, be it with the whole loop.
struct timer_wait {
    timer_wait(boost::asio::io_context& context, std::shared_ptr<held_timer> h) : timer(context), held(std::move(h)) {
        held->wait = this;
    }
    ~timer_wait() {
        held->wait = nullptr;
        held->fn = nullptr;
    }

    boost::asio::steady_timer timer;
    std::shared_ptr<held_timer> held;
};

void held_timer::cancel() {
    const auto gone = std::exchange(fn, nullptr); // it may hold this very handle, so it goes last
    if (wait) wait->timer.cancel();
}

struct signal_source;

struct held_hook final : loop_handle::held {
    void cancel() override;
    bool active() const override { return fn != nullptr; }

    std::function<void()> fn;
    std::weak_ptr<signal_source> source;
};

/// One signal: while it has hooks, its set is registered.
struct signal_source : std::enable_shared_from_this<signal_source> {
    signal_source(boost::asio::io_context& context, int number) : set(context), signal(number) {}

    result<void> open() {
        boost::system::error_code failed;
        set.add(signal, failed);
        if (failed)
            return fail(errc::config_not_supported,
                        "signal " + std::to_string(signal) + " cannot be caught: " + failed.message());
        ++times_opened;
        wait();
        return {};
    }
    void wait() {
        set.async_wait([weak = weak_from_this(), opened = times_opened](boost::system::error_code failed, int) {
            const auto self = weak.lock();
            if (failed || !self || self->hooks.empty() || self->times_opened != opened) return;
            self->wait();
            const auto now = self->hooks; // hooks come and go while they are called
            for (const auto& hook : now)
                if (hook->fn) {
                    const auto call = hook->fn;
                    call();
                }
        });
    }

    boost::asio::signal_set set;
    int signal;
    std::uint64_t times_opened = 0;
    std::vector<std::shared_ptr<held_hook>> hooks;
};

void held_hook::cancel() {
    const auto gone = std::exchange(fn, nullptr);
    const auto from = std::exchange(source, {}).lock();
    if (!from) return;
    std::erase_if(from->hooks, [this](const auto& h) { return h.get() == this; });
    if (!from->hooks.empty()) return;
    boost::system::error_code ignored; // restoring a default action does not fail
    from->set.clear(ignored);
    from->set.cancel(ignored);
}

} // namespace

struct event_loop::impl {
    boost::asio::io_context context{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
    std::atomic<bool> stopping{false};
    std::map<int, std::shared_ptr<signal_source>> signals;
};

monotonic_instant monotonic_now() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return {std::int64_t{t.tv_sec} * 1'000'000 + t.tv_nsec / 1000};
}

loop_handle& loop_handle::operator=(loop_handle&& other) noexcept {
    if (this == &other) return *this;
    cancel();
    held_ = std::move(other.held_);
    return *this;
}

void loop_handle::cancel() {
    if (const auto held = std::exchange(held_, nullptr)) held->cancel();
}

bool loop_handle::active() const { return held_ && held_->active(); }

event_loop::event_loop() : impl_(std::make_unique<impl>()) {}

event_loop::~event_loop() {
    for (const auto& [number, source] : impl_->signals)
        for (const auto& hook : source->hooks) hook->fn = nullptr;
    impl_->signals.clear();
}

void event_loop::post(std::move_only_function<void()> fn) { boost::asio::post(impl_->context, std::move(fn)); }

loop_handle event_loop::call_at(monotonic_instant deadline, std::move_only_function<void()> fn) {
    auto held = std::make_shared<held_timer>();
    held->fn = std::move(fn);
    auto wait = std::make_unique<timer_wait>(impl_->context, held);
    auto& timer = wait->timer;
    timer.expires_at(to_steady(deadline));
    timer.async_wait([wait = std::move(wait)](boost::system::error_code) {
        if (auto call = std::exchange(wait->held->fn, nullptr)) call();
    });
    return loop_handle(std::move(held));
}

loop_handle event_loop::call_after(duration delay, std::move_only_function<void()> fn) {
    return call_at(monotonic_now() + delay, std::move(fn));
}

result<loop_handle> event_loop::on_signal(int signal, std::function<void()> fn) {
    auto& source = impl_->signals[signal];
    if (!source) source = std::make_shared<signal_source>(impl_->context, signal);
    if (source->hooks.empty()) AIVP_CHECK(source->open());
    auto hook = std::make_shared<held_hook>();
    hook->fn = std::move(fn);
    hook->source = source;
    source->hooks.push_back(hook);
    return loop_handle(std::move(hook));
}

void event_loop::run() {
    run_until([] { return false; });
}

bool event_loop::run_until(const std::function<bool()>& done, duration limit) {
    const bool bounded = limit.us != INT64_MAX;
    const auto deadline = to_steady(monotonic_now() + limit);
    bool reached = done();
    while (!reached && !impl_->stopping.load()) {
        impl_->context.restart();
        if (impl_->stopping.load()) break;
        const std::size_t called = bounded ? impl_->context.run_one_until(deadline) : impl_->context.run_one();
        reached = done();
        if (bounded && called == 0 && steady::now() >= deadline) break;
    }
    impl_->stopping = false;
    return reached;
}

std::size_t event_loop::poll() {
    impl_->context.restart();
    return impl_->context.poll();
}

void event_loop::stop() {
    impl_->stopping = true;
    impl_->context.stop();
}

boost::asio::io_context& asio_context(event_loop& loop) { return loop.impl_->context; }

} // namespace aivp
