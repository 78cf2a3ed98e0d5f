// How a process that must end is made to end: asked first (SIGTERM), forced after a grace (SIGKILL to its group), and
// reported when even that does not help (a process in an uninterruptible wait). The times count from when a signal was really
// sent: a machine that slept through the grace still leaves it. As systemd (TimeoutStopSec) and Kubernetes
// (terminationGracePeriodSeconds) do.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "aivp/base/error.hpp"
#include "aivp/base/time.hpp"

namespace aivp {

struct kill_policy {
    duration term_grace = seconds(5); ///< from SIGTERM to SIGKILL; 0 = both at once
    duration kill_grace = seconds(5); ///< from SIGKILL until it is given up

    friend bool operator==(const kill_policy&, const kill_policy&) = default;
};

/// Errors: config.range (negative, or more than a day).
result<void> check(const kill_policy& policy);

/// What has been done so far.
struct kill_state {
    instant due; ///< when the process must end: its time limit, or now
    std::optional<instant> term_sent;
    std::optional<instant> kill_sent;
    bool exited = false;

    friend bool operator==(const kill_state&, const kill_state&) = default;
};

enum class kill_action : std::uint8_t {
    none,    ///< it has ended
    wait,    ///< look again at `at`
    term,    ///< send SIGTERM now
    kill,    ///< send SIGKILL to the whole group now
    give_up, ///< report it; its place stays taken
};
std::string_view to_string(kill_action action);

struct kill_step {
    kill_action action = kill_action::none;
    instant at; ///< now, or when to look again

    friend bool operator==(const kill_step&, const kill_step&) = default;
};

kill_step next_kill_step(const kill_policy& policy, const kill_state& state, instant now);
/// The state after the step was carried out.
kill_state after_kill_step(kill_state state, const kill_step& step);

} // namespace aivp
