#include "tools/aivp-sim/trace_events.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <utility>

#include "aivp/version.hpp"
#include "sim/search/story.hpp"
#include "tools/aivp-sim/causes.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

constexpr int engine_process = 1;
constexpr int world_process = 2;

class writer {
public:
    writer(const sim::run_case& c, const sim::executed_case& run)
        : case_(c), run_(run), records_(causes_of(run.journal)), names_(*c.what, records_) {}
    std::string write();

private:
    /// Nanoseconds since the start, in the unit of the format.
    std::string time(std::int64_t ns) const {
        char text[48];
        std::snprintf(text, sizeof text, "%lld.%03lld", static_cast<long long>(ns / 1000),
                      static_cast<long long>(ns % 1000));
        return text;
    }
    void event(const char* phase, int process, const std::string& name, std::int64_t ns, const std::string& rest) {
        out_ += (first_ ? "\n" : ",\n") + ("{\"ph\":" + quoted(phase)) + ",\"pid\":" + std::to_string(process) +
                ",\"tid\":1,\"ts\":" + time(ns) + ",\"name\":" + quoted(name) + rest + "}";
        first_ = false;
    }
    void name_tracks();
    void place_records();
    void record(const caused_record& r);
    void flow(const caused_record& r);
    void pairs(const caused_record& r, const sim::event_view& e);
    void open(const char* kind, const std::string& id, const std::string& name, const std::string& arguments);
    void close(const std::string& id, const std::string& arguments);
    void note(const std::string& id, const std::string& name);
    void spend(const sim::event_view& e);
    void faults();

    struct opened {
        const char* kind;
        std::string name;
    };
    const sim::run_case& case_;
    const sim::executed_case& run_;
    std::vector<caused_record> records_;
    journal_names names_;
    std::vector<std::int64_t> place_ns_; ///< by record
    std::map<std::string, opened> open_; ///< by id
    std::int64_t now_ns_ = 0;
    std::int64_t spent_ = 0;
    std::string out_;
    bool first_ = true;
};

void writer::name_tracks() {
    const auto name = [&](int process, const std::string& text) {
        event("M", process, "process_name", 0, ",\"args\":{\"name\":" + quoted(text) + "}");
    };
    name(engine_process, "engine: one slice for each journal record");
    name(world_process, "runs and calls");
}

void writer::place_records() {
    std::int64_t before = -1;
    for (const caused_record& r : records_) {
        const std::int64_t ns = std::max<std::int64_t>(0, (r.at - case_.what->start).us) * 1000;
        before = std::max(before + 1, ns);
        place_ns_.push_back(before);
    }
}

void writer::open(const char* kind, const std::string& id, const std::string& name, const std::string& arguments) {
    if (open_.contains(id)) return note(id, "again");
    event("b", world_process, name, now_ns_,
          ",\"cat\":" + quoted(kind) + ",\"id\":" + quoted(id) + ",\"args\":" + arguments);
    open_.emplace(id, opened{kind, name});
}

void writer::close(const std::string& id, const std::string& arguments) {
    const auto it = open_.find(id);
    if (it == open_.end()) return;
    event("e", world_process, it->second.name, now_ns_,
          ",\"cat\":" + quoted(it->second.kind) + ",\"id\":" + quoted(id) + ",\"args\":" + arguments);
    open_.erase(it);
}

void writer::note(const std::string& id, const std::string& name) {
    const auto it = open_.find(id);
    if (it == open_.end()) return;
    event("n", world_process, name, now_ns_, ",\"cat\":" + quoted(it->second.kind) + ",\"id\":" + quoted(id));
}

void writer::spend(const sim::event_view& e) {
    const std::int64_t cost = e.type == "model_settled" || e.type == "call_settled"       ? e.number("cost")
                              : e.type == "call_resent" || e.type == "call_retry_planned" ? e.number("lost")
                                                                                          : 0;
    if (cost == 0) return;
    spent_ += cost;
    event("C", engine_process, "spend", now_ns_, ",\"args\":{\"micro_usd\":" + std::to_string(spent_) + "}");
}

std::string how_it_ended(const sim::event_view& e) {
    std::string out;
    for (const char* key : {"outcome", "status", "code"})
        if (const std::string value = e.text(key); !value.empty())
            out += (out.empty() ? "" : ",") + quoted(key) + ":" + quoted(value);
    return "{" + out + "}";
}

void writer::pairs(const caused_record& r, const sim::event_view& e) {
    const std::int64_t run = run_of(e, r), call = e.number("call");
    const std::string run_name = "run " + std::to_string(run), id = run_name + " call " + std::to_string(call);
    spend(e);
    if (e.type == "trigger_accepted") {
        open("run", run_name, names_.agent_of_run(run), "{\"run\":" + std::to_string(run) + "}");
    } else if (e.type == "call_resent" || e.type == "call_retry_planned" || e.type == "call_parked") {
        note(id, e.type);
    } else if (asks(e)) {
        const auto arguments = member(e.whole, "arguments");
        open("call", id, names_.call(run, call),
             "{\"run\":" + std::to_string(run) + ",\"key\":" + quoted(e.text("key")) +
                 (arguments ? ",\"arguments\":" + std::string(arguments->text()) : "") + "}");
    } else if (settles(e)) {
        close(id, how_it_ended(e));
    } else if (e.type == "call_refused") {
        note(run_name, "refused " + e.text("as") + ": " + e.text("code"));
    } else if (e.type == "run_finished") {
        close(run_name, how_it_ended(e));
    }
}

void writer::flow(const caused_record& r) {
    if (r.cause == 0) return;
    const std::string rest = ",\"cat\":\"cause\",\"id\":" + std::to_string(r.seq.value);
    event("s", engine_process, "leads to", place_ns_[r.cause - 1], rest);
    event("f", engine_process, "leads to", now_ns_, rest + ",\"bp\":\"e\"");
}

void writer::record(const caused_record& r) {
    now_ns_ = place_ns_[r.seq.value - 1];
    const std::string& line = run_.journal.records[r.seq.value - 1].line;
    event("X", engine_process, sim::brief(line), now_ns_,
          ",\"dur\":0.001,\"args\":{\"moment\":" + quoted(run_.journal.moment(r.seq, case_.what->start)) +
              ",\"record\":" + std::to_string(r.seq.value) + "}");
    flow(r);
    for (const sim::event_view& e : r.told.events) pairs(r, e);
}

void writer::faults() {
    for (const sim::met_fault& m : run_.result.report.met)
        event("i", engine_process, "FAULT " + sim::to_string(case_.plan.faults[m.index]),
              std::max<std::int64_t>(0, (m.at - case_.what->start).us) * 1000, ",\"s\":\"g\"");
}

std::string writer::write() {
    place_records();
    name_tracks();
    event("C", engine_process, "spend", 0, ",\"args\":{\"micro_usd\":0}");
    for (const caused_record& r : records_) record(r);
    while (!open_.empty()) close(open_.rbegin()->first, "{\"still_open\":true}");
    faults();
    return "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"engine\":" + quoted(version) +
           ",\"scenario\":" + quoted(case_.origin()->file) + ",\"seed\":" + std::to_string(case_.seed) +
           "},\"traceEvents\":[" + out_ + "\n]}\n";
}

} // namespace

std::string to_trace_events(const sim::run_case& c, const sim::executed_case& run) { return writer(c, run).write(); }

} // namespace aivp::tools
