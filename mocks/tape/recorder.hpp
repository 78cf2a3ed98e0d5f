// The tape recorder: stands between the driver and the real ports, forwards everything unchanged, and keeps what passed.
// Put recorder.models(), .connector() and .users() where the real ports would be.
//
// Ownership: the real ports and the sinks outlive the recorder's last completion; the recorder outlives open calls.
// Threads: the driver's thread only. Fault model: what the real ports do. The first answer to a call is recorded; a
// call that is cancelled, or still open when the tape is taken, is recorded as unanswered with outcome unknown.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/ports/connector.hpp"
#include "aivp/ports/model_provider.hpp"
#include "aivp/ports/user_channel.hpp"
#include "aivp/tape/tape.hpp"

namespace aivp {

struct tape_recorder_options {
    /// The present instant; required.
    std::function<instant()> now;
    /// What the tape holds instead of live arguments and results: declared secrets replaced. Empty: unchanged.
    std::function<payload(std::string_view skill, const payload& arguments)> fold_arguments;
    std::function<payload(std::string_view skill, const payload& result)> fold_result;
    /// The same for what a model answers to this agent: its calls may hold declared secrets.
    std::function<model_response(std::string_view agent, const model_response& response)> fold_response;
    std::string lane{tape_main_lane};
};

class tape_recorder {
public:
    tape_recorder(model_provider& models, connector_port& connector, user_channel& users,
                  tape_recorder_options options);
    tape_recorder(const tape_recorder&) = delete;
    tape_recorder& operator=(const tape_recorder&) = delete;

    model_provider& models() { return models_; }
    connector_port& connector() { return connector_; }
    user_channel& users() { return users_; }

    /// What no port sees; the host reports it from the engine's events.
    void run_started(run_id run, std::string agent, payload trigger);
    void call_refused(run_id run, tape_engine_refusal refusal);
    void run_finished(run_id run, tape_run_finished outcome);

    /// Runs that have events, ascending.
    std::vector<run_id> runs() const;
    /// The tape of one run so far: events, the model's name, trigger and outcome; the rest of the manifest is the
    /// caller's. Empty for a run that is not known.
    tape tape_of(run_id run) const;
    void forget(run_id run);

private:
    struct open_event {
        completion_sink* sink = nullptr;
        std::size_t event = 0; ///< index into the run's events
        instant at;
        std::string name; ///< the skill, or the agent that asked a model
    };
    struct run_record {
        std::vector<tape_event> events;
        tape_manifest manifest;
    };

    class completion_tap final : public completion_sink {
    public:
        explicit completion_tap(tape_recorder& owner) : owner_(owner) {}
        void model_done(model_completion c) override;
        void skill_done(skill_completion c) override;
        void user_done(user_completion c) override;
        void timer_fired(timer_key key) override;

    private:
        tape_recorder& owner_;
    };
    class model_tap final : public forwarding_model_provider {
    public:
        model_tap(model_provider& next, tape_recorder& owner) : forwarding_model_provider(next), owner_(owner) {}
        void call(const model_request& request, completion_sink& sink) override;
        void cancel(call_ref ref) override;

    private:
        tape_recorder& owner_;
    };
    class connector_tap final : public forwarding_connector {
    public:
        connector_tap(connector_port& next, tape_recorder& owner) : forwarding_connector(next), owner_(owner) {}
        void call(const skill_request& request, completion_sink& sink) override;
        void cancel(call_ref ref) override;

    private:
        tape_recorder& owner_;
    };
    class user_tap final : public forwarding_user_channel {
    public:
        user_tap(user_channel& next, tape_recorder& owner) : forwarding_user_channel(next), owner_(owner) {}
        void ask(const user_question& question, completion_sink& sink) override;
        void cancel(call_ref ref) override;

    private:
        tape_recorder& owner_;
    };

    void append(run_id run, tape_body body);
    void open(call_ref ref, tape_body body, completion_sink& sink, std::string name = {});
    /// The sink to pass the completion on to, and the event it settles (null when the call was settled before).
    struct settled {
        completion_sink* sink = nullptr;
        tape_event* event = nullptr;
        duration latency;
        std::string name;
    };
    settled settle(call_ref ref);
    void close(call_ref ref);

    tape_recorder_options options_;
    completion_tap completions_;
    model_tap models_;
    connector_tap connector_;
    user_tap users_;
    std::map<run_id, run_record> runs_;
    std::map<call_ref, open_event> open_;
    std::map<call_ref, completion_sink*> settled_; ///< for duplicates and late answers, which are passed on
};

} // namespace aivp
