// The edge of one simulated process. When the process dies nothing passes any more, in either direction: calls that it makes
// are not made, commits do nothing, and answers to it go nowhere. What had reached the world stays there.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

#include "aivp/ports/connector.hpp"
#include "aivp/ports/model_provider.hpp"
#include "aivp/ports/store.hpp"
#include "aivp/ports/user_channel.hpp"

namespace aivp::sim {

/// When a process dies: at whichever comes first. Numbers count from 1.
struct death_plan {
    static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t at_commit = never; ///< the n-th commit is not made; what was decided is lost
    std::uint64_t at_effect = never; ///< the n-th call of a model, skill or user is not made, although it was committed
    friend auto operator<=>(const death_plan&, const death_plan&) = default;
};

/// Must live as long as the world: answers may still be on their way to a process that is gone.
class process_boundary final : public completion_sink {
public:
    struct inner_ports {
        store_port& store;
        model_provider& models;
        connector_port& connector;
        user_channel& users;
    };
    process_boundary(inner_ports ports, death_plan plan)
        : plan_(plan),
          store_(ports.store, *this),
          models_(ports.models, *this),
          connector_(ports.connector, *this),
          users_(ports.users, *this) {}

    /// Where timers go. Answers go to whoever made the call.
    void attach(completion_sink& driver) { driver_ = &driver; }
    store_port& store() { return store_; }
    model_provider& models() { return models_; }
    connector_port& connector() { return connector_; }
    user_channel& users() { return users_; }

    void die() { dead_ = true; }
    /// It lives on, whatever was planned.
    void spare() { plan_ = {}; }
    bool dead() const { return dead_; }
    std::uint64_t commits() const { return commits_; }
    std::uint64_t effects() const { return effects_; }

    void model_done(model_completion c) override {
        if (!dead_) model_caller_->model_done(std::move(c));
    }
    void skill_done(skill_completion c) override {
        if (!dead_) skill_caller_->skill_done(std::move(c));
    }
    void user_done(user_completion c) override {
        if (!dead_) user_caller_->user_done(std::move(c));
    }
    void timer_fired(timer_key key) override {
        if (!dead_) driver_->timer_fired(key);
    }

private:
    bool commits_now() {
        if (!dead_ && ++commits_ == plan_.at_commit) dead_ = true;
        return !dead_;
    }
    bool performs_now() {
        if (!dead_ && ++effects_ == plan_.at_effect) dead_ = true;
        return !dead_;
    }

    class mortal_store final : public forwarding_store {
    public:
        mortal_store(store_port& next, process_boundary& edge) : forwarding_store(next), edge_(edge) {}
        commit_outcome commit(std::span<const journal_record> batch) override {
            return edge_.commits_now() ? next_.commit(batch) : commit_outcome::failed;
        }

    private:
        process_boundary& edge_;
    };
    class mortal_models final : public forwarding_model_provider {
    public:
        mortal_models(model_provider& next, process_boundary& edge) : forwarding_model_provider(next), edge_(edge) {}
        void call(const model_request& request, completion_sink& sink) override {
            edge_.model_caller_ = &sink;
            if (edge_.performs_now()) next_.call(request, edge_);
        }
        void cancel(call_ref ref) override {
            if (!edge_.dead()) next_.cancel(ref);
        }

    private:
        process_boundary& edge_;
    };
    class mortal_connector final : public forwarding_connector {
    public:
        mortal_connector(connector_port& next, process_boundary& edge) : forwarding_connector(next), edge_(edge) {}
        void call(const skill_request& request, completion_sink& sink) override {
            edge_.skill_caller_ = &sink;
            if (edge_.performs_now()) next_.call(request, edge_);
        }
        void cancel(call_ref ref) override {
            if (!edge_.dead()) next_.cancel(ref);
        }

    private:
        process_boundary& edge_;
    };
    class mortal_users final : public forwarding_user_channel {
    public:
        mortal_users(user_channel& next, process_boundary& edge) : forwarding_user_channel(next), edge_(edge) {}
        void ask(const user_question& question, completion_sink& sink) override {
            edge_.user_caller_ = &sink;
            if (edge_.performs_now()) next_.ask(question, edge_);
        }
        void cancel(call_ref ref) override {
            if (!edge_.dead()) next_.cancel(ref);
        }

    private:
        process_boundary& edge_;
    };

    death_plan plan_;
    completion_sink* driver_ = nullptr;
    completion_sink* model_caller_ = nullptr;
    completion_sink* skill_caller_ = nullptr;
    completion_sink* user_caller_ = nullptr;
    bool dead_ = false;
    std::uint64_t commits_ = 0;
    std::uint64_t effects_ = 0;
    mortal_store store_;
    mortal_models models_;
    mortal_connector connector_;
    mortal_users users_;
};

} // namespace aivp::sim
