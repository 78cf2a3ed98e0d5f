#include "tools/aivp-sim/failure_text.hpp"

#include <algorithm>
#include <vector>

#include "sim/search/story.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

constexpr std::size_t text_width = 110;

std::string counted_of(std::uint64_t after, std::uint64_t before, std::string_view what) {
    if (after > before) return counted(after, what); // it took longer, with fewer causes
    return grouped(after) + " of " + counted(before, what);
}

/// What is told first, when not all of it is.
int importance(const sim::story_line& line, bool is_first) {
    if (line.what == "FAULT" || line.what == "violation") return 3;
    if (!line.note.empty() || line.what.starts_with("retry") || line.what == "restart") return 2;
    return is_first || line.what == "trigger" ? 1 : 0;
}

/// Which lines are shown when no more than `most` fit: the violation and the faults, then what changed, then what came last.
std::vector<bool> chosen_lines(const std::vector<sim::story_line>& story, std::size_t most) {
    std::vector<bool> shown(story.size(), story.size() <= most);
    if (story.size() <= most) return shown;
    std::vector<std::size_t> order(story.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = story.size() - 1 - i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return importance(story[a], a == 0) > importance(story[b], b == 0);
    });
    // Half of the lines at most go to gaps.
    const auto gaps = [&shown] {
        std::size_t n = 0;
        for (std::size_t i = 0; i < shown.size(); ++i) n += !shown[i] && (i == 0 || shown[i - 1]);
        return n;
    };
    std::size_t used = 0;
    for (const std::size_t i : order) {
        shown[i] = true;
        if (++used + gaps() <= most) continue;
        shown[i] = false;
        --used;
    }
    return shown;
}

std::string story_text(const std::vector<sim::story_line>& story, std::size_t most) {
    const std::vector<bool> shown = chosen_lines(story, most);
    std::string out;
    for (std::size_t i = 0; i < story.size(); ++i) {
        if (!shown[i]) {
            std::size_t n = 0;
            while (i < story.size() && !shown[i]) ++i, ++n;
            --i;
            out += "    …             " + counted(n, "more line") + "\n";
            continue;
        }
        const sim::story_line& l = story[i];
        out += "    t" + padded(offset(l.at), 13) + padded(l.what, 10) + " " +
               printable(sim::short_text(payload::of_string(l.text), text_width));
        if (!l.note.empty()) out += "   <- " + l.note;
        if (l.what == "violation") out += "   moment " + l.moment;
        out += "\n";
    }
    return out;
}

std::string free_text(const sim::failure_report& r) {
    std::string out;
    for (std::size_t i = 0; i < r.free_values.size(); ++i)
        out += (i == 0 ? "" : i + 1 == r.free_values.size() ? " and " : ", ") + printable(r.free_values[i]);
    if (!out.empty()) out += r.free_values.size() == 1 ? " also fails" : " also fail";
    if (r.seeds_without > 0)
        out += std::string(out.empty() ? "" : "; ") + "without the " +
               (r.shrunk.plan.faults.size() == 1 ? "FAULT" : "FAULTs") + " it passes (" +
               std::to_string(r.passed_without) + "/" + std::to_string(r.seeds_without) + ")";
    return out.empty() ? out : "  " + out + "\n";
}

std::string shrinking_text(const sim::failure_report& r) {
    const sim::shrink_statistics& s = r.shrinking;
    std::string out = "  minimal reproduction   " + counted_of(s.events_after, s.events_before, "event");
    if (s.faults_before > 0) out += ", " + counted_of(s.faults_after, s.faults_before, "fault") + " kept";
    out += "   (" + counted(s.tries, "try", "tries");
    if (s.out_of_time) out += ", out of time: it may not be minimal";
    return out + ")\n";
}

std::string moment_of_last_fault(const sim::failure_report& r) {
    std::string moment = r.what.moment;
    for (const sim::story_line& l : r.story)
        if (l.what == "FAULT" || moment.empty()) moment = l.moment;
    return moment;
}

} // namespace

std::string plan_words(const sim::run_case& c) {
    std::string out;
    for (const sim::fault& f : c.plan.faults) out += (out.empty() ? "" : " + ") + sim::to_string(f);
    if (out.empty()) out = "no faults";
    return c.edits.empty() ? out : out + ", another workload";
}

std::string failure_block(const sim::failure_report& r, const std::string& kept) {
    const sim::scenario& s = *r.shrunk.origin();
    std::string head = "  FAIL  " + printable(s.file) + "   seed " + std::to_string(r.shrunk.seed) + "   " +
                       counted(r.seeds_tried, "run") + " until it was met\n";
    head += "  property  \"" + printable(r.what.what) + "\"";
    if (r.what.where.line != 0) head += "  " + printable(to_string(r.what.where));
    head += "   signature " + to_hex(r.signature.last_events, 6);
    if (r.also > 0) head += "   also met " + counted(r.also, "time");
    head += "\n  expected  " + printable(sim::short_text(payload::of_string(r.what.expected), text_width)) +
            "\n  actual    " + printable(sim::short_text(payload::of_string(r.what.actual), text_width)) + "\n\n";
    head += shrinking_text(r);
    std::string tail = free_text(r);
    if (r.nearest)
        tail += "  first difference from nearest passing run (" + printable(r.nearest->passing) + "): event " +
                std::to_string(r.nearest->seq.value) + "\n    " + printable(r.nearest->first) + "   |   " +
                printable(r.nearest->second) + "\n";
    if (!r.token.empty()) tail += "  repro   aivp-sim repro " + r.token + "\n";
    if (r.shrinking.out_of_time && !r.found_token.empty() && r.found_token != r.token)
        tail += "  found   aivp-sim repro " + r.found_token + "\n";
    if (!kept.empty()) tail += "  keep    " + printable(kept) + " written   (git add it)\n";
    if (!r.token.empty())
        tail += "  debug   aivp-sim repro " + r.token + " --at " + moment_of_last_fault(r) + " --gdb\n";
    const std::string others = head + tail;
    const auto used = static_cast<std::size_t>(std::count(others.begin(), others.end(), '\n'));
    return head + story_text(r.story, std::max<std::size_t>(6, failure_lines_max - std::min(used, failure_lines_max))) +
           tail;
}

namespace {

std::string text_member(const char* key, std::string_view value) {
    return "\"" + std::string(key) + "\":" + quoted(value);
}

std::string number_member(const char* key, std::uint64_t value) {
    return "\"" + std::string(key) + "\":" + std::to_string(value);
}

std::string faults_json(const sim::failure_report& r) {
    std::string out = "[";
    for (std::size_t i = 0; i < r.shrunk.plan.faults.size(); ++i) {
        const sim::fault& f = r.shrunk.plan.faults[i];
        const bool required = i < r.required.size() && r.required[i];
        out += (i ? "," : "") + ("{" + text_member("fault", sim::to_string(f))) + "," +
               text_member("kind", sim::info(f.kind).name) + "," + number_member("ordinal", f.ordinal) +
               ",\"required\":" + (required ? "true" : "false") + "," + text_member("site", f.site) + "}";
    }
    return out + "]";
}

std::string story_json(const sim::failure_report& r) {
    std::string out = "[";
    for (std::size_t i = 0; i < r.story.size(); ++i) {
        const sim::story_line& l = r.story[i];
        out += (i ? "," : "") + ("{\"at_us\":" + std::to_string(l.at.us)) + "," + text_member("moment", l.moment) +
               "," + text_member("note", l.note) + "," + number_member("record", l.seq.value) + "," +
               text_member("text", l.text) + "," + text_member("what", l.what) + "}";
    }
    return out + "]";
}

} // namespace

std::string failure_json(const sim::failure_report& r, const std::string& kept) {
    const sim::shrink_statistics& s = r.shrinking;
    std::string out = "{" + text_member("actual", r.what.actual) + "," + number_member("also", r.also) + "," +
                      text_member("code", info(r.what.code).name) + "," + text_member("expected", r.what.expected) +
                      ",\"faults\":" + faults_json(r) + "," + text_member("file", r.shrunk.origin()->file) +
                      ",\"free_values\":[";
    for (std::size_t i = 0; i < r.free_values.size(); ++i) out += (i ? "," : "") + quoted(r.free_values[i]);
    out += "]," + text_member("kept", kept) + "," + text_member("moment", r.what.moment) + ",\"nearest\":";
    out += r.nearest ? "{" + text_member("first", r.nearest->first) + "," + text_member("passing", r.nearest->passing) +
                           "," + number_member("record", r.nearest->seq.value) + "," +
                           text_member("second", r.nearest->second) + "}"
                     : "null";
    out += "," + number_member("passed_without", r.passed_without) + "," + text_member("property", r.what.what) + "," +
           number_member("runs_until_met", r.seeds_tried) + "," + number_member("seed", r.shrunk.seed) + "," +
           number_member("seeds_without", r.seeds_without) + ",\"shrinking\":{" +
           number_member("accepted", s.accepted) + "," + number_member("events_after", s.events_after) + "," +
           number_member("events_before", s.events_before) + "," + number_member("faults_after", s.faults_after) + "," +
           number_member("faults_before", s.faults_before) + ",\"out_of_time\":" + (s.out_of_time ? "true" : "false") +
           "," + number_member("tries", s.tries) + "}," +
           text_member("signature", to_hex(r.signature.last_events, 16)) + ",\"story\":" + story_json(r) + "," +
           text_member("token", r.token) + "," + text_member("token_as_met", r.found_token) +
           ",\"workload\":" + std::string(to_payload(r.shrunk.edits).text()) + "}";
    return out;
}

} // namespace aivp::tools
