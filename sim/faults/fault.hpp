// What can go wrong in a simulated world, and where. A fault is a value: at the n-th call of a place, this happens. A plan is
// a list of them; a seed only ever draws a plan, and plans are what runs execute, shrink and keep. docs/faults.md is the page
// for those who write them; `aivp-sim faults` lists the tables of this file.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/time.hpp"

namespace aivp::sim {

/// The port at which a fault is met. It is the first word of a site's name.
enum class fault_port : std::uint8_t {
    model,   ///< "model/AGENT": the n-th model call of the agent's runs
    skill,   ///< "skill/AGENT/AS": the n-th call of the binding
    user,    ///< "user/AGENT": the n-th question to the agent's user
    store,   ///< "store": the n-th commit
    disk,    ///< "disk": the n-th operation of the store's files; makes the run a durable one
    process, ///< "process/commit": before the n-th commit; "process/effect": before the n-th call to the world
    clock,   ///< "clock": at the n-th reading of the clock, which is once for each input
    command, ///< "command/AGENT": what an operator does while the agent's n-th call (of any kind) is under way
    ties,    ///< "ties": n chooses the order of what happens at the same instant
};
inline constexpr std::size_t fault_port_count = 9;
const char* to_string(fault_port p);

enum class fault_kind : std::uint8_t {
    // model
    model_rate_limited,
    model_overloaded,
    model_server_error,
    model_silent,
    model_lost,
    model_late,
    model_cut,
    model_truncated_arguments,
    model_schema_violation,
    model_unknown_tool,
    model_repeated_call,
    model_refusal,
    model_no_usage,
    model_huge_usage,
    model_negative_usage,
    model_empty,
    model_answers_twice,
    // skill
    skill_unavailable,
    skill_denied,
    skill_silent,
    skill_lost,
    skill_swallowed,
    skill_late,
    skill_answers_twice,
    skill_delivered_twice,
    skill_overtaken,
    skill_bad_result,
    skill_instruction,
    skill_rate_limited,
    // user
    user_leaves,
    user_silent,
    user_late,
    user_answers_twice,
    // store
    store_commit_fails,
    store_commit_lost,
    store_commit_kept,
    // disk
    disk_full,
    disk_io_error,
    disk_sync_fails,
    disk_short_read,
    disk_bit_rot,
    disk_slow,
    // process
    process_kill,
    // clock
    clock_forward,
    clock_back,
    clock_drift,
    clock_sleep,
    // command
    command_pause,
    command_cancel,
    command_reactivate,
    // ties
    ties_permute,
};
inline constexpr std::size_t fault_kind_count = static_cast<std::size_t>(fault_kind::ties_permute) + 1;

/// What a kind's parameter `span` means, and what it is when the plan does not say: by severity 1, 2, 3.
struct fault_span {
    std::string_view name; ///< the key in a plan: "late", "away", "by"; empty = the kind takes none
    duration by_severity[3];
};

struct fault_kind_info {
    fault_kind kind;
    fault_port port;
    std::string_view name; ///< within its port: "lost"
    std::string_view text; ///< what happens, one sentence
    fault_span span;
    /// Words of the parameter `form`, the first being the default; empty = the kind takes none.
    std::vector<std::string_view> forms;
    /// May it last: hit `times` calls in a row, or every one from its ordinal on?
    bool repeats = true;
    /// May nobody know afterwards whether an effect took place?
    bool ambiguous = false;
};
const std::vector<fault_kind_info>& fault_kinds();
const fault_kind_info& info(fault_kind k);
/// nullptr when the port has no kind of this name.
const fault_kind_info* find_fault_kind(fault_port port, std::string_view name);

/// "skill.lost".
std::string full_name(const fault_kind_info& k);
/// The kinds that a pattern names: "skill.lost", "skill.*", "*".
std::vector<fault_kind> matching_kinds(std::string_view pattern);

/// One entry of a plan. Ordered by site, ordinal, kind.
struct fault {
    static constexpr std::uint64_t always = 0;

    std::string site;          ///< "skill/clerk/charge"
    std::uint64_t ordinal = 1; ///< the first call that it hits, from 1
    fault_kind kind = fault_kind::model_late;
    std::uint64_t times = 1;   ///< calls in a row; `always` = every one from `ordinal` on
    std::uint8_t severity = 2; ///< 1 mild, 2 usual, 3 harsh: what `span` is when it is 0
    duration span{};           ///< 0 = by severity
    std::uint8_t form = 0;     ///< index into the kind's forms

    fault_port port() const { return info(kind).port; }
    duration effective_span() const;
    bool hits(std::uint64_t n) const { return n >= ordinal && (times == always || n < ordinal + times); }
    friend auto operator<=>(const fault&, const fault&) = default;
};
/// "skill/clerk/charge #2 lost", with what differs from the defaults: "late=45s times=3".
std::string to_string(const fault& f);

struct fault_plan {
    std::vector<fault> faults;
    bool empty() const { return faults.empty(); }
    friend bool operator==(const fault_plan&, const fault_plan&) = default;
};

/// Does a run under this plan need the durable store on the simulated disk?
bool needs_disk(const fault_plan& plan);

/// A place where faults can be met, as a run found it.
struct fault_site {
    std::string name;
    fault_port port = fault_port::model;
    std::uint64_t calls = 0; ///< so many ordinals there are
    bool writes = false;     ///< skills: it changes something
    bool keyed = false;      ///< skills: the far side keeps it to one effect, or repeating it is harmless
    friend bool operator==(const fault_site&, const fault_site&) = default;
};

/// May the kind be planned there? A skill that is neither keyed nor a read is never delivered twice: no network does that to
/// a request without a key that the caller does not repeat.
bool applies(const fault_kind_info& kind, const fault_site& site);

} // namespace aivp::sim
