#include "tools/aivp/run_view.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <string>

#include "aivp/base/money.hpp"
#include "tools/common/output.hpp"
#include "tools/live/live.hpp"

namespace aivp::tools {

namespace {

std::string cut(const std::string& text, std::size_t most) {
    if (text.size() <= most) return text;
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end) + "…";
}

std::string json_at(const payload& object, std::string_view key, std::size_t most) {
    const auto m = member(object, key);
    return m && !m->is_null() ? cut(printable(m->text()), most) : "";
}

std::string word_of(const payload& call) {
    if (text_at(call, "kind") == "model") return "model";
    const std::string effect = text_at(call, "effect");
    return effect == "write" ? "WRITE" : effect.empty() ? "call" : effect;
}

std::string name_of(const payload& call) {
    const std::string as = text_at(call, "as");
    return as.empty() ? text_at(call, "name") : as;
}

bool is_write(const payload& call) { return text_at(call, "effect") == "write"; }

struct view_totals {
    std::uint64_t reads = 0, writes = 0, irreversible = 0, refused = 0, failed = 0, unknown = 0, parked = 0;
};

view_totals totals_of(const std::vector<payload>& calls) {
    view_totals t;
    for (const payload& c : calls) {
        const std::string state = text_at(c, "state");
        const std::string outcome = text_at(c, "outcome");
        t.refused += state == "refused";
        t.parked += state == "parked";
        if (text_at(c, "kind") != "skill" || state == "refused") continue;
        t.failed += outcome == "failed";
        t.unknown += outcome == "unknown";
        t.reads += text_at(c, "effect") == "read" && outcome == "ok";
        if (!is_write(c) || outcome != "ok") continue;
        ++t.writes;
        const auto reversible = member(c, "reversible");
        t.irreversible += !(reversible && as_bool(*reversible) == true);
    }
    return t;
}

void print_call(const payload& c, std::int64_t start) {
    const std::int64_t at = number_at(c, "started_at") ? number_at(c, "started_at") : number_at(c, "settled_at");
    const std::int64_t n = number_at(c, "call");
    const std::string state = text_at(c, "state");
    std::string subject = json_at(c, "request", 90);
    if (word_of(c) == "model")
        subject = "in " + std::to_string(number_at(c, "input_tokens")) + " out " +
                  std::to_string(number_at(c, "output_tokens")) + "   " + json_at(c, "response", 60);
    std::cout << "  " << (n < 10 ? " " : "") << n << "  " << offset(microseconds(at - start)) << "  "
              << padded(word_of(c), 6) << padded(cut(name_of(c), 80), 16) << "  " << subject << "\n";
    std::string verdict = state == "refused"  ? "refused  " + text_at(c, "code")
                          : state == "parked" ? "PARKED   it may have happened; `aivp resolve` goes on"
                          : state == "open"   ? "open"
                                              : text_at(c, "outcome");
    if (word_of(c) == "model" && verdict == "ok") return;
    if (is_write(c) && verdict == "ok") {
        const auto reversible = member(c, "reversible");
        verdict += reversible && as_bool(*reversible) == true ? "   reversible" : "   IRREVERSIBLE";
    }
    if (const std::int64_t cost = number_at(c, "cost_usd_micros")) verdict += "   " + to_string(usd_micros{cost});
    if (const std::int64_t tries = number_at(c, "attempts"); tries > 1)
        verdict += "   attempt " + std::to_string(tries);
    std::cout << "                       " << verdict << "\n";
    const std::string message = text_at(c, "message");
    if (!message.empty() && text_at(c, "code") != "ok")
        std::cout << "                       " << text_at(c, "code") << ": " << cut(message, 400) << "\n";
}

void print_end(const payload& run, const payload& agent) {
    const std::string state = text_at(run, "state");
    if (state != "finished") {
        std::cout << "  state     " << (number_at(run, "paused") ? "paused" : state) << "\n";
        return;
    }
    std::cout << "  outcome   " << text_at(run, "status") << " (" << text_at(run, "code") << ")  "
              << cut(text_at(run, "message"), 200) << "\n";
    const auto details = member(run, "details");
    const std::string answer = details ? text_at(*details, "answer") : "";
    if (!answer.empty()) std::cout << "  answer    " << cut(answer, 400) << "\n";
    std::cout << "  cost      " << to_string(usd_micros{number_at(run, "cost_usd_micros")});
    if (const std::int64_t budget = number_at(agent, "budget_usd_micros"))
        std::cout << " of " << to_string(usd_micros{budget}) << " budget";
    std::cout << "       time " << rounded(microseconds(number_at(run, "latency_us"))) << "\n";
}

/// What is worth a word in a log, in this order.
std::string details_of(const payload& event) {
    constexpr std::array<std::string_view, 12> texts{"id",      "as",     "stage",  "status", "outcome", "code",
                                                     "message", "reason", "finish", "key",    "event",   "name"};
    std::string out;
    for (const std::string_view key : {"call", "step", "attempt", "resent", "parked"})
        if (const auto m = member(event, key); m && !m->is_null())
            out += "  " + std::string(key) + " " + printable(m->text());
    for (const std::string_view key : texts)
        if (const std::string text = text_at(event, key); !text.empty()) out += "  " + cut(text, 200);
    for (const std::string_view key : {"arguments", "result", "body", "text", "response"})
        if (const std::string text = json_at(event, key, 120); !text.empty()) out += "  " + text;
    return out;
}

} // namespace

void print_run_view(const payload& shown) {
    const payload run = member(shown, "run").value_or(payload());
    const payload agent = member(shown, "agent").value_or(payload());
    const std::vector<payload> calls = items(member(shown, "calls").value_or(payload()));
    const std::string name = to_string(run_id{static_cast<std::uint64_t>(number_at(run, "run"))});
    std::cout << "  " << padded(name, 8) << "  agent " << text_at(run, "agent_id");
    if (const std::string hash = text_at(agent, "snapshot"); !hash.empty())
        std::cout << "   snapshot #" << hash.substr(0, 8);
    std::cout << "   " << to_string(instant{number_at(run, "accepted_at")}) << "\n";
    const std::int64_t start =
        number_at(run, "started_at") ? number_at(run, "started_at") : number_at(run, "accepted_at");
    for (const payload& c : calls) print_call(c, start);
    for (const payload& step : items(member(shown, "steps").value_or(payload())))
        if (text_at(step, "status") == "skipped")
            std::cout << "      step " << number_at(step, "step") << " skipped: " << cut(text_at(step, "message"), 200)
                      << "\n";
    print_end(run, agent);
    const view_totals t = totals_of(calls);
    std::cout << "  effects   " << counted(t.reads, "read") << " · " << counted(t.writes, "write") << " performed ("
              << t.irreversible << " irreversible) · " << t.refused << " refused · " << t.failed << " failed"
              << (t.unknown > 0 ? " · " + std::to_string(t.unknown) + " UNKNOWN: may have happened" : "")
              << (t.parked > 0 ? " · " + std::to_string(t.parked) + " PARKED" : "") << "\n";
    std::cout << "  next      aivp logs " << name << "\n";
}

void print_log_line(const payload& line) {
    const std::int64_t correlation = number_at(line, "correlation");
    instant at{number_at(line, "at")};
    at.us -= at.us % 1'000;
    const auto head = [&](std::int64_t run) {
        return padded(to_string(at), 24) + "  #" + padded(std::to_string(number_at(line, "seq")), 6) + "  " +
               padded(run ? to_string(run_id{static_cast<std::uint64_t>(run)}) : "", 8) + "  ";
    };
    const std::vector<payload> events = items(member(line, "events").value_or(payload()));
    for (const payload& e : events) {
        const std::int64_t run = number_at(e, "run") ? number_at(e, "run") : correlation;
        std::cout << head(run) << padded(text_at(e, "type"), 18) << details_of(e) << "\n";
    }
    if (events.empty()) {
        const payload input = member(line, "input").value_or(payload());
        std::cout << head(correlation) << padded("(" + text_at(input, "type") + ")", 18) << "\n";
    }
}

int exit_code_of_run(const payload& shown) {
    const payload run = member(shown, "run").value_or(payload());
    if (text_at(run, "status") != "failure") return exit_ok;
    const error_info* row = find_error(text_at(run, "code"));
    return row && row->exit_code != 0 ? row->exit_code : exit_failed;
}

} // namespace aivp::tools
