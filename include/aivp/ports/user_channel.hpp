// User channel: puts a conversing agent's answer to a person and brings back the reply.
//
// Ownership, threads, reentrancy: as for the model provider.
// Fault model: a person may never answer (the run's timeout ends it), answer late, or leave.
#pragma once

#include <string_view>

#include "aivp/ports/completion.hpp"

namespace aivp {

struct user_question {
    run_id run;
    call_id call;
    std::string_view agent; ///< valid during the call only
    payload text;           ///< JSON string: what the model said
    history messages;       ///< the conversation up to and including `text`
};

class user_channel {
public:
    virtual ~user_channel() = default;
    virtual void ask(const user_question& question, completion_sink& sink) = 0;
    virtual void cancel(call_ref ref) = 0;
};

class forwarding_user_channel : public user_channel {
public:
    explicit forwarding_user_channel(user_channel& next) : next_(next) {}
    void ask(const user_question& question, completion_sink& sink) override { next_.ask(question, sink); }
    void cancel(call_ref ref) override { next_.cancel(ref); }

protected:
    user_channel& next_;
};

} // namespace aivp
