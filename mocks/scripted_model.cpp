#include "mocks/scripted_model.hpp"

#include <utility>

#include "aivp/base/assert.hpp"

namespace aivp {

scripted_model::scripted_model(mock_world& world, std::unique_ptr<model_source> source, scripted_model_options options)
    : source_(std::move(source)), options_(options), pending_(world, options.synchronous) {
    AIVP_ASSERT(source_ != nullptr, "a scripted model needs a script");
}

void scripted_model::call(const model_request& request, completion_sink& sink) {
    model_answer a = source_->answer(request);
    model_completion done;
    done.ref = {request.run, request.call};
    done.outcome = a.outcome;
    if (a.outcome == effect_outcome::ok) {
        done.response = std::move(a.response);
        if (!done.response.usage.reported && options_.report_usage) {
            if (a.bytes < 0) a.bytes = prepared_answer(done.response).bytes;
            done.response.usage = derived_usage(request, a.bytes);
        }
    } else {
        done.code = a.code;
        done.message = std::move(a.message);
    }
    duration delay{};
    if (a.latency)
        delay = *a.latency;
    else if (latency_model* const model = latencies_.find(request.model))
        delay = draw_for_call(*model, options_.seed, "model-latency", request.model, {request.run, request.call});
    pending_.complete(sink, std::move(done), delay);
}

} // namespace aivp
