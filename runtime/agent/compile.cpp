#include "aivp/agent/compile.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "aivp/base/nearest.hpp"
#include "aivp/skill/secret_reference.hpp"
#include "runtime/agent/internal/schema_path.hpp"

namespace aivp {

namespace {

constexpr std::size_t schema_violations_max = 20;
/// Nobody reads more of them, and looking for the nearest name takes its time.
constexpr std::size_t compile_errors_max = 100;

std::string shown_pointer(std::string_view pointer) {
    return pointer.empty() ? std::string() : " at `" + std::string(pointer) + "`";
}

payload without_members(const payload& object, const std::vector<std::string>& names) {
    std::vector<std::pair<std::string, payload>> kept;
    for (auto& [name, value] : members(object))
        if (std::ranges::find(names, name) == names.end()) kept.emplace_back(name, value);
    return payload::of_object(std::move(kept));
}

/// The input schema as a model sees it: fixed arguments are gone from the properties and from what is required.
payload schema_without_fixed(const skill_binding& binding) {
    payload schema = binding.skill->input.source();
    std::vector<std::string> names;
    for (const auto& [name, value] : members(binding.fixed)) names.push_back(name);
    if (names.empty() || !schema.is_object()) return schema;
    std::vector<std::pair<std::string, payload>> overlay;
    if (const auto properties = member(schema, "properties"))
        overlay.emplace_back("properties", without_members(*properties, names));
    if (const auto required = member(schema, "required")) {
        std::vector<payload> kept;
        for (const payload& name : items(*required))
            if (std::ranges::find(names, as_string(name).value_or("")) == names.end()) kept.push_back(name);
        overlay.emplace_back("required", payload::of_array(kept));
    }
    return merged(schema, payload::of_object(std::move(overlay)));
}

payload compiled_tool(std::string_view name, std::string_view description, const payload& parameters) {
    return payload::of_object({{"description", payload::of_string(description)},
                               {"name", payload::of_string(name)},
                               {"parameters", parameters}});
}

payload abstain_parameters() {
    return payload::from_canonical(
        R"({"additionalProperties":false,"properties":{"escalate_to":{"type":"string"},"reason":{"type":"string"}},"required":["reason"],"type":"object"})");
}

/// Keywords whose violation at a place is not undone by whatever a reference below that place is replaced with.
bool holds_whatever_is_below(std::string_view keyword) {
    static constexpr std::string_view keywords[] = {"type",          "required",          "minItems",
                                                    "maxItems",      "minProperties",     "maxProperties",
                                                    "propertyNames", "dependentRequired", "false"};
    return std::ranges::find(keywords, keyword) != std::end(keywords);
}

class agent_compiler {
public:
    agent_compiler(const agent_definition& definition, const skill_registry& registry, const zone_rules& zone,
                   std::vector<error>& errors)
        : definition_(definition), registry_(registry), errors_(errors), errors_before_(errors.size()) {
        made_.id = definition.id;
        made_.name = definition.name;
        made_.zone = zone;
        made_.limits = definition.limits;
        made_.file = definition.file;
        if (!definition.shared_state.empty()) made_.space = std::string(shared_space_prefix) + definition.shared_state;
    }

    agent_snapshot compile();

private:
    void compile_triggers();
    std::optional<schedule> compile_schedule(const trigger_definition& trigger);
    std::optional<schedule> compile_cron(const located_text& text);
    void compile_bindings();
    void check_fixed(const skill_binding& binding, const located_payload& fixed);
    void compile_steps(const std::vector<step_definition>& steps);
    step_spec compile_step(const step_definition& step, std::uint32_t index);
    std::optional<std::string> bind_step(const located_text& skill);
    void compile_condition(const located_text& text, std::uint32_t index, condition& made);
    void compile_arguments(const step_definition& step, std::uint32_t index, step_spec& made);
    void compile_leaf(const payload& value, const std::string& pointer, const located_payload& with,
                      const skill_binding& binding, std::uint32_t index);
    void check_argument_types(const value_reference& reference, const std::string& pointer,
                              const skill_binding& binding, const source_pos& where);
    void check_arguments(const located_payload& with, const skill_binding& binding);
    void check_reference(const value_reference& reference, std::uint32_t index, const source_pos& where);
    void check_trigger_reference(const value_reference& reference, const source_pos& where);
    void report_missing_field(const value_reference& reference, const internal::schema_path& found,
                              const std::string& promises, const source_pos& where);
    void compile_tools(const loop_brain& brain);
    void compile_hashes();

    void report(errc code, const source_pos& where, std::string message, std::string help = {}) {
        report(error{code, std::move(message), {}, std::move(help), {}}, where);
    }
    void report(error e, const source_pos& where) {
        e.where = where;
        if (!is_full()) errors_.push_back(std::move(e));
    }
    bool is_full() const { return errors_.size() - errors_before_ >= compile_errors_max; }
    /// Source numbers of references, as in template.hpp: all steps, also those still to come.
    std::optional<std::uint32_t> source_of(std::string_view name) const {
        if (name == "trigger") return 0;
        const auto found = step_numbers_.find(name);
        return found == step_numbers_.end() ? std::nullopt : std::optional(found->second);
    }
    std::string known_sources(std::string_view wanted) const;
    /// The binding with this name, by the order in which they were made.
    const skill_binding* binding_called(std::string_view as) const {
        const auto found = std::ranges::find(made_.bindings, as, &skill_binding::as);
        return found == made_.bindings.end() ? nullptr : &*found;
    }

    const agent_definition& definition_;
    const skill_registry& registry_;
    std::vector<error>& errors_;
    std::size_t errors_before_;
    agent_snapshot made_;
    std::map<std::string, std::uint32_t, std::less<>> step_numbers_;
    std::vector<std::string> step_bindings_; ///< of each step: the binding's `as`, empty when there is none
    std::map<std::string, bool> holes_;      ///< of the step in hand: pointer -> it is nothing but one reference
    bool arguments_are_sound_ = true;        ///< of the step in hand
};

agent_snapshot agent_compiler::compile() {
    compile_triggers();
    compile_bindings();
    if (const auto* steps = std::get_if<std::vector<step_definition>>(&definition_.brain)) {
        compile_steps(*steps);
        made_.tools = payload::of_array({});
    } else {
        const auto& loop = std::get<loop_definition>(definition_.brain);
        made_.brain = loop_brain{loop.system, loop.goal, loop.model, loop.converse, {}, loop.may_abstain, loop.program};
        for (const located_text& name : loop.ends_after)
            std::get<loop_brain>(made_.brain).ends_after.push_back(name.text);
        std::ranges::sort(made_.bindings, {}, &skill_binding::as);
        compile_tools(std::get<loop_brain>(made_.brain));
    }
    compile_hashes();
    return std::move(made_);
}

void agent_compiler::compile_triggers() {
    for (const trigger_definition& trigger : definition_.triggers) {
        trigger_spec spec;
        spec.id = trigger.id;
        spec.overlap = trigger.overlap;
        spec.queue_max = trigger.queue_max;
        spec.where = trigger.where;
        if (auto when = compile_schedule(trigger)) spec.when = std::move(*when);
        if (trigger.payload_schema) {
            auto schema = json_schema::compile(trigger.payload_schema->value);
            if (schema) {
                spec.payload_schema = std::move(*schema);
            } else {
                std::string pointer;
                for (const auto& [key, value] : schema.error().context)
                    if (key == "pointer") pointer = value;
                report(std::move(schema).error(), trigger.payload_schema->at(pointer).value);
            }
        }
        made_.triggers.push_back(std::move(spec));
    }
}

std::optional<schedule> agent_compiler::compile_schedule(const trigger_definition& trigger) {
    switch (trigger.kind) {
    case trigger_kind::interval: return interval_schedule{trigger.every, instant{}};
    case trigger_kind::once: return once_schedule{trigger.at};
    case trigger_kind::event: return event_schedule{trigger.event};
    case trigger_kind::cron: return compile_cron(trigger.cron);
    case trigger_kind::manual: break;
    }
    return manual_schedule{};
}

std::optional<schedule> agent_compiler::compile_cron(const located_text& text) {
    auto expression = parse_cron(text.text);
    if (!expression) {
        const std::uint32_t column = expression.error().where.column;
        report(std::move(expression).error(), place_in(text, column));
        return {};
    }
    if (!expression->zone.empty() && expression->zone != made_.zone.name()) {
        report(errc::config_not_supported, text.where, "a trigger cannot have a zone of its own",
               "Set the agent's `timezone` to " + expression->zone + ".");
        return {};
    }
    if (const auto* fields = std::get_if<cron_spec>(&expression->when)) {
        if (auto fires = check_fires(*fields, made_.zone, instant{}); !fires) {
            report(std::move(fires).error(), text.where);
            return {};
        }
    }
    return to_schedule(*expression, made_.zone, instant{});
}

void agent_compiler::compile_bindings() {
    for (const binding_definition& binding : definition_.bindings) {
        auto skill = registry_.resolve(binding.use.text);
        if (!skill) {
            report(std::move(skill).error(), binding.use.where);
            continue;
        }
        skill_binding made;
        made.as = binding.as.text;
        made.use = binding.use.text;
        made.fixed = binding.fixed ? binding.fixed->value : payload::of_object({});
        made.has_fixed = binding.fixed && !members(made.fixed).empty();
        made.skill = std::move(*skill);
        made.where = binding.use.where;
        if (binding.fixed) check_fixed(made, *binding.fixed);
        made_.bindings.push_back(std::move(made));
    }
}

/// `fixed` pins some arguments; which ones are still missing is the caller's affair.
void agent_compiler::check_fixed(const skill_binding& binding, const located_payload& fixed) {
    const std::vector<std::string> secrets = secret_reference_pointers(fixed.value);
    for (const auto& violation : binding.skill->input.validate_all(fixed.value, schema_violations_max)) {
        if (is_below(violation.instance_pointer, secrets)) continue;
        if (violation.instance_pointer.empty() && violation.keyword != "type") continue;
        const payload_place& place = fixed.at(violation.instance_pointer);
        report(errc::config_fixed, violation.unknown_property ? place.key : place.value,
               "`" + binding.skill->id + "` does not allow the fixed argument" +
                   shown_pointer(violation.instance_pointer) + ": " + violation.message);
    }
}

std::string agent_compiler::known_sources(std::string_view wanted) const {
    if (is_full()) return {};
    std::vector<std::string> names{"trigger"};
    for (const auto& [name, number] : step_numbers_) names.push_back(name);
    const std::string near = nearest_name(wanted, names);
    if (!near.empty()) return "Did you mean `" + near + "`?";
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    return "Known here: " + list + ".";
}

void agent_compiler::compile_steps(const std::vector<step_definition>& steps) {
    for (std::size_t i = 0; i < steps.size(); ++i)
        step_numbers_.emplace(steps[i].id.text, static_cast<std::uint32_t>(i + 1));
    for (const step_definition& step : steps)
        step_bindings_.push_back(step.abstain ? "" : bind_step(step.skill).value_or(""));
    std::ranges::sort(made_.bindings, {}, &skill_binding::as);
    steps_brain brain;
    for (std::size_t i = 0; i < steps.size(); ++i)
        brain.steps.push_back(compile_step(steps[i], static_cast<std::uint32_t>(i)));
    made_.brain = std::move(brain);
}

/// The binding that a step calls through; made when the step names a skill that no binding mentions. A skill that was
/// granted with conditions is never granted a second time without them.
std::optional<std::string> agent_compiler::bind_step(const located_text& skill) {
    if (binding_called(skill.text) != nullptr) return skill.text;
    for (const binding_definition& binding : definition_.bindings)
        if (binding.as.text == skill.text) return {};
    auto resolved = registry_.resolve(skill.text);
    if (!resolved) {
        std::vector<std::string> names = registry_.ids();
        for (const binding_definition& binding : definition_.bindings) names.push_back(binding.as.text);
        if (resolved.error().code == errc::skill_unknown && skill.text.find('@') == std::string::npos) {
            if (const std::string near = nearest_name(skill.text, names); !near.empty())
                resolved.error().help = "Did you mean `" + near + "`?";
        }
        report(std::move(resolved).error(), skill.where);
        return {};
    }
    for (const binding_definition& binding : definition_.bindings) {
        if (split_skill_reference(binding.use.text).id != (*resolved)->id) continue;
        report(errc::config_reference, skill.where,
               "`" + (*resolved)->id + "` is bound as `" + binding.as.text + "`, and steps call it under that name",
               "Write `skill: " + binding.as.text + "`.");
        return {};
    }
    skill_binding made;
    made.as = skill.text;
    made.use = skill.text;
    made.fixed = payload::of_object({});
    made.skill = std::move(*resolved);
    made.where = skill.where;
    made_.bindings.push_back(std::move(made));
    return skill.text;
}

step_spec agent_compiler::compile_step(const step_definition& step, std::uint32_t index) {
    step_spec made;
    made.id = step.id.text;
    made.error_policy = step.error_policy;
    made.where = step.where;
    if (step.when) compile_condition(*step.when, index, made.when);
    if (step.abstain) {
        made.abstain_reason = step.abstain->text;
    } else if (!step_bindings_[index].empty()) {
        made.binding = *made_.find_binding(step_bindings_[index]);
        compile_arguments(step, index, made);
    }
    return made;
}

void agent_compiler::compile_condition(const located_text& text, std::uint32_t index, condition& made) {
    auto compiled = condition::compile(text.text, [this](std::string_view name) { return source_of(name); });
    if (!compiled) {
        error e = std::move(compiled).error();
        const source_pos where = place_in(text, e.where.column);
        for (const auto& [key, value] : e.context)
            if (key == "name") e.help = known_sources(value);
        return report(std::move(e), where);
    }
    for (const value_reference& reference : compiled->references()) {
        const std::size_t offset = text.text.find(reference.text);
        check_reference(reference, index,
                        place_in(text, offset == std::string::npos ? 0 : static_cast<std::uint32_t>(offset) + 1));
    }
    made = std::move(*compiled);
}

void agent_compiler::compile_arguments(const step_definition& step, std::uint32_t index, step_spec& made) {
    const skill_binding& binding = made_.bindings[made.binding];
    located_payload with =
        step.with ? *step.with
                  : located_payload{payload::of_object({}), {{"", step.skill.where, step.skill.where, {}}}};
    holes_.clear();
    arguments_are_sound_ = true;
    for (const auto& [name, value] : members(with.value)) {
        if (!member(binding.fixed, name)) continue;
        report(errc::config_fixed, with.at(internal::child_pointer("", name)).key,
               "the binding `" + binding.as + "` fixes the argument `" + name + "`",
               "Leave it out here, or out of `fixed`.");
        arguments_are_sound_ = false;
    }
    compile_leaf(with.value, "", with, binding, index);
    if (!arguments_are_sound_) return;
    auto compiled = argument_template::compile(with.value, [this](std::string_view name) { return source_of(name); });
    if (!compiled) return report(std::move(compiled).error(), with.at("").value);
    made.arguments = std::move(*compiled);
    check_arguments(with, binding);
}

/// Each string is compiled by itself, so that all broken references are found, each with its own place.
void agent_compiler::compile_leaf(const payload& value, const std::string& pointer, const located_payload& with,
                                  const skill_binding& binding, std::uint32_t index) {
    if (value.is_object()) {
        for (const auto& [name, part] : members(value))
            compile_leaf(part, internal::child_pointer(pointer, name), with, binding, index);
    } else if (value.is_array()) {
        std::size_t item = 0;
        for (const payload& part : items(value))
            compile_leaf(part, internal::child_pointer(pointer, std::to_string(item++)), with, binding, index);
    }
    if (!value.is_string()) return;
    const payload_place& place = with.at(pointer);
    const located_text text{*as_string(value), place.value, place.content};
    auto compiled = argument_template::compile(value, [this](std::string_view name) { return source_of(name); });
    if (!compiled) {
        error e = std::move(compiled).error();
        const source_pos where = place_in(text, e.where.column);
        for (const auto& [key, name] : e.context)
            if (key == "name") e.help = known_sources(name);
        arguments_are_sound_ = false;
        return report(std::move(e), where);
    }
    if (compiled->constant()) return;
    bool& is_whole = holes_[pointer];
    for (const value_reference& reference : compiled->references()) {
        const std::size_t offset = text.text.find(reference.text);
        const source_pos where =
            place_in(text, offset == std::string::npos ? 0 : static_cast<std::uint32_t>(offset) + 1);
        check_reference(reference, index, where);
        is_whole = text.text == "${" + reference.text + "}" || text.text == "{{" + reference.text + "}}";
        if (is_whole && reference.source <= index) check_argument_types(reference, pointer, binding, where);
    }
}

/// A string that is nothing but one reference takes the type of what it refers to.
void agent_compiler::check_argument_types(const value_reference& reference, const std::string& pointer,
                                          const skill_binding& binding, const source_pos& where) {
    if (reference.source == 0 || step_bindings_[reference.source - 1].empty()) return;
    const skill_binding* source = binding_called(step_bindings_[reference.source - 1]);
    if (source == nullptr || !source->skill->output) return;
    const payload& promised = source->skill->output->source();
    const auto from = internal::find_in_schema(promised, reference.pointer);
    const payload& wanted = binding.skill->input.source();
    const auto to = internal::find_in_schema(wanted, pointer);
    if (from.answer != internal::path_answer::declared || to.answer != internal::path_answer::declared) return;
    const auto given_types = internal::types_of(promised, from.schema);
    const auto wanted_types = internal::types_of(wanted, to.schema);
    if (given_types == 0 || wanted_types == 0 || (given_types & wanted_types) != 0) return;
    report(errc::config_type, where,
           "`" + reference.text + "` is " + internal::to_string_of_types(given_types) + ", but `" + binding.skill->id +
               "` wants " + internal::to_string_of_types(wanted_types) + shown_pointer(pointer));
}

void agent_compiler::check_arguments(const located_payload& with, const skill_binding& binding) {
    const payload complete = merged(binding.fixed, with.value);
    const std::vector<std::string> secrets = secret_reference_pointers(complete);
    for (const auto& violation : binding.skill->input.validate_all(complete, schema_violations_max)) {
        const std::string& at = violation.instance_pointer;
        if (is_below(at, secrets)) continue;
        const auto hole = holes_.find(at);
        const bool stays_text = hole != holes_.end() && !hole->second && violation.keyword == "type";
        const auto below = holes_.lower_bound(at + "/");
        const bool has_holes = below != holes_.end() && below->first.starts_with(at + "/");
        const bool may_change =
            (hole != holes_.end() && !stays_text) || (has_holes && !holds_whatever_is_below(violation.keyword));
        if (may_change && !violation.unknown_property) continue;
        const payload_place& place = with.at(at);
        const errc code = violation.unknown_property        ? errc::config_unknown_key
                          : violation.keyword == "required" ? errc::config_missing_key
                          : violation.keyword == "type"     ? errc::config_type
                                                            : errc::config_value;
        std::string help;
        if (violation.unknown_property) {
            const auto found = internal::find_in_schema(binding.skill->input.source(), at);
            const std::string near = nearest_name(found.token, found.known);
            if (!near.empty()) help = "Did you mean `" + near + "`?";
        }
        report(code, violation.unknown_property ? place.key : place.value,
               "`" + binding.skill->id + "` does not take these arguments" + shown_pointer(at) + ": " +
                   violation.message,
               help);
    }
}

void agent_compiler::check_reference(const value_reference& reference, std::uint32_t index, const source_pos& where) {
    if (reference.source == 0) return check_trigger_reference(reference, where);
    if (reference.source > index) {
        const bool itself = reference.source == index + 1;
        report(errc::config_cycle, where,
               itself ? "the step refers to its own result" : "`" + reference.text + "` is made by a later step");
        arguments_are_sound_ = false;
        return;
    }
    const std::string& as = step_bindings_[reference.source - 1];
    const skill_binding* binding = as.empty() ? nullptr : binding_called(as);
    if (binding == nullptr || !binding->skill->output) return;
    const auto found = internal::find_in_schema(binding->skill->output->source(), reference.pointer);
    if (found.answer == internal::path_answer::missing)
        report_missing_field(reference, found, "`" + binding->skill->id + "` does not return it", where);
}

/// A field may come from any of the triggers; it is an error only when no trigger can bring it.
void agent_compiler::check_trigger_reference(const value_reference& reference, const source_pos& where) {
    if (reference.pointer.empty()) return;
    std::optional<internal::schema_path> missing;
    for (const trigger_spec& trigger : made_.triggers) {
        const bool has_payload = std::holds_alternative<event_schedule>(trigger.when) ||
                                 std::holds_alternative<manual_schedule>(trigger.when);
        if (!has_payload) continue;
        if (!trigger.payload_schema) return;
        auto found = internal::find_in_schema(trigger.payload_schema->source(), reference.pointer);
        if (found.answer != internal::path_answer::missing) return;
        missing = std::move(found);
    }
    if (missing) return report_missing_field(reference, *missing, "no trigger's payload declares it", where);
}

void agent_compiler::report_missing_field(const value_reference& reference, const internal::schema_path& found,
                                          const std::string& promises, const source_pos& where) {
    const std::string near = nearest_name(found.token, found.known);
    std::string help;
    if (!near.empty()) {
        help = "Did you mean `" + near + "`?";
    } else if (!found.known.empty()) {
        help = "Its fields:";
        for (const std::string& name : found.known) help += (name == found.known.front() ? " " : ", ") + name;
        help += ".";
    }
    report(errc::config_reference, where, "`" + reference.text + "` leads nowhere: " + promises, std::move(help));
}

void agent_compiler::compile_tools(const loop_brain& brain) {
    std::vector<std::pair<std::string, payload>> tools;
    for (const skill_binding& binding : made_.bindings)
        tools.emplace_back(binding.as,
                           compiled_tool(binding.as, binding.skill->summary, schema_without_fixed(binding)));
    if (brain.may_abstain)
        tools.emplace_back(
            abstain_tool,
            compiled_tool(abstain_tool,
                          "Decline to act, and say why. Use it when no other tool fits, or when acting could do harm.",
                          abstain_parameters()));
    std::ranges::sort(tools, {}, &std::pair<std::string, payload>::first);
    std::vector<payload> list;
    for (auto& [name, tool] : tools) list.push_back(std::move(tool));
    made_.tools = payload::of_array(list);
}

void agent_compiler::compile_hashes() {
    std::vector<payload> skills;
    std::vector<payload> grants;
    for (const skill_binding& binding : made_.bindings) {
        const payload id = payload::of_string(binding.skill->id);
        const payload version = payload::of_string(binding.skill->version);
        const payload hash = payload::of_string(to_hex(binding.skill->hash));
        skills.push_back(payload::of_object({{"hash", hash}, {"id", id}, {"version", version}}));
        grants.push_back(payload::of_object(
            {{"as", payload::of_string(binding.as)}, {"fixed", binding.fixed}, {"id", id}, {"version", version}}));
    }
    std::string system;
    std::string goal;
    if (const auto* loop = std::get_if<loop_brain>(&made_.brain)) {
        system = loop->system;
        goal = loop->goal;
    }
    snapshot_hashes& hashes = made_.hashes;
    hashes.agent = definition_.document.hash();
    hashes.prompts =
        payload::of_object({{"goal", payload::of_string(goal)}, {"system", payload::of_string(system)}}).hash();
    hashes.skills = payload::of_array(skills).hash();
    hashes.policy = payload::of_array(grants).hash();
    digest_chain whole;
    for (const digest& part : {hashes.agent, hashes.prompts, hashes.skills, hashes.policy, made_.zone.hash()})
        whole.append(part.view());
    hashes.whole = whole.head();
}

} // namespace

result<snapshot_ptr> compile_agent(const agent_definition& definition, const skill_registry& registry,
                                   const zone_rules& zone, std::vector<error>& diagnostics) {
    const std::size_t errors_before = diagnostics.size();
    auto made =
        std::make_shared<const agent_snapshot>(agent_compiler(definition, registry, zone, diagnostics).compile());
    if (diagnostics.size() > errors_before) return std::unexpected(diagnostics[errors_before]);
    return snapshot_ptr(std::move(made));
}

} // namespace aivp
