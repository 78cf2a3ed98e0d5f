#include "sim/regression.hpp"

#include <limits>
#include <utility>

#include "runtime/codec/reader.hpp"
#include "sim/faults/plan_file.hpp"

namespace aivp::sim {

bool is_regression(const yaml_document& document) {
    const yaml_member* version = document.root.find("schema_version");
    return version && version->value.is_scalar() && version->value.text.starts_with("regression.");
}

namespace {

void read_workload(mapping_reader& top, regression& out) {
    const auto document = top.object("workload");
    if (!document) return;
    auto edits = parse_workload(document->value);
    if (edits) {
        out.workload = std::move(*edits);
        return;
    }
    error e = std::move(edits).error();
    e.where = document->at("").value;
    top.errors().report(std::move(e), top.key_at("workload"));
}

void read_origin(mapping_reader& top, regression& out) {
    const yaml_node* node = top.mapping("generated_by");
    if (!node) return;
    mapping_reader m(*node, "`generated_by`", top.errors());
    if (const auto engine = m.text("aivp")) out.engine = engine->text;
    out.generator = static_cast<std::uint64_t>(m.integer("generator", 1, 1'000'000).value_or(1));
    if (const auto hash = m.text("scenario")) out.scenario_hash = hash->text;
    m.finish();
}

/// JSON as one reads it in YAML: a blank after each colon and comma.
std::string spaced(const payload& value) {
    std::string out;
    if (value.is_object()) {
        for (const auto& [key, inner] : members(value)) {
            out += out.empty() ? "" : ", ";
            append_json_string(out, key);
            out += ": " + spaced(inner);
        }
        return "{" + out + "}";
    }
    if (value.is_array()) {
        for (const payload& inner : items(value)) out += (out.empty() ? "" : ", ") + spaced(inner);
        return "[" + out + "]";
    }
    return std::string(value.text());
}

std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

} // namespace

regression read_regression(const yaml_document& document, std::vector<error>& errors) {
    file_errors reports(document.file, errors);
    regression out;
    mapping_reader top(document.root, "a regression", reports);
    top.word("schema_version", {regression_version});
    if (const auto path = top.required_text("scenario")) out.scenario = path->text;
    top.required("seed");
    out.seed = static_cast<std::uint64_t>(top.integer("seed", 0, std::numeric_limits<std::int64_t>::max()).value_or(1));
    if (const auto property = top.required_text("property")) out.property = property->text;
    if (const auto signature = top.text("signature")) out.signature = signature->text;
    if (const yaml_node* list = top.sequence("faults")) out.plan = read_faults(*list, reports);
    read_workload(top, out);
    read_origin(top, out);
    top.finish();
    return out;
}

std::string to_yaml(const regression& r) {
    std::string out = "schema_version: " + std::string(regression_version) + "\n";
    out += "scenario: " + quoted(r.scenario) + "\n";
    out += "seed: " + std::to_string(r.seed) + "\n";
    out += "property: " + quoted(r.property) + "\n";
    if (!r.signature.empty()) out += "signature: " + quoted(r.signature) + "\n";
    if (!r.plan.empty()) {
        out += "faults:\n";
        for (const fault& f : r.plan.faults) out += "  - " + to_yaml(f) + "\n";
    }
    if (!r.workload.empty()) out += "workload: " + spaced(to_payload(r.workload)) + "\n";
    out += "generated_by: {generator: " + std::to_string(r.generator);
    if (!r.engine.empty()) out += ", aivp: " + quoted(r.engine);
    if (!r.scenario_hash.empty()) out += ", scenario: " + quoted(r.scenario_hash);
    return out + "}\n";
}

} // namespace aivp::sim
