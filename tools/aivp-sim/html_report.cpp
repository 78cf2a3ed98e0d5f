#include "tools/aivp-sim/html_report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "aivp/version.hpp"
#include "tools/aivp-sim/failure_text.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

constexpr const char* style = R"css(
:root{--paper:#fff;--ground:#f5f6f8;--ink:#1c2128;--soft:#59636e;--line:#d9dee4;--band:#f0f2f5;--red:#c62828;--red-soft:#fdecea;
--green:#1b7f3b;--amber:#9a5b00;--amber-soft:#fff3dc;--trigger:#5b5bd6;--model:#0b7fab;--skill:#3f7d20;--user:#8a3ffc;--other:#6b7280}
@media(prefers-color-scheme:dark){:root{--paper:#161b22;--ground:#0d1117;--ink:#e6edf3;--soft:#9aa4af;--line:#30363d;--band:#1c222a;
--red:#ff7b72;--red-soft:#3b1a1c;--green:#56d364;--amber:#e3b341;--amber-soft:#362a10;--trigger:#a5a6ff;--model:#58c4ee;--skill:#8fd16a;
--user:#d2a8ff;--other:#9aa4af}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
main,header{max-width:68rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .25rem;letter-spacing:-.01em}
h2{font-size:1.1rem;margin:2rem 0 .6rem}
h3{font-size:1.15rem;line-height:1.35;margin:0;overflow-wrap:anywhere}
h4{font-size:.8rem;font-weight:600;color:var(--soft);margin:1.4rem 0 .4rem}
p{margin:.3rem 0}
.soft{color:var(--soft)}
.mono,code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.86em}
.pass{color:var(--green);font-weight:600}.fail{color:var(--red);font-weight:600}
table{border-collapse:collapse;width:100%;font-size:.92rem}
td,th{text-align:left;vertical-align:top;padding:.4rem .75rem .4rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
th{font-size:.8rem;font-weight:600;color:var(--soft)}
tr:last-child td{border-bottom:0}
td.tight,th.tight{white-space:nowrap;overflow-wrap:normal}
.num{font-variant-numeric:tabular-nums}
.card{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:1.1rem 1.35rem;margin:0 0 1.25rem}
article.card{border-top:3px solid var(--red)}
.scroll{overflow-x:auto}
a{color:inherit;text-decoration-color:var(--line);text-underline-offset:3px}a:hover{text-decoration-color:currentColor}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.9rem 0 0;align-items:baseline}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
pre{margin:0;padding:.75rem .9rem;background:var(--band);border-radius:6px;overflow-x:auto;line-height:1.5}
pre.wrap{white-space:pre-wrap;overflow-wrap:anywhere}
ul.plan{list-style:none;margin:0;padding:0}
ul.plan li{display:inline-block;margin:0 .4rem .4rem 0;padding:.2rem .65rem;border:1px solid var(--line);border-radius:6px}
ul.plan li.required{border-color:var(--amber);background:var(--amber-soft)}
.badge{font-size:.78rem;font-weight:600;color:var(--amber)}
tr.fault td{background:var(--amber-soft)}tr.violation td{background:var(--red-soft)}
tr.fault td:first-child,tr.violation td:first-child{border-radius:4px 0 0 4px}
table.story td,table.story th{padding-left:.5rem}
details{margin-top:1.2rem}summary{cursor:pointer;color:var(--soft);font-size:.92rem}details pre{margin-top:.6rem}
svg{display:block}svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;fill:var(--soft)}
svg .lane{stroke:var(--line)}svg .tick{stroke:var(--line);stroke-dasharray:2 4}svg .path{fill:none;stroke:var(--soft);stroke-width:1;opacity:.45}
svg .mark text{fill:var(--paper);font-weight:600;font-size:11px;text-anchor:middle}
svg .name{font-weight:500}
.trigger{fill:var(--trigger)}.model{fill:var(--model)}.skill{fill:var(--skill)}.user{fill:var(--user)}.other{fill:var(--other)}
.fault-mark{fill:var(--amber)}.violation-mark{fill:var(--red)}svg .ring{fill:none;stroke:var(--amber);stroke-width:2}
footer{max-width:68rem;margin:0 auto;padding:.5rem 1.25rem 2.5rem;color:var(--soft);font-size:.86rem}
@media(max-width:40rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}.card{padding:.9rem 1rem}}
@media print{body{background:#fff}.card{break-inside:avoid}}
)css";

/// Safe between tags and in a quoted attribute.
std::string safe(std::string_view text) { return xml_escaped(printable(text)); }
/// The same, with its line ends.
std::string safe_lines(std::string_view text) { return xml_escaped(printable_lines(text, "")); }

struct lane {
    const char* name;
    const char* mark; ///< class of the marks
};
constexpr lane lanes[] = {{"triggers", "trigger"},
                          {"model", "model"},
                          {"skills", "skill"},
                          {"user", "user"},
                          {"runs", "other"},
                          {"FAULT", "fault-mark"},
                          {"violation", "violation-mark"}};
constexpr std::size_t lane_count = std::size(lanes);

std::size_t lane_of(const sim::story_line& l) {
    const auto is = [&](std::string_view what) { return l.what.starts_with(what); };
    if (is("trigger")) return 0;
    if (is("model")) return 1;
    if (is("user")) return 3;
    if (is("FAULT")) return 5;
    if (is("violation")) return 6;
    for (const char* of_calls : {"skill", "retry", "resent", "refused", "parked", "ignored"})
        if (is(of_calls)) return 2;
    return 4; // operator, restart, wake, run, timer
}

/// Where each line of the story stands on the axis. Hours of waiting are drawn little longer than seconds of it, or a story
/// would be two clots at the ends of an empty line.
std::vector<double> places_of(const std::vector<sim::story_line>& story, double& width) {
    constexpr double margin = 28, wide = 912, least = 26, most = 120;
    std::vector<double> units(story.size(), 0);
    for (std::size_t i = 1; i < story.size(); ++i) {
        const double ms = static_cast<double>(std::max<std::int64_t>(0, (story[i].at - story[i - 1].at).us)) / 1000;
        units[i] = units[i - 1] + 1 + (ms > 0 ? 0.6 + 0.5 * std::log10(1 + ms) : 0);
    }
    const double all = units.empty() || units.back() == 0 ? 1 : units.back();
    const double scale = std::clamp((wide - 2 * margin) / all, least, most);
    for (double& u : units) u = margin + u * scale;
    width = std::max(wide, margin * 2 + all * scale);
    return units;
}

std::string number(double n) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", n);
    return text;
}

std::string axis(const std::vector<sim::story_line>& story, const std::vector<double>& x, double left, double height) {
    constexpr double label_width = 78;
    std::string out;
    double free_from = -1000;
    for (std::size_t i = 0; i < story.size(); ++i) {
        if (i > 0 && story[i].at == story[i - 1].at) continue;
        const std::string at = number(left + x[i]);
        out += "<line class=\"tick\" x1=\"" + at + "\" x2=\"" + at + "\" y1=\"4\" y2=\"" + number(height - 22) + "\"/>";
        if (x[i] < free_from) continue;
        free_from = x[i] + label_width;
        out += "<text class=\"num\" x=\"" + number(left + x[i] - 14) + "\" y=\"" + number(height - 6) + "\">" +
               safe(offset(story[i].at)) + "</text>";
    }
    return out;
}

std::string mark(const sim::story_line& l, std::size_t n, double x, double y) {
    const std::size_t in = lane_of(l);
    std::string out = "<g class=\"mark\" data-line=\"" + std::to_string(n) + "\"><title>" + std::to_string(n) + "  t" +
                      safe(offset(l.at)) + "  " + safe(l.what) + "  " + safe(l.text) + "</title>";
    if (in == 5)
        out += "<rect class=\"" + std::string(lanes[in].mark) + "\" x=\"" + number(x - 10) + "\" y=\"" +
               number(y - 10) + "\" width=\"20\" height=\"20\" rx=\"3\"/>";
    else
        out += "<circle class=\"" + std::string(lanes[in].mark) + "\" cx=\"" + number(x) + "\" cy=\"" + number(y) +
               "\" r=\"10.5\"/>";
    if (l.note == "required")
        out += "<rect class=\"ring\" x=\"" + number(x - 14) + "\" y=\"" + number(y - 14) +
               "\" width=\"28\" height=\"28\" rx=\"6\"/>";
    return out + "<text x=\"" + number(x) + "\" y=\"" + number(y + 4) + "\">" + std::to_string(n) + "</text></g>\n";
}

std::string timeline(const std::vector<sim::story_line>& story) {
    constexpr double left = 84, row = 38, top = 24;
    bool used[lane_count] = {};
    for (const sim::story_line& l : story) used[lane_of(l)] = true;
    double y_of[lane_count] = {}, next = top;
    for (std::size_t i = 0; i < lane_count; ++i)
        if (used[i]) y_of[i] = next, next += row;
    double width = 0;
    const std::vector<double> x = places_of(story, width);
    const double height = next + 12;
    const std::string all = number(left + width);
    std::string out = "<div class=\"scroll\"><svg role=\"img\" aria-label=\"Timeline of " +
                      counted(story.size(), "event") + "\" width=\"" + all + "\" height=\"" + number(height) +
                      "\" viewBox=\"0 0 " + all + " " + number(height) + "\">\n";
    for (std::size_t i = 0; i < lane_count; ++i) {
        if (!used[i]) continue;
        out += "<line class=\"lane\" x1=\"" + number(left) + "\" x2=\"" + all + "\" y1=\"" + number(y_of[i]) +
               "\" y2=\"" + number(y_of[i]) + "\"/><text class=\"name\" x=\"0\" y=\"" + number(y_of[i] + 4) + "\">" +
               lanes[i].name + "</text>\n";
    }
    out += axis(story, x, left, height);
    out += "<polyline class=\"path\" points=\"";
    for (std::size_t i = 0; i < story.size(); ++i)
        out += (i ? " " : "") + number(left + x[i]) + "," + number(y_of[lane_of(story[i])]);
    out += "\"/>\n";
    for (std::size_t i = 0; i < story.size(); ++i) out += mark(story[i], i + 1, left + x[i], y_of[lane_of(story[i])]);
    return out + "</svg></div>\n";
}

std::string story_table(const std::vector<sim::story_line>& story) {
    std::string out =
        "<div class=\"scroll\"><table class=\"story\"><tr><th class=\"tight\">#</th><th class=\"tight\">virtual "
        "time</th><th class=\"tight\">what</th><th></th><th class=\"tight\">moment</th></tr>\n";
    for (std::size_t i = 0; i < story.size(); ++i) {
        const sim::story_line& l = story[i];
        const char* row = l.what == "FAULT" ? " class=\"fault\"" : l.what == "violation" ? " class=\"violation\"" : "";
        out += "<tr" + std::string(row) + "><td class=\"tight num\">" + std::to_string(i + 1) +
               "</td><td class=\"tight num\">t" + safe(offset(l.at)) + "</td><td class=\"tight\">" + safe(l.what) +
               "</td><td>" + safe(l.text);
        if (!l.note.empty()) out += " <span class=\"badge\">" + safe(l.note) + "</span>";
        out += "</td><td class=\"tight mono\">" + safe(l.moment) + "</td></tr>\n";
    }
    return out + "</table></div>\n";
}

std::string plan_html(const sim::failure_report& r) {
    const std::vector<sim::fault>& faults = r.shrunk.plan.faults;
    if (faults.empty()) return "<p class=\"soft\">No faults.</p>\n";
    std::string out = "<ul class=\"plan\">";
    for (std::size_t i = 0; i < faults.size(); ++i) {
        const bool required = i < r.required.size() && r.required[i];
        out += std::string("<li") + (required ? " class=\"required\"" : "") + "><code>" +
               safe(sim::to_string(faults[i])) + "</code>" +
               (required ? " <span class=\"badge\">required</span>" : "") + "</li>";
    }
    return out + "</ul>\n";
}

std::string reasons_html(const sim::failure_report& r) {
    std::string out;
    if (r.seeds_without > 0)
        out += "<p>Without the " + std::string(r.shrunk.plan.faults.size() == 1 ? "fault" : "faults") + " it passes (" +
               std::to_string(r.passed_without) + " of " + std::to_string(r.seeds_without) + ").</p>\n";
    if (!r.free_values.empty()) {
        out += "<p>It also fails with ";
        for (std::size_t i = 0; i < r.free_values.size(); ++i)
            out += (i == 0 ? "" : i + 1 == r.free_values.size() ? " and " : ", ") + safe(r.free_values[i]);
        out += ".</p>\n";
    }
    if (r.nearest)
        out += "<p>The nearest passing run (" + safe(r.nearest->passing) + ") parts from this one at event " +
               std::to_string(r.nearest->seq.value) + ": here <code>" + safe(r.nearest->first) +
               "</code>, there <code>" + safe(r.nearest->second) + "</code>.</p>\n";
    return out;
}

std::string history_html(const sim::failure_report& r) {
    const sim::shrink_statistics& s = r.shrinking;
    const bool shrunk = s.accepted > 0 || s.tries > 1;
    std::string out =
        std::string(shrunk ? "<h4>Minimal history: " : "<h4>History: ") + grouped(s.events_after) + " events";
    if (s.events_before > s.events_after) out += " of " + grouped(s.events_before);
    out += shrunk && s.out_of_time ? ", out of time: it may not be minimal</h4>\n" : "</h4>\n";
    return out + timeline(r.story) + story_table(r.story) + "<h4>Plan</h4>\n" + plan_html(r) + reasons_html(r);
}

std::string failure_html(const reported_scenario& s, const reported_failure& f, std::size_t id) {
    std::string out = "<article class=\"card\" id=\"failure-" + std::to_string(id) + "\">\n<h3>" + safe(f.what) +
                      "</h3>\n<p class=\"soft\">" + safe(s.name) + ", <span class=\"mono\">" +
                      safe(to_string(f.where)) + "</span>, seed " + std::to_string(f.seed) +
                      "</p>\n<dl><dt>expected</dt><dd class=\"mono\">" + safe(f.expected) +
                      "</dd><dt>actual</dt><dd class=\"mono\">" + safe(f.actual) + "</dd></dl>\n";
    if (f.told) out += history_html(*f.told);
    if (!f.repro.empty()) out += "<h4>Run it again</h4>\n<pre class=\"wrap\">" + safe(f.repro) + "</pre>\n";
    const bool is_open = !f.told;
    if (f.block.empty()) return out + "</article>\n";
    return out + "<details" + (is_open ? " open" : "") + "><summary>As text</summary><pre>" + safe_lines(f.block) +
           "</pre></details>\n</article>\n";
}

std::string rows_html(const reported_results& results, bool passed) {
    std::string out = "<div class=\"scroll\"><table><tr><th class=\"tight\">result</th><th>scenario</th><th>what was "
                      "run</th></tr>\n";
    std::size_t id = 0;
    for (const reported_scenario& s : results.scenarios) {
        const std::string first = "#failure-" + std::to_string(id + 1);
        id += s.failures.size();
        if (s.passed != passed) continue;
        out += std::string("<tr><td class=\"tight ") + (s.passed ? "pass\">pass" : "fail\">fail") + "</td><td>";
        out += s.failures.empty() ? safe(s.name) : "<a href=\"" + first + "\">" + safe(s.name) + "</a>";
        out += "<br><span class=\"mono soft\">" + safe(s.file) + "</span></td><td class=\"soft num\">" + safe(s.counts);
        if (s.not_shown > 0) out += ", " + counted(s.not_shown, "more failure");
        out += "</td></tr>\n";
    }
    return out + "</table></div>\n";
}

/// What failed comes first; what passed must not stand between it and its failures.
std::string scenarios_html(const reported_results& results) {
    const batch_summary& sum = results.summary;
    std::string out = "<section class=\"card\">\n";
    if (sum.failed > 0) out += rows_html(results, false);
    if (sum.failed > 0 && sum.passed > 0)
        out += "<details><summary>" + counted(sum.passed, "scenario") + " passed</summary>\n" +
               rows_html(results, true) + "</details>\n";
    if (sum.failed == 0 && sum.passed > 0) out += rows_html(results, true);
    return out + "</section>\n";
}

} // namespace

std::string to_html(const reported_results& results) {
    const batch_summary& sum = results.summary;
    const std::string verdict = sum.failed == 0 ? grouped(sum.passed) + " passed"
                                                : grouped(sum.failed) + " failed, " + grouped(sum.passed) + " passed";
    std::string out =
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-"
        "Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<meta name=\"viewport\" "
        "content=\"width=device-width,initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light "
        "dark\">\n<title>aivp-sim " +
        safe(results.command) + ": " + verdict + "</title>\n<style>" + style + "</style>\n</head>\n<body>\n" +
        "<header><h1>aivp-sim " + safe(results.command) + ": <span class=\"" + (sum.failed == 0 ? "pass" : "fail") +
        "\">" + verdict + "</span></h1>\n<p class=\"soft\">" + counted(results.scenarios.size(), "scenario") +
        " in virtual time, engine " + safe(version) + "</p></header>\n<main>\n<h2>Scenarios</h2>\n" +
        scenarios_html(results);
    std::size_t id = 0;
    if (sum.failed > 0) out += "<h2>Failures</h2>\n";
    for (const reported_scenario& s : results.scenarios)
        for (const reported_failure& f : s.failures) out += failure_html(s, f, ++id);
    return out +
           "</main>\n<footer>The time axis is compressed: long waits are drawn little longer than short ones. A token "
           "names the plan, not a machine: it means the same wherever the scenario is.</footer>\n</body>\n</html>\n";
}

} // namespace aivp::tools
