#include "sim/search/coverage.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>

#include "aivp/base/canonical_text.hpp"

namespace aivp::sim {

namespace {

/// What an event says of where its run stands. Views into the line; "" = ok, as it is not written.
struct event_mark {
    std::string_view type, code, outcome, status;
    std::uint64_t run = 0;
};

std::uint64_t number(std::string_view text) {
    std::uint64_t n = 0;
    std::from_chars(text.data(), text.data() + text.size(), n);
    return n;
}

event_mark mark_of(std::string_view event, std::uint64_t correlation) {
    event_mark out{.run = correlation};
    for (const auto& [key, value] : member_texts(event)) {
        if (key == "run") out.run = number(value);
        if (key == "type") out.type = value;
        if (key == "code") out.code = value;
        if (key == "outcome") out.outcome = value;
        if (key == "status") out.status = value;
    }
    return out;
}

/// What one run waits for, roughly: enough to tell situations apart, and not how many there were of one.
struct run_situation {
    std::uint8_t skills = 0; ///< under way, up to 3
    std::uint8_t models = 0;
    bool asks_user = false;
    bool retries = false; ///< an attempt is planned
    bool parked = false;
    bool paused = false;
    bool waits = false;    ///< behind another run
    bool taken_up = false; ///< by a process that started again
    bool in_doubt = false; ///< of something that it did nobody knows
    std::uint64_t hash() const {
        const auto bit = [](bool b, unsigned n) { return std::uint64_t{b} << n; };
        return skills | std::uint64_t{models} << 2 | bit(asks_user, 4) | bit(retries, 5) | bit(parked, 6) |
               bit(paused, 7) | bit(waits, 8) | bit(taken_up, 9) | bit(in_doubt, 10);
    }
};

void count_up(std::uint8_t& n) { n = static_cast<std::uint8_t>(std::min(n + 1, 3)); }
void count_down(std::uint8_t& n) { n = static_cast<std::uint8_t>(n > 0 ? n - 1 : 0); }

/// The situation after the event.
void follow(run_situation& s, const event_mark& e) {
    if (e.outcome == R"("unknown")") s.in_doubt = true;
    if (e.type == R"("trigger_accepted")") s.waits = true;
    if (e.type == R"("run_started")") s.waits = false;
    if (e.type == R"("model_requested")") count_up(s.models);
    if (e.type == R"("model_settled")") count_down(s.models), s.retries = false;
    if (e.type == R"("call_intended")") count_up(s.skills);
    if (e.type == R"("call_settled")") count_down(s.skills), s.retries = false;
    if (e.type == R"("call_retry_planned")") s.retries = true;
    if (e.type == R"("call_resent")") s.retries = false;
    if (e.type == R"("call_parked")") s.parked = true;
    if (e.type == R"("user_asked")") s.asks_user = true;
    if (e.type == R"("user_answered")") s.asks_user = false;
    if (e.type == R"("run_paused")") s.paused = true;
    if (e.type == R"("run_resumed")") s.paused = false;
}

std::uint64_t mixed(std::uint64_t hash, std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211U; // FNV-1a
    return hash;
}

void sort_out(std::vector<std::uint64_t>& v) {
    std::sort(v.begin(), v.end());
    v.erase(std::unique(v.begin(), v.end()), v.end());
}

} // namespace

reached_things reached_by(const memory_store& journal) {
    constexpr std::uint64_t basis = 14695981039346656037U;
    reached_things out;
    std::map<std::uint64_t, run_situation> runs; // those that are open
    std::uint64_t before = 0;
    const auto happened = [&](const event_mark& e) {
        const std::uint64_t type = mixed(basis, e.type);
        out.steps.push_back((before * 31) ^ type);
        before = type;
        if (e.type == R"("recovered")")
            for (auto& [id, s] : runs) s.taken_up = true;
        if (e.run == 0) return;
        run_situation& s = runs[e.run];
        const std::uint64_t what = mixed(mixed(mixed(type, e.code), e.outcome), e.status);
        out.states.push_back(((s.hash() + 1) * 0x9E37'79B9'7F4A'7C15U) ^ what);
        follow(s, e);
        if (e.type == R"("run_finished")") runs.erase(e.run);
    };
    for (std::uint64_t n = 1; n <= journal.size(); ++n) {
        std::uint64_t correlation = 0;
        for (const auto& [key, value] : member_texts(journal.line(n))) {
            // The keys of a line are sorted: what comes first is read first.
            if (key == "correlation") correlation = number(value);
            if (key != "events") continue;
            for (const std::string_view event : item_texts(value)) happened(mark_of(event, correlation));
            break;
        }
    }
    sort_out(out.steps);
    sort_out(out.states);
    return out;
}

} // namespace aivp::sim
