#include "aivp/skill/outcome.hpp"

#include <string_view>
#include <utility>

namespace aivp {

const char* to_string(outcome_status s) {
    switch (s) {
    case outcome_status::success: return "success";
    case outcome_status::failure: return "failure";
    case outcome_status::partial: return "partial";
    case outcome_status::skipped: return "skipped";
    }
    return "failure";
}

const char* to_string(gate_stage s) {
    switch (s) {
    case gate_stage::resolve: return "resolve";
    case gate_stage::validate: return "validate";
    case gate_stage::capability: return "capability";
    case gate_stage::policy: return "policy";
    case gate_stage::approval: return "approval";
    case gate_stage::reserve: return "reserve";
    case gate_stage::idempotency: return "idempotency";
    case gate_stage::lease: return "lease";
    case gate_stage::secrets: return "secrets";
    case gate_stage::commit_intent: return "commit_intent";
    case gate_stage::perform: return "perform";
    case gate_stage::outcome: return "outcome";
    case gate_stage::settle: return "settle";
    case gate_stage::redact: return "redact";
    case gate_stage::evidence: return "evidence";
    }
    return "resolve";
}

namespace {

std::int64_t outcome_rounded_up(std::int64_t amount, std::int64_t unit) {
    if (amount <= 0) return 0;
    return amount / unit + (amount % unit != 0);
}

std::string_view outcome_aos_code(const structured_outcome& o) {
    if (o.code != errc::ok) return info(o.code).aos_code;
    if (o.skill == "http_call" || o.skill == "http.call") return "OK_HTTP_CALL";
    if (o.skill == "llm_invoke" || o.skill == "llm.invoke") return "OK_LLM_INVOKE";
    if (o.skill == "json_transform" || o.skill == "json.transform") return "OK_JSON_TRANSFORM";
    return "OK";
}

payload outcome_details(const structured_outcome& o) {
    std::string own = "{";
    if (o.abstained) own += "\"abstained\":true,";
    own += "\"cost_usd_micros\":";
    append_integer(own, o.cost.value);
    if (o.code != errc::ok) {
        own += ",\"error\":";
        append_json_string(own, info(o.code).name);
    }
    own += '}';
    payload ours = payload::from_canonical(std::move(own));
    if (o.details.is_null()) return ours;
    const payload theirs = o.details.is_object() ? o.details : payload::of_object({{"value", o.details}});
    return merged(theirs, ours);
}

void outcome_append_side_effects(std::string& out, const std::vector<side_effect>& effects) {
    out += '[';
    for (std::size_t i = 0; i < effects.size(); ++i) {
        if (i > 0) out += ',';
        out += "{\"target\":";
        append_json_string(out, effects[i].target);
        out += ",\"type\":";
        append_json_string(out, effects[i].type);
        out += '}';
    }
    out += ']';
}

} // namespace

// Written member by member in canonical order.
payload to_payload(const structured_outcome& o) {
    std::string out = "{\"code\":";
    append_json_string(out, outcome_aos_code(o));
    out += ",\"cost_cents\":";
    append_integer(out, outcome_rounded_up(o.cost.value, 10'000));
    out += ",\"details\":";
    out += outcome_details(o).text();
    out += ",\"latency_ms\":";
    append_integer(out, outcome_rounded_up(o.latency.us, 1'000));
    out += ",\"message\":";
    append_json_string(out, o.message);
    if (!o.skill.empty()) {
        out += ",\"metadata\":{\"skill_id\":";
        append_json_string(out, o.skill);
        out += ",\"skill_version\":";
        append_json_string(out, o.skill_version);
        out += '}';
    }
    out += ",\"observability\":{\"backend_retries\":";
    append_integer(out, o.retries);
    out += "},\"retryable\":";
    out += o.code != errc::ok && info(o.code).retryable ? "true" : "false";
    if (o.run) {
        out += ",\"run_id\":";
        append_json_string(out, to_string(o.run));
    }
    out += ",\"side_effects\":";
    outcome_append_side_effects(out, o.side_effects);
    out += ",\"status\":\"";
    out += to_string(o.status);
    out += '"';
    if (!o.step.empty()) {
        out += ",\"step_id\":";
        append_json_string(out, o.step);
    }
    out += ",\"timestamp\":\"";
    out += to_string(o.at);
    out += "\"}";
    return payload::from_canonical(std::move(out));
}

payload to_payload(const refusal& r) {
    std::string out = "{\"error\":";
    append_json_string(out, info(r.code).name);
    out += ",\"executed\":false,\"help\":";
    append_json_string(out, r.help.empty() ? info(r.code).help : std::string_view(r.help));
    out += ",\"message\":";
    append_json_string(out, r.message);
    out += '}';
    return payload::from_canonical(std::move(out));
}

} // namespace aivp
