#include "tests/daemon/differential/streams.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "aivp/base/time.hpp"

namespace differential_test {

using namespace aivp;

namespace {

using members_list = std::vector<std::pair<std::string, payload>>;

std::optional<std::int64_t> number_at(const payload& object, std::string_view key) {
    const auto m = member(object, key);
    return m ? as_integer(*m) : std::nullopt;
}

std::string text_at(const payload& object, std::string_view key) {
    const auto m = member(object, key);
    return m ? as_string(*m).value_or("") : "";
}

/// What is known about a run while its events are read.
struct run_times {
    std::int64_t started_at = 0;
    duration run_timeout;
    std::map<std::int64_t, std::string> named; ///< deadlines that events have set
};

class reader {
public:
    explicit reader(const std::vector<snapshot_ptr>& agents) : agents_(agents) {}

    void read(const payload& line) {
        at_ = number_at(line, "at").value_or(0);
        const std::int64_t correlation = number_at(line, "correlation").value_or(0);
        const payload input = member(line, "input").value_or(payload());
        by_schedule_ = text_at(input, "type") == "timer_elapsed";
        const payload head =
            payload::of_object({{"input", input}, {"source", member(line, "source").value_or(payload())}});
        const std::vector<payload> events = items(member(line, "events").value_or(payload()));
        // Each stream that the record touches begins with what the record came from.
        std::set<std::string> begun;
        const auto put = [&](const std::string& stream, const payload& entry) {
            auto& entries = out_.by_name[stream];
            if (begun.insert(stream).second) entries.push_back(head);
            entries.push_back(entry);
        };
        for (const payload& e : events) {
            const std::int64_t run = number_at(e, "run").value_or(correlation);
            put(stream_of(e, run), written_anew(e, run));
        }
        if (events.empty())
            out_.by_name[correlation ? "run-" + std::to_string(correlation) : "outside"].push_back(head);
    }

    journal_streams take() { return std::move(out_); }

private:
    static bool is_about_a_run(const payload& e, std::int64_t run) {
        const std::string type = text_at(e, "type");
        return run != 0 && type != "trigger_refused" && type != "trigger_armed";
    }
    static std::string stream_of(const payload& e, std::int64_t run) {
        if (is_about_a_run(e, run)) return "run-" + std::to_string(run);
        const std::int64_t agent = number_at(e, "agent").value_or(0);
        return agent ? "agent-" + std::to_string(agent) : "outside";
    }

    payload written_anew(const payload& e, std::int64_t run) {
        const std::string type = text_at(e, "type");
        learn(e, type, run);
        members_list out;
        for (auto& [key, value] : members(e)) out.emplace_back(key, instant_of(key, value, type, run));
        if (is_about_a_run(e, run) && !member(e, "run")) out.emplace_back("run", payload::of_integer(run));
        return payload::of_object(std::move(out));
    }

    void learn(const payload& e, const std::string& type, std::int64_t run) {
        run_times& r = runs_[run];
        const std::string call = std::to_string(number_at(e, "call").value_or(0));
        if (type == "trigger_accepted") {
            const auto agent = static_cast<std::size_t>(number_at(e, "agent").value_or(0));
            if (agent >= 1 && agent <= agents_.size()) r.run_timeout = agents_[agent - 1]->limits.run_timeout;
        } else if (type == "run_started") {
            r.started_at = at_;
            r.named[at_ + r.run_timeout.us] = "the run's deadline";
        } else if (type == "call_retry_planned") {
            r.named[number_at(e, "due").value_or(0)] =
                "attempt " + std::to_string(number_at(e, "attempt").value_or(0)) + " of call " + call;
        } else if (const auto deadline = number_at(e, "deadline")) {
            r.named.emplace(*deadline, "the deadline of call " + call);
        }
    }

    payload instant_of(const std::string& key, const payload& value, const std::string& type, std::int64_t run) {
        const auto number = as_integer(value);
        if (!number) return value;
        const run_times& r = runs_[run];
        if (key == "latency" && type == "run_finished")
            return *number == at_ - r.started_at ? payload::of_string("at - the start") : value;
        if (key == "scheduled_for" && !by_schedule_) return *number == at_ ? payload::of_string("at") : value;
        const auto name = r.named.find(*number);
        if (key == "due" && type == "timer_armed" && name != r.named.end()) return payload::of_string(name->second);
        const bool of_a_call = key == "deadline" || (key == "due" && type == "call_retry_planned");
        if (!of_a_call) return value;
        if (key == "deadline" && *number == r.started_at + r.run_timeout.us)
            return payload::of_string("the run's deadline");
        return payload::of_string("at + " + to_string(duration{*number - at_}));
    }

    const std::vector<snapshot_ptr>& agents_;
    std::int64_t at_ = 0;
    bool by_schedule_ = false;
    std::map<std::int64_t, run_times> runs_;
    journal_streams out_;
};

std::string name_of(const payload& entry) {
    const std::string type = text_at(entry, "type");
    if (!type.empty()) return type;
    const auto input = member(entry, "input");
    const std::string in = input ? text_at(*input, "type") : "";
    return in.empty() ? "a record" : "a record of " + in;
}

std::string side(const std::optional<payload>& value) { return value ? std::string(value->text()) : "nothing"; }

std::string describe(const std::string& stream, std::size_t at, const payload& live, const payload& simulated) {
    std::string out = stream + ", entry " + std::to_string(at + 1) + ", " + name_of(live);
    if (name_of(live) != name_of(simulated)) out += ", which is " + name_of(simulated) + " in the simulation";
    for (const json_difference& d : differences(live, simulated, 5))
        out += "\n  " + d.pointer + "\n    live:      " + side(d.left) + "\n    simulated: " + side(d.right);
    return out;
}

} // namespace

journal_streams streams_of(const std::vector<std::string>& lines, const std::vector<snapshot_ptr>& agents) {
    reader r(agents);
    for (const std::string& line : lines) r.read(payload::from_canonical(line));
    return r.take();
}

std::optional<std::string> first_difference(const journal_streams& live, const journal_streams& simulated) {
    // Runs first, in their order: what is different elsewhere mostly follows.
    const auto earlier = [](const std::string& a, const std::string& b) {
        const bool runs[]{a.starts_with("run-"), b.starts_with("run-")};
        if (runs[0] != runs[1]) return runs[0];
        return a.size() != b.size() ? a.size() < b.size() : a < b;
    };
    std::set<std::string, decltype(earlier)> names(earlier);
    for (const auto* s : {&live, &simulated})
        for (const auto& [name, entries] : s->by_name) names.insert(name);
    for (const std::string& name : names) {
        static const std::vector<payload> none;
        const auto of = [&](const journal_streams& s) -> const std::vector<payload>& {
            const auto found = s.by_name.find(name);
            return found == s.by_name.end() ? none : found->second;
        };
        const auto& a = of(live);
        const auto& b = of(simulated);
        const std::size_t common = std::min(a.size(), b.size());
        for (std::size_t i = 0; i < common; ++i)
            if (a[i] != b[i]) return describe(name, i, a[i], b[i]);
        if (a.size() == b.size()) continue;
        const bool more_live = a.size() > b.size();
        return name + " has " + std::to_string(a.size()) + " entries live and " + std::to_string(b.size()) +
               " in the simulation; the first one more is\n  " + (more_live ? "live:      " : "simulated: ") +
               std::string((more_live ? a : b)[common].text());
    }
    return std::nullopt;
}

std::size_t count_of(const journal_streams& streams, std::string_view type) {
    std::size_t n = 0;
    for (const auto& [name, entries] : streams.by_name)
        n += static_cast<std::size_t>(
            std::ranges::count_if(entries, [&](const payload& e) { return text_at(e, "type") == type; }));
    return n;
}

} // namespace differential_test
