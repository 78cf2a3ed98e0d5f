#include "sim/import/internal/imported_run.hpp"
#include "sim/import/internal/log_value.hpp"

namespace aivp::sim::internal {

namespace {

constexpr std::string_view tau_stop = "###STOP###";

result<imported_turn> tau_turn(const log_value& message) {
    imported_turn turn;
    AIVP_TRY(const auto content, log_text(log_member(message, "content")));
    if (content) turn.content = payload::of_string(*content);
    const log_value calls = log_member(message, "tool_calls");
    if (!calls.value.is_null() && !calls.value.is_array())
        return std::unexpected(log_fault(calls.pointer, "\"tool_calls\" must be a list or null").error());
    for (const log_value& entry : log_items(calls)) {
        const log_value function = log_member(entry, "function");
        imported_call call;
        AIVP_TRY(call.name, log_required_text(function, "name"));
        AIVP_TRY(const std::string arguments, log_required_text(function, "arguments"));
        const auto parsed = payload::parse(arguments);
        call.arguments = parsed ? *parsed : payload::of_string(arguments);
        AIVP_TRY(const auto id, log_text(log_member(entry, "id")));
        call.id = id.value_or("");
        turn.calls.push_back(std::move(call));
    }
    return turn;
}

// The harness marks no failures: a text that begins with "Error:" is a result like any other.
result<void> tau_answer(imported_run& run, const log_value& message) {
    AIVP_TRY(const auto content, log_text(log_member(message, "content")));
    AIVP_TRY(const auto id, log_text(log_member(message, "tool_call_id")));
    if (!run.turns.empty()) {
        imported_call* first_open = nullptr;
        imported_call* same_id = nullptr;
        for (imported_call& c : run.turns.back().calls) {
            if (c.answer) continue;
            if (!first_open) first_open = &c;
            if (!same_id && id && !id->empty() && c.id == *id) same_id = &c;
        }
        if (imported_call* call = same_id ? same_id : first_open) {
            call->answer = imported_answer{payload::of_string(content.value_or("")), false, {}};
            return {};
        }
    }
    return log_fault(message.pointer, "a tool answers that was not called");
}

result<void> tau_message(imported_run& run, const log_value& message) {
    AIVP_TRY(const std::string role, log_required_text(message, "role"));
    if (role == "tool") return tau_answer(run, message);
    if (role == "assistant") {
        AIVP_TRY(imported_turn turn, tau_turn(message));
        if (run.goal.empty()) run.skip = "the model speaks before the user";
        run.turns.push_back(std::move(turn));
        return {};
    }
    AIVP_TRY(const auto content, log_text(log_member(message, "content")));
    if (role == "system") {
        if (!run.system.empty() || !run.goal.empty()) run.skip = "there is more than one system message";
        run.system = content.value_or("");
        return {};
    }
    if (role != "user") return log_fault(message.pointer + "/role", "the role \"" + role + "\" is not known");
    if (run.goal.empty() && run.turns.empty()) {
        run.goal = content.value_or("");
    } else if (run.turns.empty() || !run.turns.back().calls.empty() || run.turns.back().reply) {
        run.skip = "the user speaks where the model is expected";
    } else {
        run.turns.back().reply = content ? payload::of_string(*content) : payload();
        run.turns.back().reply_ends = content && content->find(tau_stop) != std::string::npos;
    }
    return {};
}

payload tau_provenance(const log_value& document) {
    std::vector<std::pair<std::string, payload>> kept;
    for (const auto& [key, value] : members(document.value))
        if (key != "traj" && key != "info" && !value.is_null()) kept.emplace_back(key, value);
    if (const auto cost = at_pointer(document.value, "/info/user_cost")) kept.emplace_back("user_cost", *cost);
    return payload::of_object({{"format", payload::of_string("tau-bench")},
                               {"latency", payload::of_string("not logged, 0 throughout")},
                               {"log", payload::of_object(std::move(kept))}});
}

} // namespace

result<imported_run> read_tau_bench_run(const payload& value, const std::string& model, const std::string& suite) {
    const log_value document{value, ""};
    if (!value.is_object()) return std::unexpected(log_fault("", "a trajectory must be an object").error());
    imported_run run;
    run.suite = suite;
    run.version = "v1";
    run.model = model;
    run.converse = true;
    // The harness ends a conversation when the agent hands it to a person.
    run.ends_after = {"transfer_to_human_agents"};
    const auto task = as_integer(log_member(document, "task_id").value);
    if (!task) return std::unexpected(log_fault("/task_id", "\"task_id\" must be an integer").error());
    const auto trial = as_integer(log_member(document, "trial").value).value_or(0);
    run.title = suite + " task " + std::to_string(*task) + " trial " + std::to_string(trial);
    run.folder = safe_name(model) + "/" + safe_name(suite) + "/" +
                 safe_name("task-" + std::to_string(*task) + ".trial-" + std::to_string(trial));
    run.provenance = tau_provenance(document);
    const log_value messages = log_member(document, "traj");
    if (!messages.value.is_array())
        return std::unexpected(
            log_fault(messages.value.is_null() ? "" : messages.pointer, "\"traj\" must be a list").error());
    for (const log_value& message : log_items(messages)) AIVP_CHECK(tau_message(run, message));
    check_imported_run(run);
    return run;
}

} // namespace aivp::sim::internal
