#include "runtime/codec/agent_file.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <utility>

#include "aivp/base/nearest.hpp"
#include "runtime/codec/internal/text.hpp"
#include "runtime/codec/reader.hpp"
#include "runtime/codec/reliability_keys.hpp"

namespace aivp {

namespace {

constexpr std::size_t agent_name_bytes_max = 64;
constexpr std::size_t agent_steps_max = 1000;
constexpr std::size_t agent_bindings_max = 256;
constexpr std::size_t agent_triggers_max = 100;
constexpr std::int64_t count_max = 1'000'000'000;
constexpr duration agent_duration_max = days(366);

/// Names that references, messages and models have to cope with. Dots only where `dotted`.
bool is_agent_word(std::string_view text, bool dotted) {
    if (text.empty() || text.size() > agent_name_bytes_max) return false;
    return std::ranges::all_of(text, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               (dotted && c == '.');
    });
}

/// Reads one file; each member function reads one kind of mapping.
class agent_reader {
public:
    agent_reader(const std::string& file, std::vector<error>& errors) : sink_(file, errors) {}

    agent_definition read(const yaml_node& root);

private:
    void read_head(mapping_reader& keys);
    void read_kind(mapping_reader& keys);
    void read_state(const yaml_node& node);
    void read_triggers(mapping_reader& keys);
    void read_published_trigger(const yaml_node& node);
    void read_trigger(const yaml_node& node, std::size_t number);
    void read_trigger_time(mapping_reader& keys, trigger_definition& trigger);
    void read_bindings(mapping_reader& keys);
    void read_binding(const yaml_node& node);
    void read_brain(mapping_reader& keys);
    void read_steps(const yaml_node& node);
    step_definition read_step(const yaml_node& node, std::size_t number);
    void read_step_action(mapping_reader& keys, step_definition& step);
    void read_loop(mapping_reader& keys);
    void read_process(mapping_reader& keys);
    brain_program read_program(mapping_reader& keys);
    void read_turns(mapping_reader& keys, loop_definition& loop);
    model_spec read_model(const yaml_node& node);
    void read_price(const yaml_node& node, model_price& price);
    void read_limits(const yaml_node& node);

    void report(errc code, const source_pos& where, std::string message, std::string help = {}) {
        sink_.report({code, std::move(message), where, std::move(help), {}}, {});
    }
    /// Reports config.range at the first item that is too many.
    bool has_at_most(const yaml_node& list, std::string_view key, std::size_t count) {
        if (list.items.size() <= count) return true;
        sink_.report(errc::config_range, list.items[count].at,
                     "`" + std::string(key) + "` has more than " + std::to_string(count) + " items");
        return false;
    }
    /// Reports config.value unless `name` is a word, config.duplicate when it is not new.
    void check_name(const located_text& name, std::string_view what, bool dotted,
                    std::set<std::string, std::less<>>& taken);

    file_errors sink_;
    agent_definition agent_;
    bool is_process_ = false; ///< `kind: process`
};

agent_definition agent_reader::read(const yaml_node& root) {
    agent_.file = sink_.file();
    mapping_reader keys(root, "an agent", sink_);
    if (!root.is_mapping()) return std::move(agent_);
    read_head(keys);
    read_triggers(keys);
    read_bindings(keys);
    if (is_process_)
        read_process(keys);
    else
        read_brain(keys);
    if (const yaml_node* state = keys.mapping("state")) read_state(*state);
    if (const yaml_node* limits = keys.mapping("limits")) read_limits(*limits);
    keys.moment("created_at");
    keys.mapping("metadata");
    keys.defer({"approvals", "approval", "roles"},
               "approvals by role are not there yet; a skill can say `approval: required`");
    keys.defer({"memory", "planner", "tick", "delegates", "handoff"}, "agents cannot have this yet");
    keys.defer({"policy", "policies", "capabilities"}, "grants come from `skill_bindings` alone");
    keys.defer({"imports", "include", "extends"}, "an agent is one file");
    keys.defer({"retry", "rate_limit", "breaker"}, "it stands in the skill's file, and for the model under `model`");
    keys.defer({"catch_up", "priority", "slo", "routing"}, "scheduling cannot be tuned per agent yet");
    keys.finish();
    return std::move(agent_);
}

void agent_reader::read_head(mapping_reader& keys) {
    if (const auto version = keys.required_text("schema_version"); version && version->text != "v1alpha1")
        report(errc::config_version, version->where,
               "schema_version `" + internal::shown(version->text) + "` is not supported",
               "Write `schema_version: v1alpha1`.");
    read_kind(keys);
    if (const auto id = keys.required_text("id")) {
        agent_.id = id->text;
        if (!is_agent_word(id->text, true))
            report(errc::config_value, id->where, "`" + internal::shown(id->text) + "` is no agent id",
                   "Use letters, digits, `_`, `-` and dots, at most 64.");
    }
    if (const auto name = keys.required_text("name")) agent_.name = name->text;
    agent_.zone = keys.text("timezone").value_or(located_text{"UTC", {}, {}});
}

void agent_reader::read_kind(mapping_reader& keys) {
    is_process_ = keys.word("kind", {"agent", "process"}, {"planner", "tick", "native", "workflow", "team"}) == 1;
}

/// Without `shared` the agent has key-value state of its own, as without `state`.
void agent_reader::read_state(const yaml_node& node) {
    mapping_reader keys(node, "`state`", sink_);
    if (const auto name = keys.text("shared")) {
        agent_.shared_state = name->text;
        if (!is_agent_word(name->text, true))
            report(errc::config_value, name->where,
                   "`" + internal::shown(name->text) + "` is no name of a shared namespace",
                   "Use letters, digits, `_`, `-` and dots, at most 64.");
    }
    keys.defer({"expires", "size_max", "read_only", "also"}, "key-value state cannot have this yet");
    keys.finish();
}

void agent_reader::read_triggers(mapping_reader& keys) {
    const yaml_node* one = keys.mapping("trigger");
    const yaml_node* many = keys.sequence("triggers");
    if (many != nullptr && !has_at_most(*many, "triggers", agent_triggers_max)) many = nullptr;
    if (one != nullptr && many != nullptr) {
        sink_.report(errc::config_duplicate, keys.key_at("triggers"), "an agent has `trigger` or `triggers`, not both",
                     "Move `trigger` into the list.");
    } else if (one != nullptr) {
        read_published_trigger(*one);
    } else if (many != nullptr) {
        for (std::size_t i = 0; i < many->items.size(); ++i) read_trigger(many->items[i], i + 1);
        std::set<std::string, std::less<>> ids;
        for (const trigger_definition& trigger : agent_.triggers)
            if (!ids.insert(trigger.id).second)
                report(errc::config_duplicate, trigger.where, "two triggers have the id `" + trigger.id + "`");
    }
    if (!agent_.triggers.empty()) return;
    trigger_definition manual;
    manual.id = "trigger";
    agent_.triggers.push_back(std::move(manual));
}

/// The published form: an interval in minutes, or an event without a name, which then goes by the agent's id.
void agent_reader::read_published_trigger(const yaml_node& node) {
    mapping_reader keys(node, "`trigger`", sink_);
    const yaml_node* type = keys.required("type");
    const bool is_published = type != nullptr && (type->text == "schedule" || type->text == "event");
    if (type != nullptr && (!is_published || node.find("every") != nullptr || node.find("id") != nullptr))
        return read_trigger(node, 1);
    trigger_definition trigger;
    trigger.id = "trigger";
    trigger.where = sink_.position(node.at);
    const std::int64_t every_minutes = keys.integer("every_minutes", 1, 10'080).value_or(10);
    if (type != nullptr && type->text == "event") {
        trigger.kind = trigger_kind::event;
        const auto event = keys.text("event");
        trigger.event = event ? event->text : agent_.id;
        trigger.payload_schema = keys.value("payload");
    } else {
        trigger.kind = trigger_kind::interval;
        trigger.every = minutes(every_minutes);
    }
    if (const auto overlap = keys.word("overlap", {"queue", "refuse"}, {"parallel", "replace"}))
        trigger.overlap = static_cast<overlap_policy>(*overlap);
    trigger.queue_max = static_cast<std::uint32_t>(keys.integer("queue_max", 0, 1'000'000).value_or(trigger.queue_max));
    keys.defer({"predicate", "when", "jitter", "catch_up"}, "triggers cannot have this yet");
    keys.finish();
    agent_.triggers.push_back(std::move(trigger));
}

void agent_reader::read_trigger(const yaml_node& node, std::size_t number) {
    mapping_reader keys(node, "a trigger", sink_);
    if (!node.is_mapping()) return;
    trigger_definition trigger;
    trigger.where = sink_.position(node.at);
    trigger.id = number == 1 ? "trigger" : "trigger-" + std::to_string(number);
    if (const auto id = keys.text("id")) {
        trigger.id = id->text;
        trigger.where = id->where;
        if (!is_agent_word(id->text, true))
            report(errc::config_value, id->where, "`" + internal::shown(id->text) + "` is no trigger id",
                   "Use letters, digits, `_`, `-` and dots, at most 64.");
    }
    if (keys.required("type") != nullptr) read_trigger_time(keys, trigger);
    trigger.payload_schema = keys.value("payload");
    if (trigger.payload_schema && trigger.kind != trigger_kind::manual && trigger.kind != trigger_kind::event)
        sink_.report(errc::config_value, keys.key_at("payload"), "a trigger that fires by time has no payload");
    if (const auto overlap = keys.word("overlap", {"queue", "refuse"}, {"parallel", "replace"}))
        trigger.overlap = static_cast<overlap_policy>(*overlap);
    trigger.queue_max = static_cast<std::uint32_t>(keys.integer("queue_max", 0, 1'000'000).value_or(trigger.queue_max));
    keys.defer({"predicate", "when", "jitter", "catch_up", "timezone"}, "triggers cannot have this yet");
    keys.finish();
    agent_.triggers.push_back(std::move(trigger));
}

void agent_reader::read_trigger_time(mapping_reader& keys, trigger_definition& trigger) {
    const auto type =
        keys.word("type", {"interval", "schedule", "cron", "once", "manual", "event"}, {"webhook", "file", "idle"});
    if (!type) {
        for (const char* key : {"every", "every_minutes", "cron", "at", "event"}) keys.node(key);
        return;
    }
    switch (*type) {
    case 0:
    case 1:
        trigger.kind = trigger_kind::interval;
        trigger.every = minutes(10);
        if (keys.has("every")) {
            trigger.every = keys.span("every", seconds(1), agent_duration_max).value_or(trigger.every);
        } else if (keys.has("every_minutes")) {
            trigger.every = minutes(keys.integer("every_minutes", 1, 10'080).value_or(10));
        } else if (*type == 0) {
            keys.required("every");
        }
        return;
    case 2:
        trigger.kind = trigger_kind::cron;
        trigger.cron = keys.required_text("cron").value_or(located_text{});
        return;
    case 3:
        trigger.kind = trigger_kind::once;
        if (keys.required("at") != nullptr) trigger.at = keys.moment("at").value_or(instant{});
        return;
    case 4: trigger.kind = trigger_kind::manual; return;
    default:
        trigger.kind = trigger_kind::event;
        trigger.event = keys.required_text("event").value_or(located_text{}).text;
        return;
    }
}

void agent_reader::check_name(const located_text& name, std::string_view what, bool dotted,
                              std::set<std::string, std::less<>>& taken) {
    if (!is_agent_word(name.text, dotted)) {
        report(errc::config_value, name.where, "`" + internal::shown(name.text) + "` is no " + std::string(what),
               std::string("Use letters, digits, `_`") + (dotted ? ", `-` and dots" : " and `-`") + ", at most 64.");
    } else if (!taken.insert(name.text).second) {
        report(errc::config_duplicate, name.where, "the " + std::string(what) + " `" + name.text + "` is used twice");
    }
}

void agent_reader::read_bindings(mapping_reader& keys) {
    const yaml_node* node = keys.sequence("skill_bindings");
    if (node == nullptr || !has_at_most(*node, "skill_bindings", agent_bindings_max)) return;
    for (const yaml_node& item : node->items) read_binding(item);
    std::set<std::string, std::less<>> taken;
    for (const binding_definition& binding : agent_.bindings) {
        if (binding.as.text == abstain_tool) {
            report(errc::config_value, binding.as.where,
                   "the name `abstain` is reserved: with it a model declines to act");
        } else if (!binding.as.text.empty()) {
            check_name(binding.as, "binding name", true, taken);
        }
    }
}

void agent_reader::read_binding(const yaml_node& node) {
    mapping_reader keys(node, "a skill binding", sink_);
    binding_definition binding;
    binding.where = sink_.position(node.at);
    binding.as = keys.required_text("as").value_or(located_text{});
    binding.use = keys.required_text("use").value_or(located_text{});
    binding.fixed = keys.object("fixed");
    keys.defer({"approval", "limits", "when", "labels", "policy"}, "a binding can only pin arguments with `fixed`");
    keys.finish();
    if (node.is_mapping()) agent_.bindings.push_back(std::move(binding));
}

void agent_reader::read_brain(mapping_reader& keys) {
    const yaml_node* steps = keys.node("steps");
    const yaml_node* goal = keys.node("goal");
    if (steps != nullptr && goal != nullptr) {
        const bool steps_come_first = keys.key_at("steps").line < keys.key_at("goal").line;
        sink_.report(errc::config_brain, keys.key_at(steps_come_first ? "goal" : "steps"),
                     "an agent has `steps` or a `goal`, not both", "Keep one of the two.");
    } else if (steps == nullptr && goal == nullptr && !keys.has("process")) {
        sink_.report(
            errc::config_brain, keys.at(), "the agent has no brain: neither `steps`, nor a `goal`, nor a program",
            "Add `steps`, or a `goal` with `skill_bindings`, or `kind: process` with `process: {command: […]}`.");
    }
    keys.refuse("process", errc::config_brain, "`process` belongs to an agent of `kind: process`",
                "Write `kind: process`, or remove it.");
    if (steps != nullptr) {
        for (const char* key : {"system", "model", "converse", "ends_after", "may_abstain"}) {
            if (goal == nullptr)
                keys.refuse(key, errc::config_brain, "`" + std::string(key) + "` belongs to an agent with a `goal`",
                            "Remove it; steps ask no model.");
            else
                keys.node(key);
        }
        read_steps(*steps);
    } else {
        read_loop(keys);
    }
}

void agent_reader::read_steps(const yaml_node& node) {
    std::vector<step_definition> steps;
    if (!node.is_sequence()) {
        sink_.report(errc::config_type, node.at, "`steps` is a list, not " + describe(node));
    } else if (node.items.empty()) {
        sink_.report(errc::config_value, node.at, "`steps` is empty", "Add a step, or give the agent a `goal`.");
    } else if (!has_at_most(node, "steps", agent_steps_max)) {
        return;
    }
    std::set<std::string, std::less<>> taken;
    for (std::size_t i = 0; i < node.items.size(); ++i) {
        steps.push_back(read_step(node.items[i], i + 1));
        const located_text& id = steps.back().id;
        if (id.text == "trigger") {
            report(errc::config_value, id.where,
                   "the name `trigger` is reserved: ${trigger.field} is the trigger's payload");
        } else if (!id.text.empty()) {
            check_name(id, "step id", false, taken);
        }
    }
    agent_.brain = std::move(steps);
}

step_definition agent_reader::read_step(const yaml_node& node, std::size_t number) {
    const yaml_member* named = node.find("id");
    mapping_reader keys(node,
                        "step " + (named != nullptr && named->value.is_scalar()
                                       ? "`" + internal::shown(named->value.text) + "`"
                                       : std::to_string(number)),
                        sink_);
    step_definition step;
    step.where = sink_.position(node.at);
    if (!node.is_mapping()) return step;
    step.id = keys.required_text("id").value_or(located_text{});
    step.when = keys.text("when");
    read_step_action(keys, step);
    if (const auto policy =
            keys.word("on_error", {"abort", "continue"}, {"retry", "compensate", "escalate", "fallback"}))
        step.error_policy = static_cast<on_error>(*policy);
    keys.defer({"retry"}, "it stands in the skill's file");
    keys.defer({"for_each", "foreach", "parallel", "loop", "compensate", "timeout", "goto", "approval", "conditions"},
               "steps cannot have this yet");
    keys.finish();
    return step;
}

void agent_reader::read_step_action(mapping_reader& keys, step_definition& step) {
    step.abstain = keys.text("abstain");
    auto skill = keys.text("skill");
    auto use = keys.text("use");
    step.with = keys.object("with");
    if (keys.has("abstain")) {
        for (const char* key : {"skill", "use", "with"})
            keys.refuse(key, errc::config_value, "a step that abstains calls nothing",
                        "Remove `" + std::string(key) + "`, or `abstain`.");
        return;
    }
    if (skill && use) {
        sink_.report(errc::config_duplicate, keys.key_at("use"),
                     "a step has `skill` or `use`, not both: they mean the same");
    } else if (!keys.has("skill") && !keys.has("use")) {
        keys.required("skill");
    }
    if (skill)
        step.skill = std::move(*skill);
    else if (use)
        step.skill = std::move(*use);
}

void agent_reader::read_loop(mapping_reader& keys) {
    loop_definition loop;
    if (keys.has("goal")) keys.required("skill_bindings");
    loop.goal = keys.text("goal").value_or(located_text{}).text;
    loop.system = keys.text("system").value_or(located_text{}).text;
    loop.model.name = "default";
    loop.model.params = payload::of_object({});
    if (const yaml_node* model = keys.mapping("model")) loop.model = read_model(*model);
    read_turns(keys, loop);
    agent_.brain = std::move(loop);
}

/// The loop is the one of a model; only who decides is another.
void agent_reader::read_process(mapping_reader& keys) {
    keys.refuse("steps", errc::config_brain, "`steps` belong to an agent of `kind: agent`",
                "Remove them: the program decides what is done.");
    for (const char* key : {"system", "model"})
        keys.refuse(key, errc::config_brain, "`" + std::string(key) + "` belongs to an agent that asks a model",
                    "Remove it: the program decides.");
    loop_definition loop;
    loop.goal = keys.text("goal").value_or(located_text{agent_.name, {}, {}}).text;
    loop.model.name = std::string(program_model_prefix) + agent_.id;
    loop.model.params = payload::of_object({});
    if (!keys.has("process")) {
        sink_.report(errc::config_brain, keys.at(), "the agent is of `kind: process` and names no program",
                     "Add `process: {command: [python3, \"{folder}/decide.py\"]}`.");
    } else if (const yaml_node* node = keys.mapping("process")) {
        mapping_reader part(*node, "`process`", sink_);
        loop.program = read_program(part);
        if (const yaml_node* price = part.mapping("price")) read_price(*price, loop.model.price);
        const reliability_policies reliability = read_reliability(part, attempt_time::in_retry);
        loop.model.retry = reliability.retry;
        loop.model.rate = reliability.rate;
        loop.model.breaker = reliability.breaker;
        part.defer({"environment", "network", "readable", "keep", "folder"}, "programs cannot have this yet");
        part.finish();
    }
    read_turns(keys, loop);
    agent_.brain = std::move(loop);
}

brain_program agent_reader::read_program(mapping_reader& keys) {
    brain_program program;
    keys.required("command");
    for (const located_text& word : keys.texts("command")) program.command.push_back(word.text);
    if (const yaml_node* command = keys.node("command");
        command != nullptr && command->is_sequence() && command->items.empty())
        sink_.report(errc::config_value, command->at, "`command` is empty",
                     "Name a program and its arguments: [python3, \"{folder}/decide.py\"].");
    constexpr std::array<const char*, 3> profiles{"none", "rlimits", "bwrap"};
    if (const auto word = keys.word("sandbox", {"none", "rlimits", "bwrap"})) program.sandbox = profiles[*word];
    program.wall_time = keys.span("wall_time", milliseconds(1), hours(24)).value_or(duration{});
    program.memory_bytes = keys.bytes("memory").value_or(0);
    program.output_bytes = keys.bytes("output").value_or(0);
    return program;
}

void agent_reader::read_turns(mapping_reader& keys, loop_definition& loop) {
    loop.converse = keys.boolean("converse").value_or(false);
    loop.may_abstain = keys.boolean("may_abstain").value_or(true);
    loop.ends_after = keys.texts("ends_after");
    for (const located_text& name : loop.ends_after) {
        if (std::ranges::any_of(agent_.bindings, [&](const binding_definition& b) { return b.as.text == name.text; }))
            continue;
        std::vector<std::string> names;
        for (const binding_definition& b : agent_.bindings) names.push_back(b.as.text);
        const std::string near = nearest_name(name.text, names);
        report(errc::config_reference, name.where, "no binding is called `" + internal::shown(name.text) + "`",
               near.empty() ? "" : "Did you mean `" + near + "`?");
    }
}

/// The params are part of what a tape matches requests by: they hold what the file sets and nothing else.
model_spec agent_reader::read_model(const yaml_node& node) {
    mapping_reader keys(node, "`model`", sink_);
    model_spec model;
    std::vector<std::pair<std::string, payload>> params;
    model.name = keys.required_text("name").value_or(located_text{}).text;
    if (const auto tokens = keys.integer("max_output_tokens", 1, 10'000'000)) {
        model.max_output_tokens = *tokens;
        params.emplace_back("max_output_tokens", payload::of_integer(*tokens));
    }
    if (const auto milli = keys.decimal("temperature", 3, 0, 2'000))
        params.emplace_back("temperature_milli", payload::of_integer(*milli));
    if (const yaml_node* price = keys.mapping("price")) read_price(*price, model.price);
    const reliability_policies reliability = read_reliability(keys, attempt_time::in_retry);
    model.retry = reliability.retry;
    model.rate = reliability.rate;
    model.breaker = reliability.breaker;
    keys.defer({"fallback", "fallbacks", "routing", "top_p", "seed", "stop", "reasoning", "provider"},
               "models cannot have this yet");
    keys.finish();
    model.params = payload::of_object(std::move(params));
    return model;
}

/// x USD per million tokens are x micro-USD a token times 10^-6, which is as many pico-USD a token as x has micro-USD.
void agent_reader::read_price(const yaml_node& node, model_price& price) {
    mapping_reader keys(node, "`price`", sink_);
    constexpr usd_micros per_mtok_max{1'000'000'000'000};
    const auto read = [&](const char* key, usd_picos& target) {
        const auto amount = keys.money(key);
        if (!amount) return;
        if (*amount > per_mtok_max)
            sink_.report(errc::config_range, keys.key_at(key), "`" + std::string(key) + "` is at most 1000000");
        target.value = amount->value;
    };
    read("input_usd_per_mtok", price.input);
    read("output_usd_per_mtok", price.output);
    price.cached_input = price.input;
    read("cached_input_usd_per_mtok", price.cached_input);
    keys.finish();
}

void agent_reader::read_limits(const yaml_node& node) {
    mapping_reader keys(node, "`limits`", sink_);
    run_limits& limits = agent_.limits;
    const auto count = [&](const char* key, std::uint32_t& target) {
        target = static_cast<std::uint32_t>(keys.integer(key, 0, count_max).value_or(target));
    };
    count("skill_calls", limits.skill_calls);
    count("model_turns", limits.model_turns);
    count("repeated_calls", limits.repeated_calls);
    limits.tokens = keys.integer("tokens", 0, std::numeric_limits<std::int64_t>::max() / 4).value_or(limits.tokens);
    limits.budget = keys.money("budget_usd").value_or(limits.budget);
    limits.run_timeout = keys.span("run_timeout", milliseconds(1), agent_duration_max).value_or(limits.run_timeout);
    limits.step_timeout = keys.span("step_timeout", milliseconds(1), agent_duration_max).value_or(limits.step_timeout);
    keys.defer({"cpu", "memory", "disk", "cpu_seconds", "memory_mb", "concurrency", "per_day", "budget_usd_per_day"},
               "a run cannot be limited by this yet");
    keys.finish();
}

} // namespace

std::optional<agent_definition> parse_agent(std::string_view text, const std::string& file,
                                            std::vector<error>& errors) {
    const std::size_t errors_before = errors.size();
    const auto document = read_document(text, file, errors);
    if (!document) return {};
    agent_definition agent = agent_reader(file, errors).read(document->root);
    if (errors.size() > errors_before) return {};
    auto canonical = to_payload(document->root, file);
    if (!canonical) {
        errors.push_back(std::move(canonical).error());
        return {};
    }
    agent.document = std::move(*canonical);
    return agent;
}

} // namespace aivp
