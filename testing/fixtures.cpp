#include "aivp/testing/fixtures.hpp"

#include <algorithm>
#include <map>

#include "aivp/base/assert.hpp"

namespace aivp::testing {

namespace {

payload parsed(std::string_view text) {
    auto p = payload::parse(text);
    AIVP_ASSERT(p.has_value(), "a fixture holds JSON that does not parse");
    return *p;
}

json_schema compiled(std::string_view text) {
    auto s = json_schema::compile(parsed(text));
    AIVP_ASSERT(s.has_value(), "a fixture holds a schema that does not compile");
    return *s;
}

std::shared_ptr<agent_snapshot> make_agent(std::string id, std::vector<skill_binding> bindings,
                                           agent_options& options) {
    auto a = std::make_shared<agent_snapshot>();
    a->id = a->name = std::move(id);
    std::sort(bindings.begin(), bindings.end(), [](const auto& x, const auto& y) { return x.as < y.as; });
    a->bindings = std::move(bindings);
    a->limits = options.limits;
    a->triggers = std::move(options.triggers);
    if (a->triggers.empty())
        a->triggers.push_back({.id = "manual", .when = manual_schedule{}, .payload_schema = {}, .where = {}});
    std::vector<payload> tools;
    std::string skills;
    for (const skill_binding& b : a->bindings) {
        tools.push_back(payload::of_object({{"description", payload::of_string(b.skill->summary)},
                                            {"name", payload::of_string(b.as)},
                                            {"parameters", b.skill->input.source()}}));
        skills += b.skill->hash.view();
        skills += b.fixed.text();
    }
    a->tools = payload::of_array(tools);
    a->hashes.agent = sha256(a->id);
    a->hashes.skills = a->hashes.policy = sha256(skills);
    return a;
}

snapshot_ptr sealed(std::shared_ptr<agent_snapshot> a) {
    a->hashes.whole = sha256(a->hashes.agent.view(), a->hashes.skills.view());
    return a;
}

} // namespace

skill_ptr make_skill(std::string id, skill_options options) {
    auto s = std::make_shared<skill_contract>();
    s->id = std::move(id);
    s->version = options.version;
    s->summary = s->id;
    s->input = compiled(options.input_schema);
    if (!options.output_schema.empty()) s->output = compiled(options.output_schema);
    s->effect = options.effect;
    s->reversible = options.reversible;
    s->idempotent = options.idempotent || options.effect != effect_class::write;
    s->takes_key = options.takes_key;
    s->enabled = options.enabled;
    s->needs_approval = options.needs_approval;
    s->timeout = options.timeout;
    s->cost_estimate = options.cost;
    s->secret_arguments = std::move(options.secret_arguments);
    s->secret_results = std::move(options.secret_results);
    s->side_effects = std::move(options.side_effects);
    s->where = std::move(options.where);
    s->hash = sha256(s->id + "@" + s->version + options.input_schema);
    return s;
}

skill_binding make_binding(std::string as, skill_ptr skill, binding_options options) {
    skill_binding b;
    b.as = std::move(as);
    b.use = skill->id;
    b.skill = std::move(skill);
    b.where = std::move(options.where);
    b.has_fixed = !options.fixed.empty();
    b.fixed = b.has_fixed ? parsed(options.fixed) : parsed("{}");
    return b;
}

snapshot_ptr make_steps_agent(std::string id, std::vector<skill_binding> bindings, std::vector<step_row> rows,
                              agent_options options) {
    auto a = make_agent(std::move(id), std::move(bindings), options);
    std::map<std::string, std::uint32_t, std::less<>> sources{{"trigger", 0}};
    steps_brain brain;
    for (step_row& row : rows) {
        const auto resolve = [&sources](std::string_view name) -> std::optional<std::uint32_t> {
            const auto it = sources.find(name);
            return it == sources.end() ? std::nullopt : std::optional(it->second);
        };
        step_spec s;
        s.id = row.id;
        s.error_policy = row.options.error_policy;
        s.abstain_reason = row.options.abstain_reason;
        const auto binding = a->find_binding(row.as);
        AIVP_ASSERT(binding || !s.abstain_reason.empty(), "a fixture's step names a binding that does not exist");
        s.binding = binding.value_or(0);
        auto arguments = argument_template::compile(parsed(row.options.arguments), resolve);
        AIVP_ASSERT(arguments.has_value(), "a fixture's arguments do not compile");
        s.arguments = *arguments;
        if (!row.options.when.empty()) {
            auto when = condition::compile(row.options.when, resolve);
            AIVP_ASSERT(when.has_value(), "a fixture's condition does not compile");
            s.when = *when;
        }
        if (binding && s.arguments.constant()) {
            const skill_binding& b = a->bindings[*binding];
            s.constant_validated = !b.skill->input.validate(merged(s.arguments.document(), b.fixed));
        }
        brain.steps.push_back(std::move(s));
        sources.emplace(row.id, static_cast<std::uint32_t>(brain.steps.size()));
    }
    a->hashes.prompts = sha256("steps");
    a->brain = std::move(brain);
    return sealed(std::move(a));
}

snapshot_ptr make_loop_agent(std::string id, std::vector<skill_binding> bindings, std::string goal,
                             agent_options options) {
    auto a = make_agent(std::move(id), std::move(bindings), options);
    loop_brain brain;
    brain.system = options.system;
    brain.goal = std::move(goal);
    brain.model.name = options.model;
    brain.model.params = parsed("{}");
    brain.model.price = options.price;
    brain.converse = options.converse;
    brain.ends_after = std::move(options.ends_after);
    brain.may_abstain = options.may_abstain;
    a->hashes.prompts = sha256(brain.goal);
    a->brain = std::move(brain);
    return sealed(std::move(a));
}

proposed_call make_call(std::string name, std::string_view arguments) { return {std::move(name), parsed(arguments)}; }

model_response make_answer(std::string_view text) {
    model_response r;
    r.content = payload::of_string(text);
    return r;
}

model_response make_turn(std::vector<proposed_call> calls) {
    model_response r;
    r.calls = std::move(calls);
    r.finish = "tool_calls";
    return r;
}

} // namespace aivp::testing
