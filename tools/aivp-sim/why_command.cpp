// `aivp-sim why`: how a run came to a moment.
#include <iostream>
#include <map>

#include "sim/search/story.hpp"
#include "tools/aivp-sim/causes.hpp"
#include "tools/aivp-sim/commands.hpp"
#include "tools/aivp-sim/explore_command.hpp"
#include "tools/aivp-sim/repro_command.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

constexpr std::size_t lines_max = 25;
constexpr std::size_t arguments_width = 56;

struct why_line {
    std::string what; ///< "input", "decision", "effect", "FAULT"
    std::string text;
    std::string moment; ///< of an input
    duration at;
    std::uint64_t record = 0;
};

std::string ended(const sim::event_view& e) {
    std::string out = e.text(e.type == "run_finished" ? "status" : "outcome");
    if (out.empty()) out = "ok";
    const std::string code = e.text("code");
    return code.empty() || code == out ? out : out + " " + code;
}

std::string shown(const sim::event_view& e, const char* key) {
    const auto value = member(e.whole, key);
    return value && !value->is_null() ? sim::short_text(*value, arguments_width) : "";
}

/// Tells the chain of records that led to one.
class chain_teller {
public:
    chain_teller(const sim::run_case& c, const sim::executed_case& run)
        : case_(c), run_(run), records_(causes_of(run.journal)), names_(*c.what, records_) {}
    std::vector<why_line> tell(seq_no to);
    std::size_t records() const { return chain_.size(); }

private:
    void add(std::string what, std::string text) {
        lines_.push_back({std::move(what), std::move(text), {}, at_, record_});
    }
    void tell(const caused_record& r);
    std::string input_text(const caused_record& r) const;
    void tell(const caused_record& r, const sim::event_view& e);
    void tell_faults(const caused_record& r);

    const sim::run_case& case_;
    const sim::executed_case& run_;
    std::vector<caused_record> records_;
    journal_names names_;
    std::vector<std::uint64_t> chain_;
    std::vector<why_line> lines_;
    duration at_;
    std::uint64_t record_ = 0;
    std::uint64_t target_ = 0;
};

std::string chain_teller::input_text(const caused_record& r) const {
    for (const sim::event_view& e : r.told.events)
        if (settles(e))
            return names_.call(run_of(e, r), e.number("call")) + " answers " + names_.agent_of_run(r.run) + ": " +
                   ended(e);
    const std::string& input = r.told.input;
    if (input == "start_run") return "starts " + names_.agent(sim::number_of(r.told.told.text(), "agent"));
    if (input == "publish_event") {
        const auto type = member(r.told.told, "event");
        return "the event " + (type ? as_string(*type).value_or("") : "");
    }
    if (input == "timer_elapsed" && r.run == 0)
        return "the schedule of " + names_.agent(sim::number_of(r.told.told.text(), "agent"));
    if (input == "timer_elapsed") return "a timer of " + names_.agent_of_run(r.run);
    if (r.run != 0) return input + ", " + names_.agent_of_run(r.run);
    return input;
}

void chain_teller::tell(const caused_record& r, const sim::event_view& e) {
    const std::int64_t run = run_of(e, r);
    const std::string call = names_.call(run, e.number("call"));
    // What the chain does not follow is left to the journal: other calls of the same decision.
    if (e.type == "trigger_accepted") {
        const std::string body = shown(e, "body");
        add("decision", "a run of " + names_.agent(e.number("agent")) + (body.empty() ? "" : "  " + body));
    } else if (e.type == "trigger_refused") {
        add("decision", "no run of " + names_.agent(e.number("agent")) + ": " + e.text("code"));
    } else if (e.type == "call_refused") {
        add("decision", "refuses " + e.text("as") + ": " + e.text("code"));
    } else if (e.type == "call_retry_planned") {
        add("decision", "tries " + call + " again after " + e.text("code"));
    } else if (e.type == "call_parked") {
        add("decision", call + " waits for a person");
    } else if (e.type == "completion_ignored") {
        add("decision", "ignores an answer of " + call + ": " + e.text("reason"));
    } else if (e.type == "run_finished") {
        add("decision", "the run of " + names_.agent_of_run(run) + " ends: " + ended(e));
    } else if (e.type == "run_paused" || e.type == "run_resumed" || e.type == "time_lost" || e.type == "recovered") {
        add("decision", e.type);
    } else if (e.type == "model_requested") {
        add("effect", "asks the model");
    } else if (e.type == "user_asked") {
        add("effect", "asks the user  " + shown(e, "text"));
    } else if (e.type == "call_intended") {
        add("effect", call + "(" + shown(e, "arguments") + ")  key=" + e.text("key").substr(0, 4));
    } else if (e.type == "call_resent") {
        add("effect", call + " again, by the same key");
    }
}

void chain_teller::tell_faults(const caused_record& r) {
    std::map<std::size_t, std::uint64_t> met;
    for (const sim::met_fault& m : run_.result.report.met)
        if (m.after == r.seq && r.seq.value != target_) ++met[m.index];
    for (const auto& [index, times] : met)
        add("FAULT",
            sim::to_string(case_.plan.faults[index]) + (times > 1 ? ", met " + std::to_string(times) + " times" : ""));
}

void chain_teller::tell(const caused_record& r) {
    at_ = r.at - case_.what->start;
    record_ = r.seq.value;
    add("input", input_text(r));
    lines_.back().moment = run_.journal.moment(r.seq, case_.what->start);
    for (const sim::event_view& e : r.told.events) tell(r, e);
    tell_faults(r);
}

std::vector<why_line> chain_teller::tell(seq_no to) {
    target_ = to.value;
    chain_ = chain_to(records_, to);
    for (const std::uint64_t n : chain_) tell(records_[n - 1]);
    return std::move(lines_);
}

/// At most so many: what stands in the middle is left out, whole records at a time where that is enough.
std::vector<why_line> shortened(const std::vector<why_line>& lines, std::size_t most) {
    if (lines.size() <= most) return lines;
    const std::size_t first = most / 3, last = most - first - 1;
    std::vector<why_line> out(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(first));
    out.push_back({"…", counted(lines.size() - first - last, "more line") + "; --json has them all", {}, {}, 0});
    out.insert(out.end(), lines.end() - static_cast<std::ptrdiff_t>(last), lines.end());
    return out;
}

void print_lines(const std::vector<why_line>& lines) {
    std::uint64_t before = 0;
    for (const why_line& l : lines) {
        const bool same = l.record == before && l.record != 0;
        before = l.record;
        std::cout << "  " << padded(l.record == 0 || same ? "" : "t" + offset(l.at), 15) << padded(l.what, 10)
                  << printable(l.text) << (l.moment.empty() ? "" : "   " + l.moment) << "\n";
    }
}

void print_json(const std::vector<why_line>& lines, const std::string& moment, seq_no seq) {
    std::cout << "{\"chain\":[";
    for (std::size_t i = 0; i < lines.size(); ++i)
        std::cout << (i ? "," : "") << "{\"at_us\":" << lines[i].at.us
                  << ",\"moment\":" << tools::quoted(lines[i].moment) << ",\"record\":" << lines[i].record
                  << ",\"text\":" << tools::quoted(lines[i].text) << ",\"what\":" << tools::quoted(lines[i].what)
                  << "}";
    std::cout << "],\"moment\":" << tools::quoted(moment) << ",\"record\":" << seq.value << ",\"version\":1}\n";
}

int why(const arguments& a) {
    const std::string moment = a.positional.front();
    sim::run_case c;
    if (const int code = read_case(a, a.positional.back(), c); code != exit_ok) return code;
    const sim::executed_case run = sim::execute_fully(c, {});
    const auto found = record_of(run.journal, moment, c.what->start);
    if (!found) return report_error(found.error());
    const seq_no seq = *found;
    chain_teller teller(c, run);
    const std::vector<why_line> lines = teller.tell(seq);
    if (a.has("json")) {
        print_json(lines, moment, seq);
        return exit_ok;
    }
    std::cout << "  " << moment << "   record " << seq.value << " of " << run.journal.records.size() << "   "
              << counted(teller.records(), "record") << " led there\n";
    print_lines(shortened(lines, lines_max - 1));
    return exit_ok;
}

} // namespace

command_spec why_command_spec() {
    return {"why",
            "why MOMENT TOKEN|FILE [--seed S] [--in FOLDER] [--json]",
            "Says which inputs, decisions and effects led to a moment of a run.",
            {"aivp-sim why 7c1e@2600 aivp1:refund:AQ…", "aivp-sim why 7c1e@2600 scenarios/refund.yaml --seed 41"},
            {{"seed", "S", "1", "of a scenario file"},
             {"in", "FOLDER", "", "where the token's scenario is, when it is not below this folder"},
             {"json", "", "", "one JSON document on stdout"}},
            2,
            2,
            why};
}

} // namespace aivp::tools
