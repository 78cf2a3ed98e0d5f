#include "aivp/engine/gate.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "aivp/base/probe.hpp"
#include "aivp/base/random.hpp"
#include "aivp/skill/redact.hpp"
#include "aivp/skill/secret_reference.hpp"

namespace aivp {

namespace {

refusal_ptr refuse(errc code, std::string decided_by, std::string message, std::string help = {}) {
    auto r = std::make_shared<refusal>();
    r->code = code;
    r->decided_by = std::move(decided_by);
    r->message = std::move(message);
    r->help = help.empty() ? std::string(info(code).help) : std::move(help);
    return r;
}

// Rules are named without their file: what is written into the journal must not depend on where a folder was loaded from.
// Whoever shows a refusal to a person adds the place from the snapshot.
std::string rule_of(const gate_context& c) { return "binding `" + c.grant->as + "`"; }
std::string skill_rule_of(const gate_context& c) {
    return "skill " + c.grant->skill->id + "@" + c.grant->skill->version;
}

/// The first violation that is not about a secret: what a secret's value is like, nobody here knows.
std::optional<json_schema::violation> first_violation(const gate_context& c) {
    if (!c.has_secrets) return c.grant->skill->input.validate(c.arguments);
    const std::vector<std::string> secrets = secret_reference_pointers(c.arguments);
    for (json_schema::violation& v : c.grant->skill->input.validate_all(c.arguments, 64))
        if (!is_below(v.instance_pointer, secrets)) return std::move(v);
    return std::nullopt;
}

std::array<std::uint64_t, 2> halves(const effect_key& key) {
    std::array<std::uint64_t, 2> out{};
    for (std::size_t i = 0; i < key.bytes.size(); ++i) out[i / 8] = out[i / 8] << 8 | key.bytes[i];
    return out;
}

effect_key effect_key_from(const std::array<std::uint64_t, 2>& halves) {
    effect_key key;
    for (std::size_t i = 0; i < key.bytes.size(); ++i)
        key.bytes[i] = static_cast<std::uint8_t>(halves[i / 8] >> (56 - 8 * (i % 8)));
    return key;
}

} // namespace

effect_key effect_seed_of(const effect_key& journal, run_id run, const agent_snapshot& snapshot) {
    // Numbers are written with all their bytes, big endian.
    std::string material(reinterpret_cast<const char*>(journal.bytes.data()), journal.bytes.size());
    for (int shift = 56; shift >= 0; shift -= 8) material += static_cast<char>(run.value >> shift & 0xff);
    return effect_key_of(sha256(material, snapshot.hashes.whole.view()));
}

refusal_ptr gate_resolve(gate_context& c) {
    const auto found = c.known ? c.known : c.snapshot.find_binding(c.as);
    if (!found) {
        AIVP_REACHABLE("gate: a skill that is not bound");
        c.binding = no_binding;
        return refuse(errc::skill_unknown, "snapshot " + to_hex(c.snapshot.hashes.whole, 8),
                      "`" + std::string(c.as) + "` is not bound to agent `" + c.snapshot.id + "`");
    }
    c.binding = *found;
    c.grant = &c.snapshot.bindings[*found];
    if (!c.grant->skill->enabled)
        return refuse(errc::skill_disabled, skill_rule_of(c), "skill `" + c.grant->skill->id + "` is switched off");
    return nullptr;
}

refusal_ptr gate_validate(gate_context& c) {
    if (!c.proposed.is_object()) {
        AIVP_REACHABLE("gate: arguments that are no object");
        return refuse(errc::args_not_json, c.grant->skill->id, "the arguments are not a JSON object");
    }
    if (c.proposed.text().size() > argument_bytes_max)
        return refuse(errc::args_limit, "argument_bytes_max", "the arguments take more than 1 MiB");
    if (has_secret_reference(c.proposed)) {
        AIVP_REACHABLE("gate: a secret that is asked for by name");
        return refuse(errc::args_schema, c.grant->skill->id, "a $secret reference stands outside of `fixed`");
    }
    if (c.read_back && !c.grant->skill->secret_arguments.empty() &&
        c.proposed.text().find("⟦secret:argument#") != std::string_view::npos)
        return refuse(errc::args_schema, c.grant->skill->id,
                      "an argument is the placeholder of a secret that was not kept",
                      "propose the call again with the argument itself");
    c.arguments = c.grant->has_fixed ? merged(c.proposed, c.grant->fixed) : c.proposed;
    c.has_secrets = c.grant->has_fixed && has_secret_reference(c.grant->fixed);
    if (c.validated) return nullptr;
    const auto violation = first_violation(c);
    if (!violation) return nullptr;
    AIVP_SOMETIMES(violation->unknown_property, "gate: an argument that the schema does not have");
    AIVP_SOMETIMES(!violation->unknown_property, "gate: an argument that does not fit its schema");
    const errc code = violation->unknown_property ? errc::args_unknown : errc::args_schema;
    const std::string where = violation->instance_pointer.empty() ? "the arguments" : violation->instance_pointer;
    return refuse(code, "input schema of " + c.grant->skill->id + "@" + c.grant->skill->version,
                  where + ": " +
                      (is_below_pattern(violation->instance_pointer, c.grant->skill->secret_arguments)
                           ? "does not fit its schema"
                           : violation->message));
}

refusal_ptr gate_capability(gate_context& c) {
    if (!c.grant->has_fixed) return nullptr;
    for (const auto& [key, value] : members(c.grant->fixed)) {
        const auto given = member(c.proposed, key);
        AIVP_SOMETIMES(given && *given != value, "gate: a fixed argument is contradicted");
        if (given && *given != value)
            return refuse(errc::cap_fixed, rule_of(c), "argument `" + key + "` is fixed by the binding");
    }
    return nullptr;
}

refusal_ptr gate_policy(gate_context& c) {
    // Grants are the whole policy so far: gate_resolve found one, so a rule allows the call. Without a grant nothing does.
    if (c.grant) return nullptr;
    AIVP_UNREACHABLE("gate: a call comes to the policy without a grant");
    return refuse(errc::policy_no_rule, "default deny", "no rule allows it");
}

refusal_ptr gate_approval(gate_context& c) {
    if (!c.grant->skill->needs_approval) return nullptr;
    AIVP_REACHABLE("gate: a call that needs a person's approval");
    return refuse(errc::approval_required, skill_rule_of(c),
                  "skill `" + c.grant->skill->id + "` needs a person's approval, and there is no approver here");
}

refusal_ptr gate_reserve(gate_context& c) {
    const run_limits& limits = c.snapshot.limits;
    AIVP_SOMETIMES(c.run.skill_calls >= limits.skill_calls, "gate: one skill call too many");
    if (c.run.skill_calls >= limits.skill_calls)
        return refuse(errc::limit_steps, "limits.skill_calls",
                      "the run made " + std::to_string(limits.skill_calls) + " skill calls already");
    const bool again =
        c.run.repeated_binding == c.binding && c.run.repeated > 0 && c.run.repeated_hash == c.arguments.hash();
    const std::uint32_t repeated = again ? c.run.repeated + 1 : 1;
    AIVP_SOMETIMES(repeated > limits.repeated_calls, "gate: the loop guard stops a repeated call");
    if (repeated > limits.repeated_calls)
        return refuse(errc::loop_repeated_call, "limits.repeated_calls",
                      "the same call was proposed " + std::to_string(repeated) + " times in a row");
    c.reserve = c.grant->skill->cost_estimate;
    const auto committed = checked_add(c.run.spent, c.run.reserved);
    const auto total = committed ? checked_add(*committed, c.reserve) : committed;
    AIVP_SOMETIMES(!total || *total > limits.budget, "gate: a call does not fit the budget");
    if (!total || *total > limits.budget)
        return refuse(errc::budget_exhausted, "limits.budget_usd",
                      "reserving " + to_string(c.reserve) + " exceeds the budget of " + to_string(limits.budget));
    return nullptr;
}

refusal_ptr gate_idempotency(gate_context& c) {
    for (const unknown_write& u : c.run.unknown_writes) {
        if (u.binding != c.binding || u.arguments_hash != c.arguments.hash()) continue;
        AIVP_SOMETIMES(!c.grant->skill->takes_key, "gate: an unknown write is not made blindly again");
        AIVP_SOMETIMES(c.grant->skill->takes_key, "gate: an unknown write is sent under its old key");
        if (!c.grant->skill->takes_key)
            return refuse(errc::skill_outcome_unknown, skill_rule_of(c),
                          "the same call was made before, and it is not known whether it took effect");
        const bool open =
            std::ranges::any_of(c.run.open, [&](const open_call& o) { return o.idempotency_key == u.idempotency_key; });
        AIVP_SOMETIMES(open, "gate: an unknown write is being made again already");
        if (open)
            return refuse(errc::idem_in_flight, skill_rule_of(c),
                          "the same call is being made again under its old key, and has no outcome yet");
        c.idempotency_key = u.idempotency_key;
        return nullptr;
    }
    // The key names this very call of this very run, so that a repeat after a crash is the same effect and a second, equal call
    // is another one. A Philox block is a permutation of its counter: within a run two keys are equal only if call and the
    // first 64 bits of the arguments' hash are.
    const std::array<std::uint64_t, 2> seed = halves(c.run.effect_seed);
    const philox_block key = philox4x32_10(seed[1] ^ c.call.value, c.arguments.hash().prefix() ^ c.binding, seed[0]);
    c.idempotency_key = effect_key_from({key.hi, key.lo});
    return nullptr;
}

refusal_ptr gate_lease(gate_context& c) {
    // An agent runs once at a time, which the scheduler of runs sees to; leases on targets come with shared targets.
    const duration timeout = std::min(c.snapshot.limits.step_timeout, c.grant->skill->timeout);
    c.deadline = std::min(c.now + timeout, c.run.deadline);
    return nullptr;
}

refusal_ptr gate_secrets(gate_context&) {
    // Names of secrets stand in `fixed` only (gate_validate saw to it); the values are fetched by the driver when it
    // performs the call, so that neither state nor journal ever holds one.
    return nullptr;
}

refusal_ptr gate_redact(gate_context& c) {
    const auto& pointers = c.grant->skill->secret_arguments;
    c.recorded = pointers.empty() ? c.arguments : redact(c.arguments, pointers, "argument");
    return nullptr;
}

std::span<const gate_stage_entry> gate_stages() {
    static constexpr std::array<gate_stage_entry, 10> stages{{
        {gate_stage::resolve, gate_resolve},
        {gate_stage::validate, gate_validate},
        {gate_stage::capability, gate_capability},
        {gate_stage::policy, gate_policy},
        {gate_stage::approval, gate_approval},
        {gate_stage::reserve, gate_reserve},
        {gate_stage::idempotency, gate_idempotency},
        {gate_stage::lease, gate_lease},
        {gate_stage::secrets, gate_secrets},
        {gate_stage::redact, gate_redact},
    }};
    return stages;
}

refusal_ptr pass_gate(gate_context& c) {
    for (const auto& [stage, decide] : gate_stages()) {
        if (refusal_ptr r = decide(c)) {
            const auto named = std::make_shared<refusal>(*r);
            named->stage = stage;
            return named;
        }
    }
    return nullptr;
}

} // namespace aivp
