// Model provider: asks a model for one turn.
//
// Ownership: requests are valid during call() only; copy what is needed later (history and payloads copy cheaply).
// Threads: the driver's thread; completions arrive on it too. Reentrancy: completing inside call() is allowed.
// Fault model: a call may never complete (the driver times it out), complete twice (the second is late), fail, be cut,
// return calls to tools that do not exist, arguments that are no JSON, no usage or absurd usage.
#pragma once

#include "aivp/ports/completion.hpp"

namespace aivp {

class model_provider {
public:
    virtual ~model_provider() = default;
    virtual void call(const model_request& request, completion_sink& sink) = 0;
    /// A hint: the answer is no longer wanted. The provider may still complete.
    virtual void cancel(call_ref ref) = 0;
};

class forwarding_model_provider : public model_provider {
public:
    explicit forwarding_model_provider(model_provider& next) : next_(next) {}
    void call(const model_request& request, completion_sink& sink) override { next_.call(request, sink); }
    void cancel(call_ref ref) override { next_.cancel(ref); }

protected:
    model_provider& next_;
};

} // namespace aivp
