#include <algorithm>
#include <iostream>

#include "aivp/base/probe.hpp"
#include "tools/aivp-sim/commands.hpp"
#include "tools/aivp-sim/explore_command.hpp"
#include "tools/aivp-sim/property_reports.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

/// Two probes of one name cannot be told apart in any report.
int report_clashes() {
    int code = exit_ok;
    for (const probe_clash& c : probe_clashes())
        code = report_error({errc::internal_bug,
                             "two probes are called \"" + c.name + "\"",
                             c.first,
                             "the other one is at " + to_string(c.second),
                             {}});
    return code;
}

std::string built_in_json() {
    std::string out = "[";
    for (const sim::property_info& p : sim::property_table())
        out += (out.size() > 1 ? "," : "") + ("{\"name\":" + quoted(p.name)) + ",\"text\":" + quoted(p.text) + "}";
    return out + "]";
}

std::string tables_json() {
    std::string out;
    for (const sim::table_info& t : sim::property_tables()) {
        out += (out.empty() ? "[" : ",") + std::string("{\"fields\":[");
        for (const sim::field_info& f : t.fields)
            out += (&f == t.fields.data() ? "" : ",") + ("{\"name\":" + quoted(f.name)) +
                   ",\"text\":" + quoted(f.text) + ",\"type\":" + quoted(sim::to_string(f.type)) + "}";
        out += "],\"name\":" + quoted(t.name) + ",\"text\":" + quoted(t.text) + "}";
    }
    return out + "]";
}

std::string stated_json(const scenario_list& scenarios) {
    std::string out = "[";
    for (const auto& s : scenarios)
        for (const sim::scenario_property& p : s->properties)
            out += (out.size() > 1 ? "," : "") + ("{\"column\":" + std::to_string(p.where.column)) +
                   ",\"expression\":" + quoted(p.text) + ",\"file\":" + quoted(p.where.file) +
                   ",\"line\":" + std::to_string(p.where.line) + ",\"mode\":" + quoted(to_string(p.mode)) +
                   ",\"name\":" + quoted(p.name) + "}";
    return out + "]";
}

void print_probes() {
    const std::vector<probe_entry> probes = probe_catalogue();
    std::size_t width = 0;
    for (const probe_entry& p : probes) width = std::max(width, p.name.size());
    std::cout << "\nstated by the code\n";
    for (const probe_entry& p : probes)
        std::cout << "  " << padded(to_string(p.kind), 12) << padded(p.name, width + 2) << to_string(p.where) << "\n";
}

void print_stated(const scenario_list& scenarios) {
    std::cout << "\nstated by scenarios\n";
    for (const auto& s : scenarios)
        for (const sim::scenario_property& p : s->properties)
            std::cout << "  " << padded(to_string(p.mode), 12) << printable(p.name) << "   "
                      << printable(to_string(p.where)) << "\n              " << printable(p.text) << "\n";
}

int list_properties(const arguments& a) {
    if (const int code = report_clashes(); code != exit_ok) return code;
    scenario_list scenarios;
    if (!a.positional.empty())
        if (const int code = load_scenarios(a, scenarios); code != exit_ok) return code;
    if (a.has("json")) {
        std::cout << "{\"built_in\":" << built_in_json() << ",\"probes\":" << probes_json()
                  << ",\"scenarios\":" << stated_json(scenarios) << ",\"tables\":" << tables_json()
                  << ",\"version\":1}\n";
        return exit_ok;
    }
    std::cout << "checked in every run\n";
    for (const sim::property_info& p : sim::property_table()) std::cout << "  " << padded(p.name, 42) << p.text << "\n";
    if (a.has("code")) print_probes();
    if (!scenarios.empty()) print_stated(scenarios);
    return exit_ok;
}

} // namespace

command_spec properties_command_spec() {
    return {"properties",
            "properties [PATH…] [--code] [--json]",
            "Lists what is checked in every run, what the code states of itself, and what scenarios state.",
            {"aivp-sim properties scenarios/", "aivp-sim properties --code"},
            {{"code", "", "", "also each statement in the code, with file and line"},
             {"json", "", "", "one JSON document on stdout"},
             {"slow", "", "", "also *.slow.yaml"}},
            0,
            1000,
            list_properties};
}

} // namespace aivp::tools
