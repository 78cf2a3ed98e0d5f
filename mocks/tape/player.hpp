// The tape player: answers model, skill and user calls of one run from a tape, and nothing else. What the tape has no
// answer for fails with tape.miss and is remembered; nothing is ever made up or passed on.
//
// Ownership: the tape's events, the world and the sinks of open calls outlive the player's last answer. Threads: the
// driver's thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/ports/connector.hpp"
#include "aivp/ports/model_provider.hpp"
#include "aivp/ports/user_channel.hpp"
#include "aivp/tape/matcher.hpp"
#include "mocks/world.hpp"

namespace aivp {

struct tape_player_options {
    /// Answers come after the recorded latency, and the failure after a miss only when the world moves on: a host that
    /// looks at missed() stops the run before it goes on from there. Null: all come at once, within the call.
    mock_world* world = nullptr;
    std::string lane{tape_main_lane};
    /// Turns live arguments into what a tape would hold (secrets replaced), as the recorder did. Empty: unchanged.
    std::function<payload(std::string_view skill, const payload& arguments)> fold_arguments{};
};

class tape_player final : public model_provider, public connector_port, public user_channel {
public:
    explicit tape_player(const std::vector<tape_event>& events, tape_player_options options = {});

    void call(const model_request& request, completion_sink& sink) override;
    void call(const skill_request& request, completion_sink& sink) override;
    void ask(const user_question& question, completion_sink& sink) override;
    /// The answer to `ref` is dropped.
    void cancel(call_ref ref) override;

    /// Set once something was asked that the tape cannot answer: the host should stop the run.
    bool missed() const { return missed_ > 0; }
    /// The first of them, at most 8, in order.
    const std::vector<tape_miss>& misses() const { return misses_; }
    tape_verdict verdict() const;

private:
    void deliver(call_ref ref, duration latency, bool answered, std::function<void()> complete);
    void remember(tape_miss m);

    tape_matcher matcher_;
    tape_player_options options_;
    std::uint64_t missed_ = 0;
    std::vector<tape_miss> misses_;
    std::uint64_t last_ticket_ = 0;
    /// Answers under way. Shared with the world's actions, which may outlive the player.
    std::shared_ptr<std::map<call_ref, std::uint64_t>> open_;
};

} // namespace aivp
