// The model provider of a mocked world: answers from a script, after a drawn latency.
#pragma once

#include <cstdint>
#include <memory>

#include "aivp/ports/model_provider.hpp"
#include "mocks/latency.hpp"
#include "mocks/model_source.hpp"
#include "mocks/pending.hpp"
#include "mocks/world.hpp"

namespace aivp {

struct scripted_model_options {
    std::uint64_t seed = 0;   ///< of the latencies: drawn by (seed, model, run, call)
    bool synchronous = true;  ///< answers without latency come within call()
    bool report_usage = true; ///< derive usage where the script gives none; else it is absent
};

/// Threads: the driver's. Must outlive what it handed to the world, which outlives it.
class scripted_model final : public model_provider {
public:
    scripted_model(mock_world& world, std::unique_ptr<model_source> source, scripted_model_options options = {});

    void set_latencies(latency_table table) { latencies_ = std::move(table); }
    void call(const model_request& request, completion_sink& sink) override;
    /// Drops the answer.
    void cancel(call_ref ref) override { pending_.cancel(ref); }
    /// The run is over; frees what the script keeps about it.
    void forget(run_id run) { source_->forget(run); }
    std::size_t open_calls() const { return pending_.open(); }

private:
    std::unique_ptr<model_source> source_;
    scripted_model_options options_;
    latency_table latencies_;
    pending_answers<model_completion> pending_;
};

} // namespace aivp
