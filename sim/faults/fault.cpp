#include "sim/faults/fault.hpp"

#include <algorithm>

namespace aivp::sim {

const char* to_string(fault_port p) {
    switch (p) {
    case fault_port::model: return "model";
    case fault_port::skill: return "skill";
    case fault_port::user: return "user";
    case fault_port::store: return "store";
    case fault_port::disk: return "disk";
    case fault_port::process: return "process";
    case fault_port::clock: return "clock";
    case fault_port::command: return "command";
    case fault_port::ties: return "ties";
    }
    return "";
}

namespace {

using enum fault_port;
using enum fault_kind;

constexpr fault_span no_span{};
constexpr fault_span late{"late", {seconds(5), minutes(2), hours(2)}};
constexpr fault_span after{"after", {milliseconds(10), seconds(2), minutes(2)}};
constexpr fault_span hold{"wait", {seconds(1), seconds(20), minutes(10)}};
constexpr fault_span away{"away", {seconds(1), minutes(10), days(1)}};
constexpr fault_span down{"down", {seconds(1), minutes(1), hours(1)}};
constexpr fault_span by{"by", {seconds(2), hours(1), days(30)}};

std::vector<fault_kind_info> model_kinds() {
    const std::vector<std::string_view> headers{"none", "seconds", "date", "milliseconds", "past", "absurd"};
    return {
        {model_rate_limited, model, "rate_limited", "429; the form says how Retry-After is written", hold, headers},
        {model_overloaded, model, "overloaded", "529, nothing was computed", no_span, {}},
        {model_server_error, model, "server_error", "500, nothing was computed", no_span, {}},
        {model_silent, model, "silent", "the request is lost: no answer, no bill", no_span, {}},
        {model_lost, model, "lost", "the answer is computed and billed, and lost on its way", after, {}, true, true},
        {model_late, model, "late", "the answer comes late, whether somebody still waits or not", late, {}},
        {model_cut, model, "cut", "the stream ends before its end", after, {}, true, true},
        {model_truncated_arguments,
         model,
         "truncated_arguments",
         "the arguments of its calls end in the middle",
         no_span,
         {}},
        {model_schema_violation, model, "schema_violation", "its calls have arguments of the wrong types", no_span, {}},
        {model_unknown_tool, model, "unknown_tool", "it calls a tool that nobody offered", no_span, {}},
        {model_repeated_call, model, "repeated_call", "it makes its last call twice in one turn", no_span, {}},
        {model_refusal, model, "refusal", "it declines", no_span, {}},
        {model_empty, model, "empty", "a turn with neither text nor calls", no_span, {}},
        {model_no_usage, model, "no_usage", "the answer does not say what it used", no_span, {}},
        {model_huge_usage,
         model,
         "huge_usage",
         "the answer says that it used far too much",
         no_span,
         {"hundredfold", "absurd"}},
        {model_negative_usage, model, "negative_usage", "the answer says that it used less than nothing", no_span, {}},
        {model_answers_twice, model, "answers_twice", "the same answer comes again", after, {}},
    };
}

std::vector<fault_kind_info> skill_kinds() {
    const std::vector<std::string_view> headers{"none", "seconds", "date", "milliseconds", "past", "absurd"};
    return {
        {skill_unavailable, skill, "unavailable", "no connection: no effect, and the caller knows it", no_span, {}},
        {skill_denied, skill, "denied", "401: the credentials have expired, no effect", no_span, {}},
        {skill_rate_limited, skill, "rate_limited", "429; the form says how Retry-After is written", hold, headers},
        {skill_silent, skill, "silent", "the request is lost: no effect, no answer", no_span, {}, true, true},
        {skill_lost,
         skill,
         "lost",
         "the effect happens, and the connection breaks before the answer",
         after,
         {},
         true,
         true},
        {skill_swallowed, skill, "swallowed", "the effect happens, and no answer ever comes", no_span, {}, true, true},
        {skill_late, skill, "late", "the answer comes late, whether somebody still waits or not", late, {}},
        {skill_answers_twice, skill, "answers_twice", "the same answer comes again", after, {}},
        {skill_delivered_twice, skill, "delivered_twice", "the network delivers the request twice", no_span, {}},
        {skill_overtaken, skill, "overtaken", "the answer comes after the next one of any skill", late, {}},
        {skill_bad_result, skill, "bad_result", "the answer is not what the skill's schema says", no_span, {}},
        {skill_instruction, skill, "instruction", "the answer carries an instruction to the model", no_span, {}},
    };
}

std::vector<fault_kind_info> other_kinds() {
    return {
        {user_leaves, user, "leaves", "the user ends the conversation", no_span, {}},
        {user_silent, user, "silent", "the user never answers", no_span, {}},
        {user_late, user, "late", "the user answers late", late, {}},
        {user_answers_twice, user, "answers_twice", "the user sends the answer twice", after, {}},
        {store_commit_fails, store, "commit_fails", "nothing is written, and the store says so", down, {}},
        {store_commit_lost, store, "commit_lost", "nobody knows; nothing was written", down, {}},
        {store_commit_kept, store, "commit_kept", "nobody knows; everything was written", down, {}},
        {disk_full, disk, "full", "no space is left", down, {}},
        {disk_io_error, disk, "io_error", "the operation fails", down, {}},
        {disk_sync_fails, disk, "sync_fails", "a sync fails, and nothing became durable", down, {}, false},
        {disk_short_read, disk, "short_read", "a read delivers half of what is there", down, {}, false},
        {disk_bit_rot, disk, "bit_rot", "a bit of what is read is wrong", down, {"read", "stored"}, false},
        {disk_slow, disk, "slow", "every operation from there on takes long", after, {}, false},
        {process_kill, process, "kill", "the process dies there, and is started again", away, {}},
        {clock_forward, clock, "forward", "somebody sets the wall clock forward", by, {}, false},
        {clock_back, clock, "back", "somebody sets the wall clock back", by, {}, false},
        {clock_drift,
         clock,
         "drift",
         "the wall clock runs apart by so much an hour",
         {"an_hour", {seconds(1), minutes(1), minutes(20)}},
         {"fast", "slow"},
         false},
        {clock_sleep, clock, "sleep", "the machine sleeps", {"asleep", {minutes(1), hours(8), days(3)}}, {}, false},
        {command_pause,
         command,
         "pause",
         "an operator pauses the run, and resumes it later",
         {"paused", {seconds(10), minutes(30), days(2)}},
         {}},
        {command_cancel, command, "cancel", "an operator cancels the run", no_span, {}},
        {command_reactivate,
         command,
         "reactivate",
         "the agent's configuration is activated again in mid-run",
         no_span,
         {"same", "narrowed"}},
        {ties_permute,
         ties,
         "permute",
         "what happens at the same instant happens in another order",
         no_span,
         {},
         false},
    };
}

std::vector<fault_kind_info> all_kinds() {
    std::vector<fault_kind_info> all = model_kinds();
    for (auto more : {skill_kinds(), other_kinds()}) all.insert(all.end(), more.begin(), more.end());
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.kind < b.kind; });
    return all;
}

} // namespace

const std::vector<fault_kind_info>& fault_kinds() {
    static const std::vector<fault_kind_info> table = all_kinds();
    return table;
}

const fault_kind_info& info(fault_kind k) { return fault_kinds()[static_cast<std::size_t>(k)]; }

const fault_kind_info* find_fault_kind(fault_port port, std::string_view name) {
    for (const fault_kind_info& k : fault_kinds())
        if (k.port == port && k.name == name) return &k;
    return nullptr;
}

std::string full_name(const fault_kind_info& k) { return std::string(to_string(k.port)) + "." + std::string(k.name); }

std::vector<fault_kind> matching_kinds(std::string_view pattern) {
    std::vector<fault_kind> out;
    const bool whole_port = pattern.ends_with(".*");
    for (const fault_kind_info& k : fault_kinds()) {
        const std::string name = full_name(k);
        const bool fits =
            whole_port ? name.starts_with(pattern.substr(0, pattern.size() - 1)) : pattern == "*" || name == pattern;
        if (fits) out.push_back(k.kind);
    }
    return out;
}

duration fault::effective_span() const {
    if (span.us != 0) return span;
    return info(kind).span.by_severity[std::clamp<int>(severity, 1, 3) - 1];
}

std::string to_string(const fault& f) {
    const fault_kind_info& k = info(f.kind);
    std::string out = f.site + " #" + std::to_string(f.ordinal) + " " + std::string(k.name);
    if (!k.span.name.empty()) out += " " + std::string(k.span.name) + "=" + to_string(f.effective_span());
    if (!k.forms.empty()) out += " form=" + std::string(k.forms[f.form]);
    if (f.times != 1) out += " times=" + (f.times == fault::always ? "always" : std::to_string(f.times));
    return out;
}

bool needs_disk(const fault_plan& plan) {
    return std::any_of(plan.faults.begin(), plan.faults.end(),
                       [](const fault& f) { return f.port() == fault_port::disk; });
}

bool applies(const fault_kind_info& kind, const fault_site& site) {
    if (kind.port != site.port) return false;
    return kind.kind != skill_delivered_twice || site.keyed || !site.writes;
}

} // namespace aivp::sim
