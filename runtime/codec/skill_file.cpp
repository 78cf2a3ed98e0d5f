#include "runtime/codec/skill_file.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "aivp/skill/registry.hpp"
#include "runtime/codec/internal/text.hpp"
#include "runtime/codec/reader.hpp"
#include "runtime/codec/reliability_keys.hpp"

namespace aivp {

namespace {

constexpr duration skill_timeout_max = hours(24);

/// Follows a schema into its parts and collects where secrets stand. Recursive schemas describe infinitely many places: what
/// lies deeper than this follows, or costs too much to find, counts as secret.
class secret_finder {
public:
    explicit secret_finder(const payload& root) : root_(root) {}

    std::vector<std::string> find() {
        const std::string_view text = root_.text();
        if (text.find("\"x-secret\"") == std::string_view::npos && text.find("\"writeOnly\"") == std::string_view::npos)
            return {};
        visit(root_, "", 0);
        if (visits_ > visits_max) return {""};
        return {found_.begin(), found_.end()};
    }

private:
    static constexpr int depth_max = 16;
    static constexpr std::size_t visits_max = 20'000;

    void visit(const payload& schema, const std::string& pointer, int depth) {
        if (++visits_ > visits_max || !schema.is_object()) return;
        if (depth > depth_max || is_true(schema, "x-secret") || is_true(schema, "writeOnly")) {
            found_.insert(pointer);
            return;
        }
        if (const auto reference = as_string(member(schema, "$ref").value_or(payload()));
            reference && reference->starts_with('#')) {
            if (const auto target = at_pointer(root_, reference->substr(1))) visit(*target, pointer, depth + 1);
        }
        for (const auto& [name, part] : members(member(schema, "properties").value_or(payload())))
            visit(part, pointer + "/" + escaped(name), depth + 1);
        for (const auto& [name, part] : members(member(schema, "patternProperties").value_or(payload())))
            visit(part, pointer + "/*", depth + 1);
        for (const char* key :
             {"additionalProperties", "unevaluatedProperties", "additionalItems", "unevaluatedItems", "contains"})
            visit(member(schema, key).value_or(payload()), pointer + "/*", depth + 1);
        visit_items(schema, "items", pointer, depth);
        visit_items(schema, "prefixItems", pointer, depth);
        for (const char* key : {"allOf", "anyOf", "oneOf"})
            for (const payload& part : items(member(schema, key).value_or(payload()))) visit(part, pointer, depth + 1);
        for (const char* key : {"then", "else", "if"})
            visit(member(schema, key).value_or(payload()), pointer, depth + 1);
    }

    void visit_items(const payload& schema, const char* key, const std::string& pointer, int depth) {
        const payload part = member(schema, key).value_or(payload());
        if (!part.is_array()) return visit(part, pointer + "/*", depth + 1);
        std::size_t index = 0;
        for (const payload& item : items(part)) visit(item, pointer + "/" + std::to_string(index++), depth + 1);
    }

    static bool is_true(const payload& schema, std::string_view key) {
        return as_bool(member(schema, key).value_or(payload())) == true;
    }
    static std::string escaped(std::string_view name) {
        std::string out;
        for (const char c : name)
            out += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
        return out;
    }

    const payload& root_;
    std::set<std::string> found_;
    std::size_t visits_ = 0;
};

/// Text and place of the front matter, and what follows it.
struct front_matter {
    std::string_view yaml;
    std::string_view body;
};

std::optional<front_matter> split_front_matter(std::string_view text, const std::string& file,
                                               std::vector<error>& errors) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    const auto is_fence = [](std::string_view line) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        return line == "---";
    };
    const std::size_t first_end = text.find('\n');
    if (first_end == std::string_view::npos || !is_fence(text.substr(0, first_end))) {
        errors.push_back({errc::skill_front_matter, "the file does not begin with the line ---", {file, 1, 1}, {}, {}});
        return {};
    }
    for (std::size_t begin = first_end + 1; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        // The opening fence stays in, so that lines keep their numbers.
        if (is_fence(text.substr(begin, end - begin)))
            return front_matter{text.substr(0, begin), text.substr(std::min(end + 1, text.size()))};
        begin = end + 1;
    }
    errors.push_back({errc::skill_front_matter, "the front matter that begins here has no end", {file, 1, 1}, {}, {}});
    return {};
}

/// Compiles a schema of the file; the error is put where the schema's pointer leads.
std::optional<json_schema> compile_skill_schema(const payload& closed, const located_payload& written,
                                                file_errors& errors) {
    auto schema = json_schema::compile(closed);
    if (schema) return std::move(*schema);
    error e = std::move(schema).error();
    e.where = written.at("").value;
    for (const auto& [key, value] : e.context)
        if (key == "pointer") e.where = written.at(value).value;
    errors.report(std::move(e), {});
    return {};
}

bool has_any(const payload& schema, std::initializer_list<std::string_view> keys) {
    return std::ranges::any_of(keys, [&](std::string_view key) { return member(schema, key).has_value(); });
}

/// What a skill does not declare, nobody may pass: an input schema that is silent about further properties forbids them.
payload closed_input(const payload& schema) {
    if (has_any(schema, {"additionalProperties", "unevaluatedProperties"})) return schema;
    const bool composed = has_any(schema, {"allOf", "anyOf", "oneOf", "$ref", "if", "dependentSchemas", "$dynamicRef"});
    std::vector<std::pair<std::string, payload>> overlay{
        {composed ? "unevaluatedProperties" : "additionalProperties", payload::of_bool(false)}};
    return merged(schema, payload::of_object(std::move(overlay)));
}

void read_input_schema(mapping_reader& keys, std::string_view key, skill_contract& skill) {
    if (keys.required(key) == nullptr) return;
    const auto written = keys.object(key);
    if (!written) return;
    payload schema = written->value;
    const auto type = member(schema, "type");
    if (!type) {
        schema = merged(schema, payload::of_object({{"type", payload::of_string("object")}}));
    } else if (as_string(*type) != "object") {
        error e{errc::config_value,
                "`" + std::string(key) + "` describes the arguments, which are an object",
                written->at("/type").value,
                "Write `type: object`.",
                {}};
        return keys.errors().report(std::move(e), {});
    }
    schema = closed_input(schema);
    if (auto compiled = compile_skill_schema(schema, *written, keys.errors())) skill.input = std::move(*compiled);
    skill.secret_arguments = secret_pointers(schema);
}

void read_output_schema(mapping_reader& keys, std::string_view key, skill_contract& skill) {
    const auto written = keys.object(key);
    if (!written) return;
    skill.output = compile_skill_schema(written->value, *written, keys.errors());
    skill.secret_results = secret_pointers(written->value);
}

void read_skill_identity(mapping_reader& keys, std::string_view id_key, skill_contract& skill) {
    if (const auto id = keys.required_text(id_key)) {
        skill.id = id->text;
        skill.where = id->where;
        if (!is_skill_id(id->text))
            keys.errors().report({errc::config_value,
                                  "`" + internal::shown(id->text) + "` is no skill id",
                                  id->where,
                                  "Use lower-case letters, digits, `_`, `-` and dots, such as mail.send.",
                                  {}},
                                 {});
    }
    if (const auto version = keys.required_text("version")) {
        skill.version = version->text;
        if (auto parsed = parse_semantic_version(version->text); !parsed) {
            parsed.error().where = version->where;
            keys.errors().report(std::move(parsed).error(), {});
        }
    }
}

/// `mail: send`, `mail: [read, send]`.
void read_permissions(mapping_reader& keys, skill_contract& skill) {
    const yaml_node* node = keys.mapping("permissions");
    if (node == nullptr) return;
    for (const yaml_member& connector : node->members) {
        mapping_reader scopes(*node, "`permissions`", keys.errors());
        const auto add = [&](const std::string& scope) { skill.permissions.push_back(connector.key + ":" + scope); };
        if (connector.value.is_sequence()) {
            for (const located_text& scope : scopes.texts(connector.key)) add(scope.text);
        } else if (const auto scope = scopes.text(connector.key)) {
            add(scope->text);
        }
    }
    std::ranges::sort(skill.permissions);
}

void read_effect_keys(mapping_reader& keys, skill_contract& skill) {
    if (const auto effect = keys.word("effect", {"none", "read", "write"}))
        skill.effect = static_cast<effect_class>(*effect);
    const bool harmless = skill.effect != effect_class::write;
    skill.idempotent = keys.boolean("idempotent").value_or(harmless);
    skill.reversible = keys.boolean("reversible").value_or(false);
    skill.takes_key = keys.boolean("takes_key").value_or(false);
    skill.enabled = keys.boolean("enabled").value_or(true);
    if (harmless && !skill.idempotent)
        keys.errors().report(errc::config_value, keys.key_at("idempotent"),
                             "what changes nothing can always be repeated",
                             "Remove `idempotent: false`, or declare `effect: write`.");
    if (harmless && skill.takes_key)
        keys.errors().report(errc::config_value, keys.key_at("takes_key"),
                             "an idempotency key is for skills with `effect: write`",
                             "Remove `takes_key`, or declare `effect: write`.");
    if (const auto approval =
            keys.word("approval", {"none", "required"}, {"role", "roles", "conditional", "two-person"}))
        skill.needs_approval = *approval == 1;
    for (const located_text& label : keys.texts("side_effects")) skill.side_effects.push_back(label.text);
    if (harmless && !skill.side_effects.empty())
        keys.errors().report(errc::config_value, keys.key_at("side_effects"),
                             "a skill with side effects has `effect: write`");
}

void read_risk(mapping_reader& keys, skill_contract& skill) {
    const yaml_node* node = keys.mapping("risk");
    if (node == nullptr) return;
    mapping_reader risk(*node, "`risk`", keys.errors());
    if (risk.required("level") != nullptr)
        if (const auto level = risk.word("level", {"low", "medium", "high"}, {"critical"}))
            skill.risk = static_cast<risk_level>(*level);
    risk.finish();
}

void read_skill_keys(mapping_reader& keys, skill_contract& skill) {
    read_skill_identity(keys, "id", skill);
    if (const auto summary = keys.required_text("summary")) skill.summary = summary->text;
    read_input_schema(keys, "inputs", skill);
    read_output_schema(keys, "outputs", skill);
    read_permissions(keys, skill);
    read_risk(keys, skill);
    read_effect_keys(keys, skill);
    skill.timeout = keys.span("timeout", milliseconds(1), skill_timeout_max).value_or(skill.timeout);
    skill.cost_estimate = keys.money("cost_usd").value_or(skill.cost_estimate);
    const reliability_policies reliability = read_reliability(keys, attempt_time::beside);
    skill.retry = reliability.retry;
    skill.rate = reliability.rate;
    skill.breaker = reliability.breaker;
    keys.node("metadata");
    keys.defer({"retry_policy"}, "only AOS's SkillMetadata has this key; here it is `retry`");
    keys.defer({"egress", "preview", "compensate", "sandbox", "secrets"}, "skills cannot declare this yet");
    keys.finish();
}

/// AOS's SkillMetadata says nothing about reading and writing. An explicit empty list of side effects is its way of saying
/// that a skill changes nothing; without the list the skill counts as writing.
void read_aos_metadata(mapping_reader& keys, skill_contract& skill) {
    read_skill_identity(keys, "skill_id", skill);
    if (const auto name = keys.required_text("name")) skill.summary = name->text;
    if (const auto description = keys.text("description")) skill.summary = description->text;
    read_input_schema(keys, "input_schema", skill);
    if (keys.required("output_schema") != nullptr) read_output_schema(keys, "output_schema", skill);
    if (keys.required("timeout_ms") != nullptr)
        skill.timeout = milliseconds(keys.integer("timeout_ms", 1, skill_timeout_max.us / 1000).value_or(60'000));
    if (keys.required("cost_estimate_cents") != nullptr)
        skill.cost_estimate = {keys.integer("cost_estimate_cents", 0, 100'000'000).value_or(0) * 10'000};
    for (const located_text& permission : keys.texts("permissions")) skill.permissions.push_back(permission.text);
    std::ranges::sort(skill.permissions);
    const bool says_side_effects = keys.has("side_effects");
    for (const located_text& label : keys.texts("side_effects")) skill.side_effects.push_back(label.text);
    if (says_side_effects && skill.side_effects.empty()) {
        skill.effect = effect_class::read;
        skill.idempotent = true;
    }
    for (const char* hint : {"retry_policy", "tags", "owner", "created_at"}) keys.node(hint);
    keys.finish();
}

} // namespace

bool is_skill_id(std::string_view text) {
    const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    if (text.empty() || text.size() > 128 || !is_plain(text.front()) || !is_plain(text.back())) return false;
    return std::ranges::all_of(text, [&](char c) { return is_plain(c) || c == '_' || c == '-' || c == '.'; });
}

std::vector<std::string> secret_pointers(const payload& schema) { return secret_finder(schema).find(); }

std::optional<skill_file> parse_skill(std::string_view text, const std::string& file, std::vector<error>& errors) {
    const std::size_t errors_before = errors.size();
    std::string_view yaml = text;
    skill_file made;
    if (file.ends_with(".md")) {
        const auto parts = split_front_matter(text, file, errors);
        if (!parts) return {};
        yaml = parts->yaml;
        made.guidance = parts->body;
        if (const auto offset = internal::first_invalid_utf8(made.guidance)) {
            const text_place at = internal::text_cursor(text).place_at(
                static_cast<std::size_t>(parts->body.data() - text.data()) + *offset);
            errors.push_back({errc::json_utf8, "this byte is not valid UTF-8", {file, at.line, at.column}, {}, {}});
        }
    }
    const auto document = read_document(yaml, file, errors);
    if (!document) return {};
    skill_contract skill;
    file_errors sink(file, errors);
    mapping_reader keys(document->root, "a skill", sink);
    if (!document->root.is_mapping()) return {};
    if (document->root.find("skill_id") != nullptr && document->root.find("schema_version") == nullptr) {
        read_aos_metadata(keys, skill);
    } else {
        if (const auto version = keys.required_text("schema_version"); version && version->text != "skill.v1")
            sink.report({errc::config_version,
                         "schema_version `" + internal::shown(version->text) + "` is not supported",
                         version->where,
                         "Write `schema_version: skill.v1`.",
                         {}},
                        {});
        read_skill_keys(keys, skill);
    }
    if (errors.size() > errors_before) return {};
    auto canonical = to_payload(document->root, file);
    if (!canonical) {
        sink.report(std::move(canonical).error(), {});
        return {};
    }
    skill.hash = sha256(canonical->hash().view(), made.guidance);
    made.contract = std::make_shared<const skill_contract>(std::move(skill));
    return made;
}

namespace {

void read_pool_import(const yaml_node& node, file_errors& sink, skill_pool& pool) {
    mapping_reader keys(node, "an import", sink);
    if (keys.required("kind") != nullptr) {
        const auto kind = keys.word("kind", {"local"}, {"git"});
        if (!kind) return;
    }
    if (auto path = keys.required_text("path")) pool.imports.push_back({std::move(*path)});
    keys.finish();
}

void read_pool_entry(const yaml_node& node, file_errors& sink, skill_pool& pool) {
    mapping_reader keys(node, "a registry entry", sink);
    pool_entry entry;
    if (auto id = keys.required_text("id")) entry.id = std::move(*id);
    entry.version = keys.text("version");
    keys.text("source");
    if (const auto status = keys.word("status", {"enabled", "active", "disabled"}, {"deprecated", "quarantined"}))
        entry.enabled = *status < 2;
    keys.finish();
    if (!entry.id.text.empty()) pool.entries.push_back(std::move(entry));
}

} // namespace

std::optional<skill_pool> parse_skill_pool(std::string_view text, const std::string& file, std::vector<error>& errors) {
    const std::size_t errors_before = errors.size();
    const auto document = read_document(text, file, errors);
    if (!document) return {};
    file_errors sink(file, errors);
    mapping_reader keys(document->root, "a skill pool", sink);
    skill_pool pool;
    if (const auto version = keys.required_text("schema_version"); version && version->text != "skill_pool.v1")
        sink.report({errc::config_version,
                     "schema_version `" + internal::shown(version->text) + "` is not supported",
                     version->where,
                     "Write `schema_version: skill_pool.v1`.",
                     {}},
                    {});
    if (keys.required("imports") != nullptr)
        if (const yaml_node* imports = keys.sequence("imports"))
            for (const yaml_node& node : imports->items) read_pool_import(node, sink, pool);
    if (const yaml_node* registry = keys.sequence("registry"))
        for (const yaml_node& node : registry->items) read_pool_entry(node, sink, pool);
    keys.finish();
    if (errors.size() > errors_before) return {};
    return pool;
}

} // namespace aivp
