// One script for two hosts: what happens from outside, and what the far side answers, in the words of the wire. It is written
// down while the simulator runs a scenario, and a live host is then played it back over real sockets and processes.
//
// The simulated side does not hear what its mocks say but what the live adapters make of it according to their documentation
// (http_connector.hpp, subprocess_connector.hpp, openai.hpp): the mocks decide what happens, this file how it looks.
// What a live host keeps itself, values by key, needs no translation: the mock's answers are compared as they are.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aivp/engine/driver.hpp"
#include "aivp/ports/connector.hpp"
#include "aivp/ports/model_provider.hpp"

namespace differential_test {

/// How a skill is performed by the live host.
enum class means : std::uint8_t { http, program, built_in };

/// What comes back over the wire.
struct wire_answer {
    enum class kind : std::uint8_t {
        answer,
        cut,  ///< the connection ends without one
        never ///< whoever asks gives up
    } what = kind::never;
    int status = 200;
    aivp::payload body; ///< of a program: what it prints; of a model: its message, or what is wrong
    std::int64_t retry_after_ms = 0;
    aivp::model_response response; ///< of a model that answers
};

/// One request and its answer.
struct exchange {
    aivp::call_ref ref;
    std::string name;  ///< skill or model
    std::string match; ///< what a request is known by: the call's idempotency key, or the conversation
    means by = means::http;
    bool of_model = false;
    wire_answer answer;
};

/// How many events of each run there are.
using progress = std::map<aivp::run_id, std::size_t>;

/// One thing that comes from outside, and how far the runs were when it came.
struct script_step {
    enum class kind : std::uint8_t { trigger, answer, reply } what = kind::trigger;
    aivp::engine_input input;     ///< of a trigger
    std::size_t exchange = 0;     ///< of an answer
    aivp::user_completion answer; ///< of a reply
    progress before;
};

struct script {
    std::vector<exchange> exchanges;
    std::vector<script_step> steps;
    progress at_end;
    std::size_t deepest = 0; ///< most runs open at once
};

/// "a person\n\nwhat it said": everything up to the model's first turn, and the number of its turns.
std::string conversation_of(const aivp::payload& messages);

/// Stands in front of the simulated far side: translates its answers as the wire would, and keeps them.
class script_writer final : public aivp::connector_port,
                            public aivp::model_provider,
                            public aivp::completion_sink,
                            public aivp::driver_observer {
public:
    /// `origin` is what the messages of a cut connection name. The skills that are not named in `others` go over HTTP.
    script_writer(script& out, std::string origin, std::map<std::string, means, std::less<>> others)
        : script_(out), origin_(std::move(origin)), others_(std::move(others)) {}
    void stand_before(aivp::connector_port& skills, aivp::model_provider& models) {
        skills_ = &skills;
        models_ = &models;
    }

    void call(const aivp::skill_request& request, aivp::completion_sink& sink) override;
    void call(const aivp::model_request& request, aivp::completion_sink& sink) override;
    void cancel(aivp::call_ref ref) override;

    void skill_done(aivp::skill_completion c) override;
    void model_done(aivp::model_completion c) override;
    void user_done(aivp::user_completion c) override { sink_->user_done(std::move(c)); }
    void timer_fired(aivp::timer_key key) override { sink_->timer_fired(key); }

    void committed(const aivp::input_envelope& input, const aivp::decision& d, const aivp::engine_state& after,
                   const aivp::journal_record& record) override;

private:
    struct under_way {
        std::size_t exchange = 0;
        aivp::effect_class effect = aivp::effect_class::write;
    };
    void note_answer(aivp::call_ref ref);

    script& script_;
    std::string origin_;
    std::map<std::string, means, std::less<>> others_;
    aivp::connector_port* skills_ = nullptr;
    aivp::model_provider* models_ = nullptr;
    aivp::completion_sink* sink_ = nullptr;
    std::map<aivp::call_ref, under_way> under_way_;
    std::map<aivp::call_ref, std::deque<std::size_t>> answered_; ///< on their way to the driver
    progress counts_;
};

/// Counts the events of a step by run.
void count_events(progress& counts, const aivp::decision& d);

} // namespace differential_test
