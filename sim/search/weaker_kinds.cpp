#include "sim/search/weaker_kinds.hpp"

#include <algorithm>

namespace aivp::sim {

namespace {

/// How much a kind asks of whoever reads the story: an answer that is late is less than one that is lost.
int strength(fault_kind k) {
    using enum fault_kind;
    switch (k) {
    case model_late:
    case skill_late:
    case user_late:
    case disk_slow:
    case clock_forward:
    case store_commit_fails: return 1;
    case model_rate_limited:
    case model_overloaded:
    case model_server_error:
    case skill_unavailable:
    case skill_rate_limited:
    case user_silent:
    case disk_full:
    case command_pause: return 2;
    case model_silent:
    case skill_denied:
    case skill_silent:
    case user_leaves:
    case disk_io_error:
    case store_commit_lost:
    case clock_back: return 3;
    case model_lost:
    case skill_lost:
    case store_commit_kept:
    case clock_sleep:
    case command_cancel: return 4;
    case skill_swallowed:
    case disk_sync_fails:
    case clock_drift: return 5;
    default: return 6;
    }
}

} // namespace

std::vector<fault_kind> weaker_kinds(fault_kind k) {
    std::vector<fault_kind> out;
    for (const fault_kind_info& other : fault_kinds())
        if (other.port == info(k).port && strength(other.kind) < strength(k)) out.push_back(other.kind);
    std::stable_sort(out.begin(), out.end(), [](fault_kind a, fault_kind b) { return strength(a) < strength(b); });
    return out;
}

} // namespace aivp::sim
