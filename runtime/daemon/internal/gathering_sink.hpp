// Between the ports and the driver: what arrives in one turn of the loop reaches the driver together, and what arrives while
// it commits is ready when it looks again, so that concurrent runs share commits.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <variant>

#include "aivp/engine/driver.hpp"
#include "runtime/os/event_loop.hpp"

namespace aivp::internal {

/// Threads: the loop's. The loop outlives it.
class gathering_sink final : public completion_sink {
public:
    explicit gathering_sink(event_loop& loop) : loop_(loop) {}

    void attach(driver& d) { driver_ = &d; }
    /// From now on triggers do not fire: whoever comes next arms them again.
    void hold_triggers() { triggers_held_ = true; }
    /// Called at the end of each turn in which something was handed over.
    void when_handed_over(std::function<void()> fn) { handed_over_ = std::move(fn); }
    /// Everything that waits. The first of it makes an idle driver work; from within the driver all of it queues up there.
    void hand_over();

    void model_done(model_completion c) override { take(std::move(c)); }
    void skill_done(skill_completion c) override { take(std::move(c)); }
    void user_done(user_completion c) override { take(std::move(c)); }
    void timer_fired(timer_key key) override {
        if (!triggers_held_ || key.what != timer_key::kind::trigger) take(key);
    }

    /// While one of these lives the driver is at work, and completions go to it at once.
    class within_driver {
    public:
        explicit within_driver(gathering_sink& sink) : sink_(sink) { ++sink_.depth_; }
        ~within_driver() { --sink_.depth_; }
        within_driver(const within_driver&) = delete;
        within_driver& operator=(const within_driver&) = delete;

    private:
        gathering_sink& sink_;
    };

private:
    using item = std::variant<model_completion, skill_completion, user_completion, timer_key>;
    void take(item i);
    void deliver(item i);

    event_loop& loop_;
    driver* driver_ = nullptr;
    std::function<void()> handed_over_;
    std::deque<item> waiting_;
    bool triggers_held_ = false;
    int depth_ = 0;
    bool posted_ = false;
    std::shared_ptr<gathering_sink*> self_ = std::make_shared<gathering_sink*>(this);
};

/// The edge of the driver: each call it makes passes here, and answers come back by the gathering sink.
class gathered_connector final : public forwarding_connector {
public:
    gathered_connector(connector_port& next, gathering_sink& sink) : forwarding_connector(next), sink_(sink) {}
    void call(const skill_request& request, completion_sink&) override {
        const gathering_sink::within_driver here(sink_);
        next_.call(request, sink_);
    }

private:
    gathering_sink& sink_;
};

class gathered_models final : public forwarding_model_provider {
public:
    gathered_models(model_provider& next, gathering_sink& sink) : forwarding_model_provider(next), sink_(sink) {}
    void call(const model_request& request, completion_sink&) override {
        const gathering_sink::within_driver here(sink_);
        next_.call(request, sink_);
    }

private:
    gathering_sink& sink_;
};

class gathered_users final : public forwarding_user_channel {
public:
    gathered_users(user_channel& next, gathering_sink& sink) : forwarding_user_channel(next), sink_(sink) {}
    void ask(const user_question& question, completion_sink&) override {
        const gathering_sink::within_driver here(sink_);
        next_.ask(question, sink_);
    }

private:
    gathering_sink& sink_;
};

/// Hands over before each commit, so that the next one takes all that has come, and tells of commits that were not ok.
class watched_store final : public forwarding_store {
public:
    watched_store(store_port& next, gathering_sink& sink, std::function<void()> not_ok)
        : forwarding_store(next), sink_(sink), not_ok_(std::move(not_ok)) {}
    commit_outcome commit(std::span<const journal_record> batch) override {
        {
            const gathering_sink::within_driver here(sink_);
            sink_.hand_over();
        }
        ++commits_;
        const commit_outcome how = next_.commit(batch);
        if (how != commit_outcome::ok) not_ok_();
        return how;
    }
    std::uint64_t commits() const { return commits_; }

private:
    gathering_sink& sink_;
    std::function<void()> not_ok_;
    std::uint64_t commits_ = 0;
};

} // namespace aivp::internal
