// The person at the other end of a conversing agent.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "aivp/ports/user_channel.hpp"
#include "mocks/latency.hpp"
#include "mocks/pending.hpp"
#include "mocks/world.hpp"

namespace aivp {

struct user_script {
    std::vector<std::string> replies; ///< to each run from the first on; after the last the person leaves
    bool echo = false;                ///< repeats what was said, at most `echo_max` times
    std::uint32_t echo_max = 3;
    latency_model latency;
};

/// {"replies": [text…], "latency"?} | {"echo": true, "times"?, "latency"?}. Errors: config.*.
result<user_script> parse_user_script(const payload& document, std::string at = {});

struct scripted_user_options {
    std::uint64_t seed = 0; ///< of the latencies: drawn by (seed, agent, run, call)
    bool synchronous = true;
};

/// The same question asked again (same run and call) gets the same reply. Threads: the driver's. Must outlive what it
/// handed to the world.
class scripted_user final : public user_channel {
public:
    scripted_user(mock_world& world, user_script script, scripted_user_options options = {});

    void ask(const user_question& question, completion_sink& sink) override;
    void cancel(call_ref ref) override { pending_.cancel(ref); }
    void forget(run_id run) { asked_.erase(run); }

private:
    struct cursor {
        call_id last;
        std::uint32_t count = 0; // questions so far, the last one included
    };
    user_script script_;
    scripted_user_options options_;
    std::map<run_id, cursor> asked_;
    pending_answers<user_completion> pending_;
};

} // namespace aivp
