#include "tools/aivp-sim/property_reports.hpp"

#include <algorithm>
#include <utility>

#include "aivp/base/probe.hpp"
#include "tools/common/command.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

/// So many names stand in the line; --require-reached and --json show all.
constexpr std::size_t names_shown = 3;
/// Where more are missing than that, few scenarios were run, and only what they state themselves is worth a name.
constexpr std::size_t absent_named = 30;

struct property_tally {
    std::uint64_t stated = 0; ///< always, finally: those that were put to the test
    std::uint64_t held = 0;
    std::uint64_t wanted = 0; ///< sometimes
    struct absence {
        std::string name;
        source_pos where;
        bool of_code = false;
    };
    std::vector<absence> absent;

    void always(bool tested, bool violated) {
        stated += tested;
        held += tested && !violated;
    }
    void sometimes(bool reached, absence what) {
        ++wanted;
        if (!reached) absent.push_back(std::move(what));
    }
};

void tally_built_in(const std::vector<sim::scenario_report>& reports, property_tally& out) {
    for (const sim::property_info& p : sim::property_table()) {
        if (p.id == sim::property_id::scenario_own) continue; // counted one by one
        bool tested = false, violated = false;
        for (const sim::scenario_report& r : reports) {
            tested |= r.property_checks[static_cast<std::size_t>(p.id)] > 0;
            violated |= std::find(r.violated.begin(), r.violated.end(), p.id) != r.violated.end();
        }
        out.always(tested, violated);
    }
}

void tally_own(const std::vector<sim::scenario_report>& reports, property_tally& out) {
    for (const sim::scenario_report& r : reports)
        for (std::size_t i = 0; i < r.own.size(); ++i) {
            const sim::scenario_property& p = r.what->properties[i];
            if (p.mode == sim::property_mode::sometimes)
                out.sometimes(r.own[i].reached, {p.name, p.where, false});
            else
                out.always(r.own[i].evaluations > 0, r.own[i].violated);
        }
}

void tally_probes(property_tally& out) {
    for (const probe_entry& p : probe_catalogue()) {
        const bool always = p.kind == probe_kind::always || p.kind == probe_kind::unreachable;
        if (always)
            out.always(p.hits > 0, p.violations > 0);
        else
            out.sometimes(p.hits > 0, {p.name, p.where, true});
    }
}

/// What scenarios state comes first.
property_tally tally(const std::vector<sim::scenario_report>& reports) {
    property_tally out;
    tally_built_in(reports, out);
    tally_own(reports, out);
    tally_probes(out);
    return out;
}

} // namespace

std::string properties_line(const std::vector<sim::scenario_report>& reports) {
    const property_tally t = tally(reports);
    std::string out = "  properties   " + grouped(t.held);
    if (t.held != t.stated) out += " of " + grouped(t.stated);
    out += " always held · " + grouped(t.wanted - t.absent.size()) + " of " + grouped(t.wanted) + " sometimes reached";
    std::size_t shown = 0;
    for (const property_tally::absence& a : t.absent) {
        if (shown == names_shown || (a.of_code && t.absent.size() > absent_named)) break;
        out += (shown++ == 0 ? " · never reached: \"" : ", \"") + printable(a.name) + "\"";
    }
    if (shown > 0 && shown < t.absent.size())
        out += " and " + grouped(t.absent.size() - shown) + " more (--require-reached lists them)";
    return out + "\n";
}

bool report_not_reached(const std::vector<sim::scenario_report>& reports) {
    const property_tally t = tally(reports);
    for (const property_tally::absence& a : t.absent)
        report_error({errc::property_not_reached, "\"" + a.name + "\" was never reached", a.where, {}, {}});
    return t.absent.empty();
}

std::string probes_json() {
    std::string out = "[";
    for (const probe_entry& p : probe_catalogue())
        out += (out.size() > 1 ? "," : "") + ("{\"file\":" + quoted(p.where.file)) +
               ",\"hits\":" + std::to_string(p.hits) + ",\"kind\":" + quoted(to_string(p.kind)) +
               ",\"line\":" + std::to_string(p.where.line) + ",\"name\":" + quoted(p.name) +
               ",\"violations\":" + std::to_string(p.violations) + "}";
    return out + "]";
}

std::string own_json(const sim::scenario_report& r) {
    std::string out = "[";
    for (std::size_t i = 0; i < r.own.size(); ++i) {
        const sim::scenario_property& p = r.what->properties[i];
        out += (i ? "," : "") + ("{\"column\":" + std::to_string(p.where.column)) +
               ",\"evaluations\":" + std::to_string(r.own[i].evaluations) +
               ",\"line\":" + std::to_string(p.where.line) + ",\"mode\":" + quoted(to_string(p.mode)) +
               ",\"name\":" + quoted(p.name) + ",\"reached\":" + (r.own[i].reached ? "true" : "false") +
               ",\"violated\":" + (r.own[i].violated ? "true" : "false") + "}";
    }
    return out + "]";
}

} // namespace aivp::tools
