#include "sim/faults/plan_file.hpp"

#include <algorithm>

#include "aivp/base/nearest.hpp"

namespace aivp::sim {

namespace {

constexpr std::int64_t ordinal_max = 1'000'000'000;

/// By the first word of a site's name; nothing when no port has it.
std::optional<fault_port> port_of(std::string_view site) {
    const std::string_view word = site.substr(0, site.find('/'));
    for (std::size_t p = 0; p < fault_port_count; ++p)
        if (word == to_string(static_cast<fault_port>(p))) return static_cast<fault_port>(p);
    return std::nullopt;
}

/// What a site of the port looks like.
std::string_view shape_of(fault_port p) {
    switch (p) {
    case fault_port::model: return "model/AGENT";
    case fault_port::skill: return "skill/AGENT/BINDING";
    case fault_port::user: return "user/AGENT";
    case fault_port::process: return "process/commit or process/effect";
    case fault_port::command: return "command/AGENT";
    default: return to_string(p);
    }
}

bool has_shape(std::string_view site, fault_port p) {
    const auto slashes = std::count(site.begin(), site.end(), '/');
    const bool no_empty_part = !site.ends_with('/') && site.find("//") == std::string_view::npos;
    switch (p) {
    case fault_port::skill: return slashes == 2 && no_empty_part;
    case fault_port::model:
    case fault_port::user:
    case fault_port::command: return slashes == 1 && no_empty_part;
    case fault_port::process: return site == "process/commit" || site == "process/effect";
    default: return slashes == 0;
    }
}

void report_choice(file_errors& errors, text_place at, const std::string& what, std::string_view name,
                   const std::vector<std::string>& known) {
    const std::string near = nearest_name(std::string(name), known);
    std::string all;
    for (const std::string& k : known) all += (all.empty() ? "" : ", ") + k;
    errors.report(errc::config_value, at, "there is no " + what + " `" + std::string(name) + "`",
                  near.empty() ? "One of: " + all + "." : "Did you mean `" + near + "`?");
}

const fault_kind_info* read_kind(mapping_reader& m, fault_port port, file_errors& errors) {
    const auto name = m.required_text("kind");
    if (!name) return nullptr;
    const fault_kind_info* k = find_fault_kind(port, name->text);
    if (k) return k;
    std::vector<std::string> known;
    for (const fault_kind_info& row : fault_kinds())
        if (row.port == port) known.emplace_back(row.name);
    report_choice(errors, {name->where.line, name->where.column}, std::string("fault of a ") + to_string(port),
                  name->text, known);
    return nullptr;
}

void read_form(mapping_reader& m, const fault_kind_info& k, fault& f, file_errors& errors) {
    if (k.forms.empty()) return;
    const auto name = m.text("form");
    if (!name) return;
    const auto it = std::find(k.forms.begin(), k.forms.end(), name->text);
    if (it == k.forms.end())
        report_choice(errors, {name->where.line, name->where.column}, "form", name->text,
                      {k.forms.begin(), k.forms.end()});
    else
        f.form = static_cast<std::uint8_t>(it - k.forms.begin());
}

void read_times(mapping_reader& m, const fault_kind_info& k, fault& f) {
    if (!k.repeats) return;
    const yaml_node* node = m.node("times");
    if (!node) return;
    if (node->is_scalar() && node->text == "always") {
        f.times = fault::always;
        return;
    }
    const auto n = m.integer("times", 1, ordinal_max);
    if (n) f.times = static_cast<std::uint64_t>(*n);
}

} // namespace

fault read_fault(const yaml_node& node, file_errors& errors) {
    fault f;
    mapping_reader m(node, "a fault", errors);
    if (!node.is_mapping()) return f;
    const auto site = m.required_text("site");
    f.ordinal = static_cast<std::uint64_t>(m.integer("ordinal", 1, ordinal_max).value_or(1));
    f.severity = static_cast<std::uint8_t>(m.integer("severity", 1, 3).value_or(2));
    const auto port = site ? port_of(site->text) : std::nullopt;
    if (site && !port) {
        std::vector<std::string> ports;
        for (std::size_t p = 0; p < fault_port_count; ++p) ports.emplace_back(shape_of(static_cast<fault_port>(p)));
        report_choice(errors, {site->where.line, site->where.column}, "site", site->text, ports);
    }
    if (!port) return f;
    f.site = site->text;
    if (!has_shape(f.site, *port))
        errors.report(errc::config_value, {site->where.line, site->where.column}, "`" + f.site + "` is no site",
                      "Write it as " + std::string(shape_of(*port)) + ".");
    const fault_kind_info* kind = read_kind(m, *port, errors);
    if (!kind) return f;
    f.kind = kind->kind;
    if (!kind->span.name.empty()) f.span = m.span(kind->span.name, microseconds(1), days(366)).value_or(duration{});
    read_form(m, *kind, f, errors);
    read_times(m, *kind, f);
    m.finish();
    return f;
}

fault_plan read_faults(const yaml_node& list, file_errors& errors) {
    fault_plan plan;
    for (const yaml_node& node : list.items) plan.faults.push_back(read_fault(node, errors));
    return plan;
}

std::string to_yaml(const fault& f) {
    const fault_kind_info& k = info(f.kind);
    std::string out = "{site: " + f.site + ", ordinal: " + std::to_string(f.ordinal) + ", kind: " + std::string(k.name);
    if (f.times != 1) out += ", times: " + (f.times == fault::always ? "always" : std::to_string(f.times));
    if (f.severity != 2) out += ", severity: " + std::to_string(f.severity);
    if (f.span.us != 0) out += ", " + std::string(k.span.name) + ": " + to_string(f.span);
    if (f.form != 0) out += ", form: " + std::string(k.forms[f.form]);
    return out + "}";
}

} // namespace aivp::sim
