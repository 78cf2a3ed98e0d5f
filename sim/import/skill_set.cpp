#include "sim/import/internal/skill_set.hpp"

#include <algorithm>
#include <set>

#include "runtime/codec/skill_file.hpp"
#include "runtime/codec/workspace.hpp"
#include "sim/import/internal/imported_run.hpp"
#include "sim/import/internal/log_value.hpp"
#include "sim/import/internal/yaml_text.hpp"

namespace aivp::sim::internal {

namespace {

constexpr int widen_rounds_max = 16;
constexpr std::size_t widen_violations_max = 16;

std::string skill_words(std::string_view text, std::string_view allowed, bool lower, std::size_t bytes_max) {
    std::string out;
    for (char c : text.substr(0, bytes_max)) {
        if (lower && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                           allowed.find(c) != std::string_view::npos;
        out += plain ? c : '_';
    }
    return out;
}

std::string skill_trimmed(std::string text) {
    const auto edge = [](char c) { return c == '_' || c == '-' || c == '.'; };
    while (!text.empty() && edge(text.back())) text.pop_back();
    std::size_t first = 0;
    while (first < text.size() && edge(text[first])) ++first;
    text.erase(0, first);
    return text.empty() ? "tool" : text;
}

// "v1.2.1" -> "1.2.1", "v1" -> "1.0.0", anything else -> "0.1.0".
std::string skill_semver(std::string_view version) {
    if (version.starts_with('v')) version.remove_prefix(1);
    std::string padded(version);
    for (auto dots = std::count(padded.begin(), padded.end(), '.'); dots < 2; ++dots) padded += ".0";
    return parse_semantic_version(padded) ? padded : "0.1.0";
}

std::string_view skill_json_type(const payload& v) {
    switch (v.text().front()) {
    case '{': return "object";
    case '[': return "array";
    case '"': return "string";
    case 't':
    case 'f': return "boolean";
    case 'n': return "null";
    default: return v.text().find_first_of(".eE") == std::string_view::npos ? "integer" : "number";
    }
}

payload skill_type_schema(std::string_view type) { return payload::of_object({{"type", payload::of_string(type)}}); }

// The first token of a pointer, unescaped.
std::string skill_first_token(std::string_view pointer) {
    pointer.remove_prefix(1);
    std::string out;
    for (std::size_t i = 0; i < pointer.size() && pointer[i] != '/'; ++i) {
        if (pointer[i] == '~' && i + 1 < pointer.size())
            out += pointer[++i] == '0' ? '~' : '/';
        else
            out += pointer[i];
    }
    return out;
}

payload skill_with_member(const payload& object, const std::string& key, payload value) {
    return merged(object, payload::of_object({{key, std::move(value)}}));
}

payload skill_properties(const payload& schema) {
    const auto properties = member(schema, "properties");
    return properties && properties->is_object() ? *properties : payload::of_object({});
}

// A schema that also accepts values of `type`.
payload skill_also(const payload& schema, std::string_view type, std::string& change) {
    const payload wanted = skill_type_schema(type);
    if (const auto any = member(schema, "anyOf"); any && any->is_array()) {
        std::vector<payload> choices = items(*any);
        if (std::find(choices.begin(), choices.end(), wanted) == choices.end()) {
            choices.push_back(wanted);
            change = "also accepts any " + std::string(type);
            return skill_with_member(schema, "anyOf", payload::of_array(choices));
        }
        change = "accepts anything";
        return payload::of_object({});
    }
    if (const auto declared = member(schema, "type")) {
        std::vector<payload> types = declared->is_array() ? items(*declared) : std::vector<payload>{*declared};
        if (std::find(types.begin(), types.end(), payload::of_string(type)) == types.end()) {
            types.push_back(payload::of_string(type));
            change = "its type also is " + std::string(type);
            return skill_with_member(schema, "type", payload::of_array(types));
        }
    }
    change = "also accepts any " + std::string(type);
    return payload::of_object({{"anyOf", payload::of_array({schema, wanted})}});
}

// Drops from `required` what `arguments` lack.
std::optional<payload> skill_without_required(const payload& schema, const payload& arguments,
                                              std::vector<std::string>& dropped) {
    std::vector<payload> kept;
    for (const payload& name : items(member(schema, "required").value_or(payload()))) {
        const auto text = as_string(name);
        if (text && !member(arguments, *text))
            dropped.push_back(*text);
        else
            kept.push_back(name);
    }
    if (dropped.empty()) return std::nullopt;
    return skill_with_member(schema, "required", payload::of_array(kept));
}

} // namespace

effect_class guess_effect(std::string_view tool) {
    for (const std::string_view word : {"think", "calculate", "compute"})
        if (tool.starts_with(word)) return effect_class::none;
    for (const std::string_view word : {"get", "read", "search", "list", "find", "fetch", "look", "query", "count",
                                        "check", "show", "view", "describe"})
        if (tool == word || tool.starts_with(std::string(word) + "_")) return effect_class::read;
    return effect_class::write;
}

skill_set::skill_set(std::string suite, std::string version)
    : suite_(std::move(suite)), version_(std::move(version)), skill_version_(skill_semver(version_)) {}

std::string skill_set::group() const { return safe_name(suite_ + "-" + version_); }

result<void> skill_set::declare(const payload& document, const std::string& file) {
    const log_value tools = log_member({document, ""}, "tools");
    if (!tools.value.is_array()) return fail(errc::import_format, "\"tools\" must be a list", {file});
    for (const log_value& entry : log_items(tools)) {
        auto name = log_required_text(entry, "name");
        if (!name) return fail(errc::import_format, entry.pointer + ": " + name.error().message, {file});
        const auto parameters = member(entry.value, "parameters");
        if (!parameters || !parameters->is_object())
            return fail(errc::import_format, entry.pointer + ": \"parameters\" must be an object", {file});
        tool& t = tools_by_name_[*name];
        t.declared = true;
        t.description = as_string(member(entry.value, "description").value_or(payload())).value_or("");
        t.schema = *parameters;
    }
    declared_ = true;
    return {};
}

void skill_set::observe(const std::string& name, const payload& arguments) {
    if (arguments.is_object()) tools_by_name_[name].observed.emplace(arguments.hash(), arguments);
}

std::string skill_set::skill_text(const std::string& name, const tool& t, const skill& made) const {
    std::string out =
        "schema_version: skill.v1\nid: " + yaml_string(made.id) + "\nversion: " + yaml_string(skill_version_);
    out += "\nsummary: " + yaml_string(!t.description.empty() ? t.description : !name.empty() ? name : made.as);
    out += "\neffect: " + std::string(to_string(made.effect)) + "\ninputs:";
    append_yaml_value(out, t.schema, 2);
    std::vector<payload> changes;
    for (const std::string& change : t.changes) changes.push_back(payload::of_string(change));
    std::vector<std::pair<std::string, payload>> notes{{"effect", payload::of_string("guessed from the name")},
                                                       {"observed", payload::of_bool(!t.declared)},
                                                       {"tool", payload::of_string(name)}};
    if (!changes.empty()) notes.emplace_back("widened", payload::of_array(changes));
    out += "metadata:";
    append_yaml_value(out, payload::of_object(std::move(notes)), 2);
    return out;
}

result<skill_ptr> skill_set::parse(const std::string& name, const tool& t, skill& made) const {
    made.text = skill_text(name, t, made);
    std::vector<error> errors;
    auto parsed = parse_skill(made.text, made.id + ".skill.yaml", errors);
    if (!parsed) return std::unexpected(errors.front());
    return parsed->contract;
}

// Each round repairs what the round before still refused; a schema that resists is given up for one that accepts anything.
result<void> skill_set::widen(const std::string& name, tool& t, skill& made) {
    for (int round = 0; round <= widen_rounds_max; ++round) {
        AIVP_TRY(made.contract, parse(name, t, made));
        bool changed = false;
        const auto change = [&](payload schema, std::string what) {
            t.schema = std::move(schema);
            t.changes.push_back(std::move(what));
            changed = true;
        };
        std::set<std::string> touched;
        for (const auto& [hash, arguments] : t.observed) {
            const auto violations = made.contract->input.validate_all(arguments, widen_violations_max);
            if (violations.empty()) continue;
            if (round == widen_rounds_max) {
                change(payload::of_object(
                           {{"additionalProperties", payload::of_bool(true)}, {"type", payload::of_string("object")}}),
                       "accepts any arguments");
                break;
            }
            std::vector<std::string> dropped;
            if (auto schema = skill_without_required(t.schema, arguments, dropped)) {
                for (const std::string& key : dropped) change(*schema, "/properties/" + key + ": no longer required");
            }
            for (const json_schema::violation& v : violations) {
                if (v.instance_pointer.empty()) continue;
                const std::string key = skill_first_token(v.instance_pointer);
                if (!touched.insert(key).second) continue;
                const payload value = member(arguments, key).value_or(payload());
                const payload properties = skill_properties(t.schema);
                const auto property = member(properties, key);
                std::string what = "declared, as it was logged";
                payload schema = property ? skill_also(*property, skill_json_type(value), what)
                                          : skill_type_schema(skill_json_type(value));
                change(skill_with_member(t.schema, "properties", skill_with_member(properties, key, std::move(schema))),
                       "/properties/" + key + ": " + what);
            }
        }
        if (!changed) return {};
    }
    AIVP_TRY(made.contract, parse(name, t, made));
    return {};
}

result<void> skill_set::compile(std::vector<import_summary::widening>& widenings) {
    std::set<std::string> names_taken{std::string(abstain_tool)};
    std::set<std::string> ids_taken;
    const auto unique = [](std::set<std::string>& taken, const std::string& wanted) {
        std::string name = wanted;
        for (int n = 2; !taken.insert(name).second; ++n) name = wanted + "-" + std::to_string(n);
        return name;
    };
    // Names that can stand as they are come first, so that no other tool takes them.
    std::vector<std::pair<bool, std::string>> order;
    for (const auto& [name, t] : tools_by_name_)
        order.emplace_back(name.empty() || skill_words(name, "_-.", false, 60) != name, name);
    std::sort(order.begin(), order.end());
    skill_registry registry;
    for (const auto& [renamed, name] : order) {
        tool& t = tools_by_name_[name];
        skill made;
        made.as = unique(names_taken, name.empty() ? "unnamed" : skill_words(name, "_-.", false, 60));
        made.id = unique(ids_taken, skill_trimmed(skill_words(suite_, "_-", true, 40)) + "." +
                                        skill_trimmed(skill_words(name, "_-", true, 60)));
        made.effect = guess_effect(name);
        if (!t.declared)
            t.schema =
                payload::of_object({{"properties", payload::of_object({})}, {"type", payload::of_string("object")}});
        AIVP_CHECK(widen(name, t, made));
        if (made.as != name) t.changes.push_back("offered as `" + made.as + "`, because its name cannot be one here");
        if (t.declared || declared_)
            for (const std::string& what : t.changes) widenings.push_back({group(), made.id, what});
        if (!t.declared && declared_)
            widenings.push_back({group(), made.id, "not in the schema file: taken from what was logged"});
        AIVP_CHECK(registry.add(made.contract));
        skills_.emplace(name, std::move(made));
    }
    bindings_text_ = skills_.empty() ? "skill_bindings: []\n" : "skill_bindings:\n";
    for (const auto& [name, made] : skills_)
        bindings_text_ += "  - as: " + yaml_string(made.as) + "\n    use: " + yaml_string(made.id) + "\n";
    const std::string probe =
        "schema_version: v1alpha1\nid: probe\nname: probe\ngoal: probe\nmay_abstain: false\n" + bindings_text_;
    std::vector<error> errors;
    const snapshot_ptr snapshot = load_agent_text(probe, group() + "/probe.yaml", registry, load_utc_only, errors);
    if (!snapshot) return std::unexpected(errors.front());
    tools_ = snapshot->tools;
    return {};
}

const skill_set::skill* skill_set::find(const std::string& name) const {
    const auto found = skills_.find(name);
    return found == skills_.end() ? nullptr : &found->second;
}

} // namespace aivp::sim::internal
